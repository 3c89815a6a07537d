package incidents_test

import (
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
)

// TestEverythingCountsTheSameRows: lag is no row, and a verification query finds rows that
// other checks have found; they fail, and are named, and not added.
func TestEverythingCountsTheSameRows(t *testing.T) {
	v, w := orders(), noticeWords()
	w.Checks["event-lag"] = check.Check{Name: "event-lag", Title: "Event lag", Domain: "events", Kind: "lag"}
	w.Checks["verify-orphans"] = check.Check{Name: "verify-orphans", Title: "Verification: orphans", Domain: "orders", Kind: "query", OnRequest: true}
	at := noticeNow.Add(-10 * time.Minute)
	for name, rows := range map[string]int64{"event-lag": 412, "verify-orphans": 31} {
		v.Checks = append(v.Checks, incidents.Checked{Name: name, First: failed(1, rows, 1000, "", at), Last: failed(3, rows, 1000, "", at)})
	}
	texts := map[string]string{
		"summary": incidents.Summary(v, w).PlainText(), "recap": incidents.Recap(v, w).PlainText(), "final": incidents.Final(v, w).PlainText(),
		"export": string(incidents.Markdown(v, w)),
		"list":   incidents.List([]incidents.Opened{{Incident: v.Incident, Checks: v.Checks}}, w).PlainText(),
	}
	for name, text := range texts {
		if !strings.Contains(text, "133 rows wrong in orders and payments") || !strings.Contains(text, "Event lag") {
			t.Errorf("%s:\n%s", name, text)
		}
		if strings.Contains(text, "164 rows") || strings.Contains(text, "194 rows") {
			t.Errorf("%s adds up what is no row, or counts rows twice:\n%s", name, text)
		}
	}
	n, err := incidents.Compose(v, w, incidents.Draft{Template: "update", Audiences: []string{"responders"}, At: noticeNow}, inGroup)
	if err != nil {
		t.Fatal(err)
	}
	body := n.Letters[0].Body
	if !strings.Contains(body, "133 wrong rows") || strings.Index(body, "- Event lag") < strings.Index(body, "- Orphaned orders") {
		t.Errorf("the letter has another number, or begins with what is no row:\n%s", body)
	}
}

// TestARunBeginsWithItsSum: its line may be cut, and the sum is what people look for.
func TestARunBeginsWithItsSum(t *testing.T) {
	found := func(name, verdict, rows string) audit.Event {
		return itself("check.finding", name, map[string]string{"run": "R-7", "verdict": verdict, "rows": rows, "scanned": "1000"})
	}
	v := freshView()
	v.Events = recorded(t, found("stock", "PASS", "0"), found("order-totals", "FAIL", "60"), found("orphaned-orders", "FAIL", "30"), itself("check.run", "R-7", map[string]string{"state": "done"}))
	text := incidents.TimelineMessage(v, ourWords()).PlainText()
	if want := "R-7, begun by the bot: 🔴 90 rows wrong in orders: 🔴 FAIL Order totals 60 of 1,000 · 🔴 FAIL Orphaned orders"; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}

func TestTheLastWordSaysWhatIsStillWrong(t *testing.T) {
	v := overriddenView(t)
	v.Checks, v.Events = v.Checks[1:3], nil
	v.Checks[0].Last.Rows, v.Checks[0].Failed.Rows = 60, 60
	first, _, _ := strings.Cut(incidents.Final(v, ourWords()).PlainText(), "\n")
	if want := "RESOLVED by @UALICE although not all checks were green: still 103 rows wrong in orders and payments"; !strings.Contains(first, want) {
		t.Errorf("no %q in\n%s", want, first)
	}
}

func TestOnlyWhatIsNoRowFails(t *testing.T) {
	v, w := freshView(), ourWords()
	w.Checks["lag"] = check.Check{Name: "lag", Title: "Event lag", Domain: "events", Kind: "lag"}
	v.Checks = []incidents.Checked{{Name: "lag", First: failed(1, 412, 1000, "", minute(121)), Last: failed(1, 412, 1000, "", minute(121))}}
	text := incidents.Summary(v, w).PlainText()
	if !strings.Contains(text, "What: Event lag fails.") || !strings.Contains(text, "Safe to read? No, for events") {
		t.Errorf("%s", text)
	}
}

// TestOneNewCheckDoesNotForgetWhatIsKnown: whether it grows is said of the checks that
// were run twice, also when another one has failed for the first time.
func TestOneNewCheckDoesNotForgetWhatIsKnown(t *testing.T) {
	v, w := orders(), noticeWords()
	v.Incident.Milestones.Contained = time.Time{}
	for n := range v.Checks {
		v.Checks[n].Grew = time.Time{}
	}
	known := incidents.Summary(v, w).PlainText()
	if !strings.Contains(known, "Not growing: no run has found more than the first") {
		t.Fatal(known)
	}
	v.Checks = append(v.Checks, incidents.Checked{Name: "items", First: failed(3, 5, 10, "", noticeNow), Last: failed(3, 5, 10, "", noticeNow)})
	text := incidents.Summary(v, w).PlainText()
	if !strings.Contains(text, "Not growing as far as 3 failing checks looked twice") || !strings.Contains(text, "of one more it is not known yet") {
		t.Error(text)
	}
}
