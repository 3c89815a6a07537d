package incidents_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
)

// TestWhetherItGrowsAndIsSafe: nothing is called safe or contained that is not known to be.
func TestWhetherItGrowsAndIsSafe(t *testing.T) {
	fail := incidents.Measure{Run: 1, Verdict: check.Fail, Rows: 5, Of: 10, At: minute(10), First: minute(1)}
	again, undated := fail, fail
	again.Run, again.At = 2, minute(20)
	undated.First = time.Time{}
	pass, silent := incidents.Measure{Run: 3, Verdict: check.Pass, Of: 10, At: minute(30)}, incidents.Measure{Run: 4, Verdict: check.Unknown, Reason: "No answer.", At: minute(40)}
	contained := incidents.Milestones{Contained: minute(15)}
	checked := func(name string, first, last incidents.Measure) incidents.Checked {
		return incidents.Checked{Name: name, First: first, Last: last}
	}
	grown := checked("stock", fail, again)
	grown.Grew = minute(20)
	stood := grown
	stood.Grew = minute(12)
	relapsed := grown
	relapsed.Failed, relapsed.Last = again, silent
	for _, tt := range []struct {
		name   string
		checks []incidents.Checked
		when   incidents.Milestones
		want   []string
		not    string
	}{
		{"nothing was run", nil, incidents.Milestones{}, []string{"not measured yet", "Safe to read? Not known: no check has answered yet."}, "grow"},
		{"one run", []incidents.Checked{checked("stock", fail, fail)}, incidents.Milestones{}, []string{"5 rows wrong in inventory", "Whether it grows is not known yet", "No, for inventory since 2026-11-21 10:03 UTC."}, "ontained"},
		{"two runs that are equal", []incidents.Checked{checked("stock", fail, again)}, incidents.Milestones{}, []string{"Not growing: no run has found more than the first, the last 2026-11-21 10:22 UTC. Not contained yet."}, "Still"},
		{"the last run found more", []incidents.Checked{grown}, incidents.Milestones{}, []string{"Still growing: the run of 2026-11-21 10:22 UTC found more"}, "Not growing"},
		{"an earlier run found more", []incidents.Checked{stood}, incidents.Milestones{}, []string{"Not growing since 2026-11-21 10:14 UTC, last looked 2026-11-21 10:22 UTC. Not contained yet."}, "Still"},
		{"contained", []incidents.Checked{stood}, contained, []string{"Contained since 2026-11-21 10:17 UTC: no run has found more since, the last 2026-11-21 10:22 UTC."}, "Not contained"},
		{"contained, and nobody has looked since", []incidents.Checked{checked("stock", fail, fail)}, contained, []string{"Contained since 2026-11-21 10:17 UTC.\n"}, "no run has found more"},
		{"thought to be contained", []incidents.Checked{grown}, contained, []string{"Not contained: it was thought to be 2026-11-21 10:17 UTC, but a run found more 2026-11-21 10:22 UTC."}, "Contained since"},
		{"one check knows no times", []incidents.Checked{checked("stock", fail, fail), checked("payments", undated, undated)}, incidents.Milestones{}, []string{"No, for inventory and payments since 2026-11-21 10:03 UTC or earlier."}, ""},
		{"no check knows any", []incidents.Checked{checked("payments", undated, undated)}, incidents.Milestones{}, []string{"No, for payments; since when is not known."}, ""},
		{"somebody said when", []incidents.Checked{checked("payments", undated, undated)}, incidents.Milestones{Began: began()}, []string{"No, for payments since 2026-11-21 10:02 UTC or earlier."}, ""},
		{"one did not answer", []incidents.Checked{checked("stock", pass, silent), checked("payments", pass, pass)}, incidents.Milestones{}, []string{"not known: 1 of 2 checks did not answer", "Not known for inventory: no answer.", "⚪ UNKNOWN Stock"}, "Yes"},
		{"one failed and does not answer now", []incidents.Checked{relapsed}, incidents.Milestones{}, []string{"It last failed 2026-11-21 10:22 UTC: 5 of 10.", "Not known for inventory"}, "Yes"},
		{"all pass", []incidents.Checked{checked("stock", fail, pass)}, incidents.Milestones{}, []string{"0 rows wrong: the one check that was run passes", "Yes, as far as these checks look: all passed, the last 2026-11-21 10:32 UTC.", "🟢 PASS Stock  5 → 0 of 10"}, "No,"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := freshView()
			v.Checks, v.Incident.Milestones = tt.checks, tt.when
			text := incidents.Summary(v, ourWords()).PlainText()
			for _, want := range tt.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			if tt.not != "" && strings.Contains(text, tt.not) {
				t.Errorf("%q in\n%s", tt.not, text)
			}
		})
	}
}

// TestTheSummaryChangesOnlyWhenSomethingDoes: time alone changes it once, when an update
// is overdue.
func TestTheSummaryChangesOnlyWhenSomethingDoes(t *testing.T) {
	v := fullView(t)
	due := v.Incident.Clocks["support"].Due
	at := func(now time.Time) string {
		v.Now = now
		return incidents.Summary(v, ourWords()).PlainText()
	}
	if diff := cmp.Diff(at(due.Add(-time.Hour)), at(due.Add(-time.Second))); diff != "" {
		t.Errorf("before it is due: %s", diff)
	}
	if diff := cmp.Diff(at(due), at(due.Add(10*time.Minute))); diff != "" {
		t.Errorf("after it was due: %s", diff)
	}
	if at(due.Add(-time.Second)) == at(due) {
		t.Error("it does not say that an update is overdue")
	}
}

// TestTheWorstIsKept: the damage is the highest number of any run, also of one in between.
func TestTheWorstIsKept(t *testing.T) {
	v := resolvedView(t)
	for _, want := range []string{"163 rows wrong", "$18,804.10", "now 0 rows wrong"} {
		if text := incidents.Final(v, ourWords()).PlainText(); !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	v.Events = nil
	if text := incidents.Final(v, ourWords()).PlainText(); !strings.Contains(text, "133 rows wrong") {
		t.Errorf("without the runs in between:\n%s", text)
	}
}

func TestTimesThatAreMissingOrOutOfOrderSaySo(t *testing.T) {
	v := resolvedView(t)
	v.Incident.Milestones = incidents.Milestones{Began: minute(10), Detected: minute(20), Contained: minute(15), Resolved: minute(20 + 49*60)}
	text := incidents.Final(v, ourWords()).PlainText()
	for _, want := range []string{"to detect: 10 min 0 s", "to contain: 5 min 0 s before that", "to fix: not recorded", "to resolve: 2 d 1 h 0 min"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// TestWhereItGoesOn is what people read where an incident was declared.
func TestWhereItGoesOn(t *testing.T) {
	for _, tt := range []struct {
		name string
		room incidents.Room
		want string
	}{
		{"before its channel is there", incidents.Room{}, "declared by @UALICE; its channel is being made"},
		{"in its channel", incidents.Room{Channel: "CINC"}, "declared by @UALICE: it goes on in #CINC"},
		{"in the channel that it adopted", incidents.Room{Channel: "CDATA", Bound: true}, "declared by @UALICE: it goes on in this channel"},
		{"without a channel", incidents.Room{Settled: true, Trouble: map[string]string{incidents.FurnishChannel: "It has no channel of its own, so it goes on here. Slack lets the bot create no channels."}}, "declared by @UALICE. It has no channel of its own, so it goes on here. Slack lets the bot create no channels."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := freshView().Incident
			i.Room = tt.room
			if text := incidents.Declared(i, ourWords()).PlainText(); !strings.Contains(text, tt.want) {
				t.Errorf("no %q in\n%s", tt.want, text)
			}
		})
	}
}
