package alertmanager

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/integritybot/integritybot/incidents"
)

const (
	// mostAlerts is how many alerts one request may hold; max_alerts of the receiver.
	mostAlerts = 500
	// Lengths in characters of what is kept.
	longestName    = 100
	longestText    = 500
	longestAddress = 1000
)

// payload is what Alertmanager posts: its documentation, "webhook_config". What is not
// named here is not looked at.
type payload struct {
	Version  string  `json:"version"`
	GroupKey string  `json:"groupKey"`
	Alerts   []alert `json:"alerts"`
}

type alert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

// errTooMany is what a group with more than mostAlerts gets.
var errTooMany = fmt.Errorf("there are more than %d alerts in one request; set max_alerts: %d in the receiver's webhook_configs", mostAlerts, mostAlerts)

// read takes the alerts out of a body. Its errors are sentences that hold nothing of
// what was sent.
func read(body []byte) ([]incidents.Fired, error) {
	var p payload
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&p); err != nil {
		return nil, errors.New("the body is not the JSON that Alertmanager posts to a webhook")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands behind the JSON")
	}
	if p.Version != "4" {
		return nil, errors.New(`the version of the payload is not "4", the one that Alertmanager has sent since 2017`)
	}
	if len(p.Alerts) == 0 {
		return nil, errors.New("there is no alert in it")
	}
	if len(p.Alerts) > mostAlerts {
		return nil, errTooMany
	}
	fired := make([]incidents.Fired, 0, len(p.Alerts))
	for n, one := range p.Alerts {
		f, err := one.fired(p.GroupKey)
		if err != nil {
			return nil, fmt.Errorf("alert %d of %d: %w", n+1, len(p.Alerts), err)
		}
		fired = append(fired, f)
	}
	return fired, nil
}

func (a alert) fired(group string) (incidents.Fired, error) {
	if a.Status != "firing" && a.Status != "resolved" {
		return incidents.Fired{}, errors.New("its status is neither firing nor resolved")
	}
	if !plausible(a.StartsAt) {
		return incidents.Fired{}, errors.New("it does not say since when (startsAt)")
	}
	f := incidents.Fired{
		Group: keyOf(group), Fingerprint: a.fingerprint(), Firing: a.Status == "firing", Since: a.StartsAt.UTC(),
		Name: clean(a.Labels["alertname"], longestName), Severity: clean(a.Labels["severity"], longestName),
		Domain: clean(a.Labels["domain"], longestName), Summary: a.summary(), URL: address(a.GeneratorURL),
	}
	if f.Name == "" {
		f.Name = "unnamed"
	}
	if !f.Firing {
		f.Until = a.EndsAt.UTC()
		if !plausible(f.Until) || f.Until.Before(f.Since) {
			f.Until = f.Since
		}
	}
	return f, nil
}

// plausible times are those that everything behind can write down.
func plausible(t time.Time) bool { return t.Year() >= 2000 && t.Year() < 2200 }

func (a alert) summary() string {
	for _, key := range []string{"summary", "description", "message"} {
		if text := clean(a.Annotations[key], longestText); text != "" {
			return text
		}
	}
	return ""
}

// fingerprint is the one that was sent or, as some senders leave it out, one of the
// labels, which are what Alertmanager's is of.
func (a alert) fingerprint() string {
	if sent := clean(a.Fingerprint, longestName); sent != "" && sent == a.Fingerprint {
		return sent
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		fmt.Fprintf(h, "%q=%q,", name, a.Labels[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// keyOf keeps the key of a group, or what identifies one that is long.
func keyOf(group string) string {
	if cut := clean(group, longestText); cut == group {
		return group
	}
	sum := sha256.Sum256([]byte(group))
	return hex.EncodeToString(sum[:16])
}

// address keeps an address of the web; half of one leads nowhere.
func address(s string) string {
	u, err := url.Parse(s)
	if err != nil || len(s) > longestAddress || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return s
}

// clean makes one line of at most so many characters of a text that may be anything.
func clean(s string, most int) string {
	s = strings.ToValidUTF8(s, "�")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r): // shows nothing, or turns the direction of writing
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}
