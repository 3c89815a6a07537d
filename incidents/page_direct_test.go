package incidents_test

import (
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
)

// callings are what people read in direct messages.
func callings(i incidents.Incident) string {
	var b strings.Builder
	for _, c := range i.Callings() {
		b.WriteString("--- " + c.Person + " " + c.Key + "\n" + c.Message.PlainText())
	}
	return b.String()
}

// TestWhoIsCalledNoMoreReadsThatTheyAreNot: every message that asks somebody to come is
// one that somebody acts on.
func TestWhoIsCalledNoMoreReadsThatTheyAreNot(t *testing.T) {
	ok := moved(t)
	w := movesWords()
	first, _, err := incidents.Escalate(declared(), w, after(0), "L1", "", whoIsIn)
	first = ok(first, err)
	second, _, err := incidents.Escalate(first, w, after(time.Minute), "L2", "nobody here may write", whoIsIn)
	second = ok(second, err)
	came := ok(second.Acknowledge(after(2 * time.Minute)))
	third, _, err := incidents.Escalate(came, w, after(3*time.Minute), "data", "", whoIsIn)
	third = ok(third, err)
	declined := ok(incidents.Decline(incidents.View{Incident: second}, w, after(4*time.Minute), "a drill", ""))
	out := "=== L1\n" + callings(first) + "=== L2 instead\n" + callings(second) + "=== somebody came\n" + callings(came) +
		"=== the data team later\n" + callings(again(t, third)) + "=== declined\n" + callings(declined)
	golden(t, "moves-callings.golden", out)

	for _, tt := range []struct {
		name, who string
		want      bool
	}{{"was called by L1 before", "U1ALICE", false}, {"is called by L2", "U9CAROL", true}, {"would be called next", "U4ERIN", false}} {
		same(t, tt.name, tt.want, second.Calls(tt.who))
	}
	same(t, "nobody is called", false, declared().Calls("U9CAROL"))
}

// TestAnEndCallsOffWithoutSayingThatSomebodyCame: whoever resolves it need not be who was
// called.
func TestAnEndCallsOffWithoutSayingThatSomebodyCame(t *testing.T) {
	ok := moved(t)
	w := movesWords()
	i, _, err := incidents.Escalate(declared(), w, after(0), "data", "", whoIsIn)
	i = ok(i, err)
	m := after(time.Minute)
	end := ok(incidents.Resolve(incidents.View{Incident: i}, w, m, "", "nothing can be run here"))
	out := "=== while it was called\n" + texts(incidents.Answered(i, end, w, m))
	over, e, _ := incidents.Tick(incidents.View{Incident: i, Now: opened.Add(time.Hour)}, quiet(w), askNobody)
	same(t, "nobody came", "incident.page-over", actions(e))
	end = ok(incidents.Resolve(incidents.View{Incident: over}, w, m, "", "nothing can be run here"))
	golden(t, "moves-called-off.golden", out+"=== after every level was called\n"+texts(incidents.Answered(over, end, w, m)))
	_, err = ok(end.Reopen(m, "wrong again", w.Rules)).Acknowledge(m)
	refused(t, err)
}
