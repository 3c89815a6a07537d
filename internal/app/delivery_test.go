package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/workspace"
)

// TestCommandsAcrossRefreshes is R2: 200 commands while Slack replaces sockets,
// loses some and warns. Each is acknowledged within 3 s on the socket it came
// by, and recorded once.
func TestCommandsAcrossRefreshes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{
		Limits: workspace.Limits{Journal: 100_000},
		// The order of Slack's clocks, not their length; a redelivery at once.
		Timing: workspace.Timing{RefreshWarning: 2 * time.Second, RefreshCut: 500 * time.Millisecond, EventRetryAfter: []time.Duration{0, 500 * time.Millisecond, time.Second}},
	})
	stop := w.replica()
	trouble := map[int]string{}
	for i, kind := range []string{"refresh", "drop", "refresh", "warning", "refresh", "drop", "refresh", "refresh"} {
		trouble[20+20*i] = kind
	}
	const commands = 200
	for i := range commands {
		text := "/integrity whoami"
		switch i % 4 {
		case 1:
			text = fmt.Sprintf("/integrity check nothing-called-%d", i)
		case 2:
			text = fmt.Sprintf("<@%s> help", w.slack.BotUserID())
		}
		w.sayAs(alice, incident, "", text)
		if kind := trouble[i]; kind != "" {
			if err := w.slack.Inject(workspace.Fault{Method: "socket", Kind: kind, Count: 1}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(90 * time.Millisecond)
	}
	sums := await(t, "all envelopes being answered", 20*time.Second, func() (tally, bool) {
		sum := w.tally()
		return sum, sum.open == 0
	})
	t.Logf("%d things asked, acknowledged after %.0f ms at most, %d cut off with their socket, which their people were told", sums.asked, sums.slowest, len(sums.cut))
	if sums.asked != commands {
		t.Errorf("%d asked, not %d", sums.asked, commands)
	}
	for _, lost := range sums.unheard {
		t.Errorf("lost: %s", lost)
	}
	if sums.slowest >= 3000 {
		t.Errorf("an acknowledgement took %.0f ms", sums.slowest)
	}
	w.settled(time.Minute)
	if rows := ask[int64](t, w.store(), `SELECT count(DISTINCT request) FROM audit_events WHERE source IN ('slash', 'mention')`)[0]; rows > commands || rows < int64(commands-len(sums.cut)) {
		t.Errorf("%d of %d things asked are in the audit", rows, commands)
	}
	links := w.connections()
	stop()
	w.closedCleanly(links)
	w.auditIsSound()
	w.noViolations()
}

// tally is what became of the envelopes in the journal.
type tally struct {
	asked, open int
	slowest     float64  // ms
	cut         []string // commands whose only socket broke under them: Slack tells the person
	unheard     []string // asked and never acknowledged, for no such reason
}

// tally follows each payload through its deliveries: an event is one thing
// however often it is delivered.
func (w *world) tally() tally {
	w.t.Helper()
	things, ended, done := map[string]string{}, map[string]bool{}, map[string]bool{}
	conns, broken := map[string]string{}, map[string]time.Time{}
	var sum tally
	for _, e := range w.slack.Journal(0) {
		switch {
		case e.Kind == "socket" && e.Event == "closed":
			broken[e.Conn] = e.At
		case e.Kind == "envelope":
			conns[e.EnvelopeID] = e.Conn
			ended[e.EnvelopeID] = e.Event == "no_connection"
			things[e.EnvelopeID] = e.EnvelopeID
			if id, ok := e.Payload["event_id"].(string); ok {
				things[e.EnvelopeID] = id
			}
			if said, _ := e.Payload["event"].(map[string]any); said["type"] == "message" { // nobody asked for anything by it
				delete(things, e.EnvelopeID)
			}
		case e.Kind == "ack" && e.Event == "timeout":
			ended[e.EnvelopeID] = true
		case e.Kind == "ack" && e.Event == "":
			ended[e.EnvelopeID], done[things[e.EnvelopeID]] = true, true
			sum.slowest = max(sum.slowest, e.LatencyMS)
		}
	}
	all := map[string]bool{}
	for envelope, thing := range things {
		if !ended[envelope] {
			sum.open++
		}
		_, was := broken[conns[envelope]]
		switch {
		case all[thing] || done[thing]:
		case was && envelope == thing: // a command is delivered once, an event again
			sum.cut = append(sum.cut, thing)
		default:
			sum.unheard = append(sum.unheard, thing)
		}
		all[thing] = true
	}
	sum.asked = len(all)
	return sum
}

// connections are the sockets that are open now.
func (w *world) connections() []string {
	open := map[string]bool{}
	for _, e := range w.slack.Journal(0) {
		if e.Kind != "socket" {
			continue
		}
		switch e.Event {
		case "open":
			open[e.Conn] = true
		case "closed", "cut", "close_frame":
			delete(open, e.Conn)
		}
	}
	var out []string
	for id := range open {
		out = append(out, id)
	}
	return out
}

// closedCleanly wants a close frame, code 1000, on each.
func (w *world) closedCleanly(links []string) {
	w.t.Helper()
	if len(links) == 0 {
		w.t.Error("no socket was open at the end")
	}
	for _, id := range links {
		if !slices.ContainsFunc(w.slack.Journal(0), func(e workspace.Entry) bool {
			return e.Conn == id && e.Event == "close_frame" && e.Status == 1000
		}) {
			w.t.Errorf("socket %s ended without a clean close frame", id)
		}
	}
}

// TestSlackAnswersBadly is R3: whatever Slack answers to what the bot says,
// everything arrives, once, in its order, and not before Slack wants it.
func TestSlackAnswersBadly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		faults []workspace.Fault
	}{
		{"429", []workspace.Fault{
			{Method: "chat.postMessage", Kind: "429", RetryAfter: 3, Count: 2},
			{Method: "chat.update", Kind: "429", RetryAfter: 2, Count: 1},
			{Method: "files.completeUploadExternal", Kind: "429", RetryAfter: 2, Count: 1},
			{Method: "files.getUploadURLExternal", Kind: "429", RetryAfter: 2, Count: 1},
		}},
		{"500 and no answer", []workspace.Fault{
			{Method: "chat.postMessage", Kind: "500", Count: 1},
			{Method: "chat.update", Kind: "500", Count: 1},
			{Method: "files.getUploadURLExternal", Kind: "500", Count: 1},
			{Method: "files.completeUploadExternal", Kind: "500", Count: 1},
			{Method: "chat.postMessage", Kind: "timeout", DelayMS: 700, Count: 1},
			{Method: "chat.update", Kind: "timeout", DelayMS: 700, Count: 1},
			{Method: "files.upload", Kind: "timeout", DelayMS: 700, Count: 1},
		}},
		{"answer lost", []workspace.Fault{
			{Method: "chat.postMessage", Kind: "lost_answer", Count: 4},
			{Method: "chat.update", Kind: "lost_answer", Count: 1},
			{Method: "files.upload", Kind: "lost_answer", Count: 1},
			{Method: "conversations.history", Kind: "429", RetryAfter: 2, Count: 1},
			{Method: "conversations.replies", Kind: "500", Count: 1},
			{Method: "files.completeUploadExternal", Kind: "lost_answer", Count: 1},
			{Method: "files.info", Kind: "500", Count: 1},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, workspace.Options{Limits: workspace.Limits{Journal: 100_000}})
			network, through := newProxy(t, w.env["SHOP_DSN"])
			network.set(false, 100*time.Millisecond) // so that a head is posted and then edited
			w.env["SHOP_DSN"] = through
			w.replica()
			w.say("/integrity check orders")
			await(t, "the first head", 20*time.Second, func() (int, bool) { return 0, len(w.heads()) > 0 })
			for _, f := range c.faults {
				if err := w.slack.Inject(f); err != nil {
					t.Fatal(err)
				}
			}
			w.say("/integrity check negative-stock")
			w.recorded(2)
			w.settled(2 * time.Minute)
			for _, f := range w.slack.Faults() {
				t.Errorf("the fault %s %s was never met", f.Method, f.Kind)
			}
			w.arrivedInOrder()
			w.waitedFor(c.faults)
			w.auditIsSound()
			w.noViolations()
		})
	}
}

// arrivedInOrder wants both runs complete, their details in the order of the
// checks, and nothing twice.
func (w *world) arrivedInOrder() {
	t := w.t
	t.Helper()
	b := w.board(alice, incident)
	if twice := b.twice(); len(twice) > 0 {
		t.Errorf("said twice: %q", twice)
	}
	runs := ask[ended](t, w.store(), runsEnded+" ORDER BY r.id")
	for _, r := range runs {
		w.toldOnce(b, r)
	}
	if len(runs) != 2 {
		t.Fatalf("%d runs", len(runs))
	}
	var order []string
	for _, e := range w.slack.Journal(0) {
		if e.Method == "chat.postMessage" && (e.Fault == "" || e.Fault == "lost_answer") && e.Status == 200 {
			order = append(order, keyOf(e))
		}
	}
	for _, r := range runs {
		var details []string
		head := fmt.Sprintf("run/%d", r.ID)
		for _, k := range order {
			if k == head || strings.HasPrefix(k, head+"/") {
				details = append(details, strings.TrimPrefix(k, head))
			}
		}
		want := []string{""}
		for _, name := range ask[[]string](t, w.store(), `SELECT ARRAY(SELECT json_array_elements_text(asked->'Checks')) FROM runs WHERE id = $1`, r.ID)[0] {
			want = append(want, "/"+name)
		}
		if !slices.Equal(details, want) {
			t.Errorf("R-%d was said in the order %q, want %q", r.ID, details, want)
		}
	}
}

func keyOf(e workspace.Entry) string {
	metadata, _ := e.Args["metadata"].(map[string]any)
	payload, _ := metadata["event_payload"].(map[string]any)
	name, _ := payload["key"].(string)
	return name
}

// waitedFor wants no call of a method between a 429 and the end of its
// Retry-After.
func (w *world) waitedFor(faults []workspace.Fault) {
	w.t.Helper()
	until, limited := map[string]time.Time{}, 0
	for _, e := range w.slack.Journal(0) {
		if e.Kind != "api" {
			continue
		}
		began := e.At.Add(-time.Duration(e.LatencyMS * float64(time.Millisecond)))
		if end := until[e.Method]; began.Before(end) {
			w.t.Errorf("%s was called %s before Slack wanted it", e.Method, end.Sub(began))
		}
		if e.Status != http.StatusTooManyRequests {
			continue
		}
		limited++
		wait := time.Second // the least that Slack asks for
		for _, f := range faults {
			if f.Method == e.Method && f.Kind == "429" && e.Fault == "429" {
				wait = time.Duration(f.RetryAfter) * time.Second
			}
		}
		until[e.Method] = e.At.Add(wait)
	}
	w.t.Logf("Slack asked %d times to wait", limited)
}
