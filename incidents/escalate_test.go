package incidents_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// TestLevelsAreCalledUntilSomebodyComes plays an escalation to which nobody comes, one
// level after the other, and then somebody does.
func TestLevelsAreCalledUntilSomebodyComes(t *testing.T) {
	const m = time.Minute
	w := movesWords()
	var b strings.Builder
	show := func(name string, e incidents.Effects) {
		fmt.Fprintf(&b, "=== %s\n%s%s", name, events(e.Events), texts(e.Posts))
	}
	i, e, err := incidents.Escalate(declared(), w, after(0), "l1", "nobody here may write to the database", whoIsIn)
	i = moved(t)(i, err)
	show("12:00 L1 is asked for", e)

	tick := func(at time.Duration) bool {
		i2, e2, did := incidents.Tick(incidents.View{Incident: again(t, i), Now: opened.Add(at)}, quiet(w), askNobody)
		i, e = i2, e2
		return did
	}
	if tick(10*m - time.Second) {
		t.Error("before its time the next level is called")
	}
	tick(10 * m)
	show("12:10 nobody came", e)
	tick(25 * m)
	show("12:25 nobody came; level L3 is empty", e)
	tick(55 * m)
	show("12:55 nobody came", e)
	if tick(99 * m) {
		t.Error("it goes on after its end")
	}
	came := moved(t)(i.Acknowledge(after(60 * m)))
	fmt.Fprintf(&b, "=== 13:00 somebody came\n%s", texts(incidents.Answered(i, came, w, after(60*m))))
	_, e, err = incidents.Escalate(i, w, after(61*m), "L1", "", whoIsIn)
	if err != nil {
		t.Fatal(err)
	}
	show("13:01 or they are called again", e)
	golden(t, "moves-escalation.golden", b.String())
}

// askNobody are groups that have others in them than when the escalation began: the chain
// is frozen, so nobody may ask.
func askNobody(group string) ([]string, error) { panic("who is in " + group + " was asked for again") }

// quiet are the words without clocks.
func quiet(w incidents.Wording) incidents.Wording {
	w.Rules.Audiences = nil
	return w
}

func events(events []audit.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "event %s by %s of %s: %v", e.Action, e.Actor.Kind, e.Incident, e.Args)
		if e.Before != "" || e.After != "" {
			fmt.Fprintf(&b, " %s → %s", e.Before, e.After)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestAHigherLevelTakesThePlaceOfOneThatIsCalled(t *testing.T) {
	w := movesWords()
	i, _, err := incidents.Escalate(declared(), w, after(0), "L1", "", whoIsIn)
	i = moved(t)(i, err)
	up, e, err := incidents.Escalate(i, w, after(time.Minute), "data", "", whoIsIn)
	up = moved(t)(up, err)
	same(t, "number", 2, up.Escalation.N)
	golden(t, "moves-escalation-higher.golden", texts(e.Posts))
	came := moved(t)(up.Acknowledge(after(2 * time.Minute)))
	third, _, err := incidents.Escalate(came, w, after(3*time.Minute), "L1", "", whoIsIn)
	same(t, "after somebody came any level can be called", 3, moved(t)(third, err).Escalation.N)
}

func TestLevelsWithoutAnybodyAreAWarningAndTheNextIsCalledAtOnce(t *testing.T) {
	w := movesWords()
	w.Rules.Levels = []incidents.Level{
		{Name: "L1", Title: "DevOps", Groups: []string{"S0EMPTY"}, After: time.Minute},
		{Name: "L2", Title: "Backend", Groups: []string{"S0BROKEN"}, After: time.Minute},
		{Name: "L3", Title: "Database", After: time.Minute},
		{Name: "data", Title: "Data team", Groups: []string{"S0DATA"}, After: time.Minute},
	}
	i, e, err := incidents.Escalate(declared(), w, after(0), "L1", "", whoIsIn)
	i = moved(t)(i, err)
	same(t, "the level that is called", 3, i.Escalation.At)
	out := "=== three are empty\n" + events(e.Events) + texts(e.Posts)
	w.Rules.Levels = w.Rules.Levels[:3]
	i, e, err = incidents.Escalate(declared(), w, after(0), "L1", "", whoIsIn)
	same(t, "ended", true, moved(t)(i, err).Escalation.Ended)
	golden(t, "moves-escalation-empty.golden", out+"=== all are empty\n"+events(e.Events)+texts(e.Posts))
}

func TestAPageMentionsAtMostTwentyPeople(t *testing.T) {
	w := movesWords()
	many := func(string) (people []string, err error) {
		for n := range 33 {
			people = append(people, fmt.Sprintf("U%02d", n))
		}
		return people, nil
	}
	_, e, err := incidents.Escalate(declared(), w, after(0), "L1", "", many)
	if err != nil {
		t.Fatal(err)
	}
	mentions := 0
	for _, s := range e.Posts[0].Message.Parts[0].Lines[0] {
		if s.Kind == message.User {
			mentions++
		}
	}
	same(t, "mentions", 20, mentions)
	if text := e.Posts[0].Message.PlainText(); !strings.Contains(text, "and 13 more") {
		t.Errorf("the others are not counted:\n%s", text)
	}
	same(t, "and all are in the audit", 33, strings.Count(e.Events[0].Args["people"], "U"))
}

// TestForeignTextCallsNobody: titles and reasons are typed by people.
func TestForeignTextCallsNobody(t *testing.T) {
	i := declared()
	i.Title = "<!channel> <@U0BOSS> https://evil.example.org"
	_, e, err := incidents.Escalate(i, movesWords(), after(0), "L1", "<!here> @everyone\n*now*", whoIsIn)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range append(e.Posts[0].Message.Parts[0].Lines, e.Posts[0].Message.Headline) {
		for _, s := range line {
			if s.Kind == message.Link || s.Kind == message.Group || s.Kind == message.User && s.ID != "U1ALICE" && s.ID != "U2BOB" {
				t.Errorf("%+v comes from foreign text", s)
			}
			if strings.Contains(s.Text, "\n") {
				t.Errorf("%q is more than a line", s.Text)
			}
		}
	}
}
