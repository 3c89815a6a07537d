package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/mailtest"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/workspace"
)

// taint marks everything that nobody outside of an incident may read: it stands in keys,
// customers' names and addresses, notes, the texts of errors, and all that an alert says.
const taint = "tainted"

// taintedRows are wrong in every way that the checks of orders and customers look for.
const taintedRows = `
INSERT INTO orders (id, customer_id, status, currency, total_amount, note, created_at) VALUES
	('TAINTED-order', 'TAINTED-customer <!channel>', 'PENDING', 'USD', -12, 'TAINTED note', now() - interval '2 hours');
INSERT INTO order_items (id, order_id, product_id, quantity, unit_price, created_at) VALUES
	('TAINTED-item', 'TAINTED-gone', NULL, 1, 3, now() - interval '2 hours');
INSERT INTO customers (id, email, name, phone, created_at) VALUES
	('TAINTED-1', 'tainted@tainted.example', 'Tainted <!here> Name', '+49 TAINTED', now() - interval '3 hours'),
	('TAINTED-2', 'tainted@tainted.example', 'Tainted <!here> Name', '+49 TAINTED', now() - interval '2 hours')`

// taintedChecks fail to be carried out, and the server's sentence holds a value of a row.
const taintedChecks = `
checks:
  tainted-query:
    kind: query
    title: A query that fails
    domain: orders
    severity: P1
    target: shop
    owner: backend
    noun: orders
    sql: SELECT id, note::integer AS note, created_at FROM orders WHERE id = 'TAINTED-order'
    key: [id]
    of: orders
    time: created_at
`

// status is somebody's web service that is told of incidents, and refuses with a tainted
// sentence.
type status struct {
	mu     sync.Mutex
	bodies []string
}

func (s *status) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.bodies = append(s.bodies, string(body))
	s.mu.Unlock()
	http.Error(w, "TAINTED error of the service", http.StatusBadRequest)
}

func (s *status) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bodies)
}

// TestNothingOfRowsErrorsAndAlertsReachesThoseWhoAreTold: whatever stands in rows, in the
// texts of errors and in alerts, the audiences read numbers and names of the config alone,
// and so do those who look at the channel's topic, its bookmarks and its summary.
func TestNothingOfRowsErrorsAndAlertsReachesThoseWhoAreTold(t *testing.T) {
	t.Parallel()
	mail, err := mailtest.Start(mailtest.Options{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	defer mail.Close()
	page := &status{}
	hook := httptest.NewServer(page)
	defer hook.Close()
	e := newEmergencyWith(t, 0, func(yaml string) string {
		yaml = strings.Replace(yaml, "\nchecks:\n", taintedChecks, 1)
		yaml = strings.Replace(yaml, "webhooks: {}", "webhooks: {status-page: {url: \""+hook.URL+"\"}}", 1)
		return strings.Replace(yaml, "to: [{group: S0DATA}]", "to: [{group: S0DATA}, {webhook: status-page}, {email: data@example.com}]", 1)
	}, "SMTP_ADDR="+mail.Addr(), "SMTP_TLS=none")
	pgtest.Exec(t, e.dsn, taintedRows)
	e.repairable()
	e.start()
	e.start()

	e.postAlert(0, taintedAlert("firing"))
	room := e.room()
	e.standing(alice, room.ID, "FAIL Orders:")
	say := func(as, words string) { t.Helper(); e.sayAs(as, room.ID, "", "/integrity "+words) }
	say(alice, "check customers")
	e.standing(alice, room.ID, "FAIL Customers:")
	if n := e.count(`SELECT count(*) FROM run_checks WHERE state::text ILIKE '%tainted%'`); n == 0 {
		t.Fatal("the checks have not met a tainted row")
	}
	e.tells(room.ID, "opened", "We know of it.", 1)
	say(alice, "fix orphaned-orders")
	e.pressBegins(alice, room.ID, e.standing(alice, room.ID, " waiting:"), "Confirm")
	e.standing(alice, room.ID, "applied:")
	e.tells(room.ID, "fix-applied", "One thing is repaired.", 2)
	e.postAlert(1, taintedAlert("resolved"))
	say(bobby, "incident resolve --because 'the rest is known'")
	e.standing(alice, room.ID, "RESOLVED")

	said := e.saidTo(room.ID)
	for n, m := range mail.Mails() {
		said[fmt.Sprintf("mail %d", n)] = string(m.Raw) + m.Subject + m.Text
	}
	for n, body := range page.told() {
		said[fmt.Sprintf("request %d", n)] = body
	}
	for _, where := range []string{"C0EXECUTIVES", "C0SUPPORT", "Erin", "notices", "mail 3", "request 1", "the topic", "the bookmarks", "the summary"} {
		if said[where] == "" {
			t.Errorf("nothing was said in %s, so nothing is proved", where)
		}
	}
	for where, text := range said {
		if at := strings.Index(strings.ToLower(text), taint); at >= 0 {
			t.Errorf("%s: …%s…", where, text[max(0, at-200):min(len(text), at+200)])
		}
	}
	e.clean()
}

// taintedAlert is one whose every word is tainted, but for its name.
func taintedAlert(status string) map[string]any {
	since := time.Now().Add(-5 * time.Minute).UTC().Truncate(time.Hour)
	return map[string]any{
		"version": "4", "groupKey": "{}:{tainted=\"tainted\"}", "status": status, "receiver": "tainted", "externalURL": "https://tainted.example",
		"commonLabels": map[string]string{"instance": "tainted"}, "commonAnnotations": map[string]string{"summary": "tainted"},
		"alerts": []any{map[string]any{
			"status": status, "startsAt": since, "endsAt": since.Add(time.Minute), "fingerprint": "tainted", "generatorURL": "https://tainted.example/graph",
			"labels":      map[string]string{"alertname": "DataInconsistencyDetected", "severity": "tainted", "instance": "tainted", "team": "<!channel> tainted"},
			"annotations": map[string]string{"summary": "<!channel> tainted@tainted.example", "description": "tainted", "message": "tainted", "runbook_url": "https://tainted.example"},
		}},
	}
}

// postAlert posts a body to a replica as Alertmanager does.
func (e *emergency) postAlert(replica int, body any) {
	e.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		e.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, "http://"+e.at[replica]+"/alerts", bytes.NewReader(raw))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+alertToken)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer res.Body.Close()
	if answer, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		e.t.Fatalf("the answer to an alert is %s %s (%v)", res.Status, answer, err)
	}
}

// tells sends a notice to every audience of the example, and waits until each letter of
// the n notices that there are then has come to its end.
func (e *emergency) tells(room, template, says string, n int64) {
	e.t.Helper()
	e.sayAs(alice, room, "", "/integrity notify "+template+" --audience responders,executives,support,data-consumers,customers-draft --says '"+says+"'")
	e.pressIn(alice, room, e.standing(alice, room, "Preview:", says), "Send")
	e.told(n)
}

// told waits until there are n notices and every letter of them has come to its end.
func (e *emergency) told(n int64) {
	e.t.Helper()
	await(e.t, fmt.Sprintf("%d notices having come to their end", n), time.Minute, func() (int, bool) {
		return 0, e.count(`SELECT count(*) FROM notices`) == n && e.count(`SELECT count(*) FROM notice_deliveries WHERE state IN ('waiting', 'handed')`) == 0
	})
}

// saidTo is everything that others read than those who look into the threads of the
// incident's channel, by where it stands.
func (e *emergency) saidTo(room string) map[string]string {
	e.t.Helper()
	said := map[string]string{"the summary": whole(e.pinned(alice, room))}
	for channel, as := range map[string]string{"C0EXECUTIVES": carol, "C0SUPPORT": "U0DAVE", alerts: alice, incident: alice} {
		for _, m := range e.all(as, channel) {
			said[channel] += whole(m)
		}
	}
	for _, c := range e.seen("U0ERIN") {
		if c.IM {
			for _, m := range e.all("U0ERIN", c.ID) {
				said["Erin"] += whole(m)
			}
		}
	}
	for _, c := range e.seen(alice) {
		if c.ID == room {
			said["the topic"], said["the bookmarks"] = c.Topic, fmt.Sprint(c.Bookmarks)
		}
	}
	for _, m := range e.all(alice, room) {
		if strings.HasPrefix(key(m), "notice/") {
			said["notices"] += whole(m)
		}
	}
	return said
}

// seen are the channels that somebody sees.
func (e *emergency) seen(as string) []workspace.ChannelState {
	e.t.Helper()
	state, err := e.slack.State(as)
	if err != nil {
		e.t.Fatal(err)
	}
	return state.Channels
}

// whole is everything that a message holds.
func whole(m workspace.Message) string {
	return fmt.Sprint(m.Text, m.Blocks, m.Attachments, m.Files, m.Metadata)
}
