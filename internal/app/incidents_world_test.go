package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/workspace"
)

const (
	bobby      = "U0BOB"
	alerts     = "C0ALERTS"
	alertToken = "the-token-of-the-tests"
)

// emergency is a world in which there are incidents: replicas that take alerts, too.
type emergency struct {
	*world
	at []string // where they do
}

func newEmergency(t *testing.T, replicas int, env ...string) *emergency {
	t.Helper()
	return newEmergencyWith(t, replicas, func(yaml string) string { return yaml }, env...)
}

// newEmergencyWith changes the example's config.
func newEmergencyWith(t *testing.T, replicas int, change func(yaml string) string, env ...string) *emergency {
	t.Helper()
	w := newWorld(t, workspace.Options{})
	w.yaml = []byte(change(string(w.yaml)))
	w.env["HTTP_LISTEN"], w.env["ALERT_TOKEN"], w.env["INCIDENT_CHANNEL"] = "127.0.0.1:0", alertToken, alerts
	for _, one := range env {
		name, value, _ := strings.Cut(one, "=")
		w.env[name] = value
	}
	e := &emergency{world: w}
	for range replicas {
		e.start()
	}
	return e
}

func (e *emergency) start() {
	e.t.Helper()
	addr, _ := e.replicaAt()
	e.at = append(e.at, addr)
}

// alert posts to one replica what Alertmanager would, and gives its answer.
func (e *emergency) alert(replica int, name, fingerprint, status string, since time.Time) string {
	e.t.Helper()
	body, err := json.Marshal(map[string]any{
		"version": "4", "groupKey": "{}:{alertname=" + name + "}", "alerts": []any{map[string]any{
			"status": status, "labels": map[string]string{"alertname": name, "severity": "critical"}, "startsAt": since,
			"endsAt": since.Add(time.Minute), "fingerprint": fingerprint, "annotations": map[string]string{"summary": "<!channel> tainted"},
		}},
	})
	if err != nil {
		e.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, "http://"+e.at[replica]+"/alerts", strings.NewReader(string(body)))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+alertToken)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		e.t.Error(err)
		return ""
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		e.t.Errorf("the answer to an alert is %s %s (%v)", res.Status, answer, err)
	}
	return strings.TrimSpace(string(answer))
}

// room is the one channel of incidents beside those that the workspace began with.
func (e *emergency) room() workspace.ChannelState {
	e.t.Helper()
	return await(e.t, "a channel of an incident", 30*time.Second, func() (workspace.ChannelState, bool) {
		all := e.made()
		if len(all) > 1 {
			e.t.Fatalf("there are %d channels of incidents: %v", len(all), all)
		}
		if len(all) == 0 {
			return workspace.ChannelState{}, false
		}
		return all[0], true
	})
}

// made are the channels that were made for incidents.
func (e *emergency) made() []workspace.ChannelState {
	e.t.Helper()
	state, err := e.slack.State(alice)
	if err != nil {
		e.t.Fatal(err)
	}
	return slices.DeleteFunc(state.Channels, func(c workspace.ChannelState) bool {
		return !strings.HasPrefix(c.Name, "inc-") || c.ID == incident
	})
}

// standing waits for a message of the bot in a channel, or in a thread there, that holds
// all of these texts.
func (e *emergency) standing(as, channel string, texts ...string) workspace.Message {
	e.t.Helper()
	var last []string
	defer func() {
		if e.t.Failed() {
			e.t.Logf("%s reads in %s:\n%s", as, channel, strings.Join(last, "\n——\n"))
		}
	}()
	return await(e.t, fmt.Sprintf("%q in %s", texts, channel), 60*time.Second, func() (workspace.Message, bool) {
		last = nil
		for _, m := range e.all(as, channel) {
			text := plainText(m)
			last = append(last, m.Text+" | "+text)
			if m.BotID != "" && !slices.ContainsFunc(texts, func(want string) bool { return !strings.Contains(m.Text+"\n"+text, want) }) {
				return m, true
			}
		}
		return workspace.Message{}, false
	})
}

// all are the messages of a channel with those of its threads.
func (e *emergency) all(as, channel string) []workspace.Message {
	e.t.Helper()
	top, _, err := e.slack.Messages(as, channel)
	if err != nil {
		e.t.Fatal(err)
	}
	var out []workspace.Message
	for _, m := range top {
		out = append(out, m)
		if m.ReplyCount == 0 {
			continue
		}
		thread, err := e.slack.Thread(as, channel, m.TS)
		if err != nil {
			e.t.Fatal(err)
		}
		out = append(out, thread[1:]...)
	}
	return out
}

// pinned waits for the one pinned message of a channel.
func (e *emergency) pinned(as, channel string) workspace.Message {
	e.t.Helper()
	return await(e.t, "a pinned summary", 60*time.Second, func() (workspace.Message, bool) {
		top, pins, err := e.slack.Messages(as, channel)
		if err != nil {
			e.t.Fatal(err)
		}
		if len(pins) > 1 {
			e.t.Fatalf("%d messages are pinned", len(pins))
		}
		i := slices.IndexFunc(top, func(m workspace.Message) bool { return len(pins) == 1 && m.TS == pins[0] })
		if i < 0 {
			return workspace.Message{}, false
		}
		return top[i], true
	})
}

// pressIn presses the button of this label under a message.
func (e *emergency) pressIn(as, channel string, m workspace.Message, label string) {
	e.t.Helper()
	e.pressThat(as, channel, m, func(text string) bool { return text == label })
}

// pressBegins presses the one whose label begins so.
func (e *emergency) pressBegins(as, channel string, m workspace.Message, label string) {
	e.t.Helper()
	e.pressThat(as, channel, m, func(text string) bool { return strings.HasPrefix(text, label) })
}

func (e *emergency) pressThat(as, channel string, m workspace.Message, is func(label string) bool) {
	e.t.Helper()
	id := ""
	for _, block := range m.Blocks {
		one, ok := block.(map[string]any)
		if !ok || one["type"] != "actions" {
			continue
		}
		elements, _ := one["elements"].([]any)
		for _, element := range elements {
			button, _ := element.(map[string]any)
			text, _ := button["text"].(map[string]any)
			if label, _ := text["text"].(string); is(label) {
				id, _ = button["action_id"].(string)
			}
		}
	}
	if id == "" {
		e.t.Fatalf("no such button under %s: %v", m.Text, m.Blocks)
	}
	if err := e.slack.Click(workspace.Click{As: as, Channel: channel, TS: m.TS, ActionID: id}); err != nil {
		e.t.Fatalf("%s presses %s: %v", as, id, err)
	}
}

// count asks the store for a number.
func (e *emergency) count(sql string, args ...any) int64 {
	e.t.Helper()
	return ask[int64](e.t, e.store(), sql, args...)[0]
}

// clean is how every test of incidents ends.
func (e *emergency) clean() {
	e.t.Helper()
	e.noViolations()
	e.auditIsSound()
}
