//go:build peers

package alertmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/process"
)

// TestARealAlertmanagerIsUnderstood starts Debian's with the configuration in deploy/,
// its times made short: what fires comes, comes again, ends, and is sent again while the
// bot's store is away.
func TestARealAlertmanagerIsUnderstood(t *testing.T) {
	b := &book{err: errors.New("the store is away")}
	bot := httptest.NewServer(Handler(Options{Token: secret, Taker: b}))
	defer bot.Close()
	peer := startAlertmanager(t, bot.URL)
	labels := map[string]string{"alertname": "DataInconsistencyDetected", "domain": "orders", "severity": "critical"}
	since := time.Now().Add(-time.Minute).Truncate(time.Second).UTC()

	peer.post(t, labels, since, time.Time{})
	time.Sleep(2 * time.Second)
	if taken, _ := b.sum(); taken != 0 {
		t.Fatalf("%d requests were taken while the store was away", taken)
	}
	b.mu.Lock()
	b.err = nil
	b.mu.Unlock()
	first := b.next(t, 0, "the alert, sent again after 503")
	want := incidents.Fired{
		Group: first.Group, Fingerprint: first.Fingerprint, Name: "DataInconsistencyDetected", Firing: true, Since: since,
		Severity: "critical", Domain: "orders", Summary: "7 orders are orphaned", URL: "https://prometheus.example.com/graph",
	}
	if first != want || !strings.Contains(first.Group, "DataInconsistencyDetected") || first.Fingerprint == "" {
		t.Errorf("it is understood as %+v", first)
	}
	again := b.next(t, 1, "the same again, as repeat_interval says")
	if again != first {
		t.Errorf("the repetition is %+v, the first was %+v", again, first)
	}
	peer.post(t, labels, since, time.Now())
	ended := b.find(t, "its end", func(f incidents.Fired) bool { return !f.Firing })
	if ended.Group != first.Group || ended.Fingerprint != first.Fingerprint || !ended.Since.Equal(since) || ended.Until.Before(since) {
		t.Errorf("its end is %+v", ended)
	}
	peer.post(t, map[string]string{"alertname": "DiskFull"}, since, time.Time{})
	time.Sleep(time.Second)
	for _, fired := range b.all() {
		if fired.Name == "DiskFull" {
			t.Error("an alert that is not routed to the bot came all the same")
		}
	}
	if _, refused := b.sum(); len(refused) > 0 {
		t.Errorf("refused: %q", refused)
	}
}

func (b *book) all() []incidents.Fired {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Concat(b.taken...)
}

func (b *book) next(t *testing.T, n int, what string) incidents.Fired {
	t.Helper()
	return b.find(t, what, func(incidents.Fired) bool { n--; return n < 0 })
}

// find waits for an alert.
func (b *book) find(t *testing.T, what string, is func(incidents.Fired) bool) incidents.Fired {
	t.Helper()
	deadline := time.Now().Add(40 * time.Second)
	for time.Now().Before(deadline) {
		all := b.all()
		if i := slices.IndexFunc(all, func(f incidents.Fired) bool { return is(f) }); i >= 0 {
			return all[i]
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s did not come; what came: %+v", what, b.all())
	return incidents.Fired{}
}

type peerAlertmanager struct{ url string }

func startAlertmanager(t *testing.T, bot string) peerAlertmanager {
	t.Helper()
	binary, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		t.Fatal("no Alertmanager is installed: run make setup-all, or apt-get install prometheus-alertmanager")
	}
	example, err := os.ReadFile("../../deploy/prometheus/alertmanager.yml")
	if err != nil {
		t.Fatal(err)
	}
	home, err := process.NewHome("", "ibalerts-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(home.Close)
	text := strings.NewReplacer(
		"http://integritybot.integritybot.svc:8080", bot, "/etc/alertmanager/integritybot-token", home.Path("token"),
		"group_wait: 10s", "group_wait: 100ms", "group_interval: 1m", "group_interval: 1s", "repeat_interval: 4h", "repeat_interval: 2s",
	).Replace(string(example))
	for name, content := range map[string]string{"alertmanager.yml": text, "token": secret + "\n"} {
		if err := os.WriteFile(home.Path(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var port process.Port
	if err := process.FreePorts(t.Context(), &port); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "--config.file="+home.Path("alertmanager.yml"), "--storage.path="+home.Path("data"),
		"--web.listen-address="+port.Address(), "--cluster.listen-address=")
	p, err := process.Start(cmd, process.Options{Log: home.Path("log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	peer := peerAlertmanager{"http://" + port.Address()}
	deadline := time.Now().Add(20 * time.Second)
	for !peer.ready(t.Context()) {
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(home.Path("log"))
			t.Fatalf("Alertmanager does not start:\n%s", log)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return peer
}

func (p peerAlertmanager) ready(ctx context.Context) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/-/ready", http.NoBody)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// post tells it what Prometheus would; an end in the past ends the alert.
func (p peerAlertmanager) post(t *testing.T, labels map[string]string, since, until time.Time) {
	t.Helper()
	one := map[string]any{
		"labels": labels, "startsAt": since, "generatorURL": "https://prometheus.example.com/graph",
		"annotations": map[string]string{"summary": "7 orders are orphaned"},
	}
	if !until.IsZero() {
		one["endsAt"] = until
	}
	body, err := json.Marshal([]any{one})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/api/v2/alerts", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("Alertmanager answers %s", res.Status)
	}
}
