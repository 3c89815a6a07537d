package incidents_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
)

// life is a random incident: people do what they like with it, and time goes on.
type life struct {
	*rapid.T
	w        incidents.Wording
	v        incidents.View
	reminded map[string]bool // key of the post
	called   map[string]bool // number and level
}

func (l *life) people(s ...string) string { return rapid.SampledFrom(s).Draw(l.T, "which") }

// moveOn makes one random move; one that is refused moves nothing.
func (l *life) moveOn() {
	m := incidents.Move{By: l.people("U1ALICE", "U2BOB"), At: l.v.Now}
	i, r := l.v.Incident, l.w.Rules
	step := func() string { return l.people("contain", "measure", "cause", "apply", "verify", "tell", "prevent") }
	var out incidents.Incident
	var err error
	switch rapid.IntRange(0, 16).Draw(l.T, "move") {
	case 0:
		out, err = i.SetSeverity(m, incidents.Severity(l.people("P0", "P1", "P2", "P3")), r)
	case 1:
		out, err = i.SetStatus(m, incidents.Status(l.people("investigating", "identified", "fixing", "monitoring")))
	case 2:
		out, err = i.SetLead(m, l.people("", "U1ALICE", "U2BOB"))
	case 3:
		out, err = i.SetCause(m, l.people("rollout 41", "migration V57"))
	case 4:
		out, err = i.SetMilestone(m, l.people(incidents.MilestoneNames()...), m.At.Add(-time.Duration(rapid.IntRange(0, 90).Draw(l.T, "ago"))*time.Minute))
	case 5:
		out, err = i.Snooze(m, l.people("", "executives", "support"), r)
	case 6:
		out, err = i.TellNext(m, l.people("executives", "support"), m.At.Add(time.Duration(rapid.IntRange(1, 90).Draw(l.T, "in"))*time.Minute))
	case 7, 8:
		n := incidents.Notice{
			Template: l.people("update", "opened", "all-clear"), At: m.At, By: m.By,
			Letters: []incidents.Letter{{Audience: l.people("executives", "support", "responders"), To: []incidents.Destination{{Kind: incidents.ToEmail, To: "x@example.com"}}}},
		}
		out = i.Sent(n)
		l.v.Notices = append(l.v.Notices, incidents.Sent{Notice: n, Deliveries: []incidents.Delivery{{Audience: n.Letters[0].Audience, State: incidents.Waiting}}})
	case 9:
		var e incidents.Effects
		out, e, err = incidents.Escalate(i, l.w, m, l.people("L1", "L2", "L3", "data"), "", whoIsIn)
		if err == nil {
			l.took(e)
		}
	case 10:
		out, err = i.Acknowledge(m)
	case 11:
		out, err = i.BeginStep(m, step(), rapid.Int64Range(2000, 2003).Draw(l.T, "run"))
	case 12:
		out, err = i.ReopenStep(m, step())
	case 13:
		out, err = i.SkipStep(m, step(), "no need")
	case 14:
		out, err = incidents.Resolve(l.v, l.w, m, "done", l.people("", "agreed with finance"))
	case 15:
		out, err = i.Reopen(m, "wrong again", r)
	case 16:
		out, _ = i.Alerted(incidents.Fired{Fingerprint: l.people("a", "b"), Firing: rapid.Bool().Draw(l.T, "firing"), Since: m.At, Until: m.At}, l.w)
	}
	if err != nil {
		return
	}
	for _, p := range incidents.Answered(i, out, l.w, m) {
		if p.Message.Headline == nil || p.Channel == "" {
			l.Fatalf("an answer without words or place: %+v", p)
		}
	}
	l.v.Incident = out
}

// findOut has something happen around the incident.
func (l *life) findOut() {
	now := l.v.Now.Sub(opened)
	switch rapid.IntRange(0, 4).Draw(l.T, "fact") {
	case 0:
		name := l.people("orphaned-orders", "order-totals")
		verdict := check.Verdict(l.people("PASS", "FAIL", "UNKNOWN"))
		fresh := checked(name, ran{now - time.Second, verdict, 3})
		for n := range l.v.Checks {
			if l.v.Checks[n].Name == name {
				l.v.Checks[n].Last = fresh.Last
				if verdict == check.Fail {
					l.v.Checks[n].Failed = fresh.Failed
				}
				return
			}
		}
		l.v.Checks = append(l.v.Checks, fresh)
	case 1:
		r := repair(int64(len(l.v.Repairs)+1), l.people("waiting", "applying", "applied", "undone", "cancelled"), now-time.Minute, now)
		r.Mode = l.people("delete", "read-only", "resume")
		l.v.Repairs = append(l.v.Repairs, r)
	case 2:
		l.v.Runs = append(l.v.Runs, incidents.Underway{Run: rapid.Int64Range(2000, 2003).Draw(l.T, "run")})
	case 3:
		l.v.Runs, l.v.Ended = nil, map[int64]incidents.Ended{
			rapid.Int64Range(2000, 2003).Draw(l.T, "run"): {State: check.RunState(l.people("done", "stopped", "failed")), Verdict: check.Verdict(l.people("PASS", "FAIL", "UNKNOWN", ""))},
		}
	case 4:
		for n := range l.v.Notices {
			l.v.Notices[n].Deliveries[0].State = incidents.DeliveryState(l.people("refused", "delivered", "unclear", "waiting"))
		}
	}
}

// took checks that nobody is reminded or called twice.
func (l *life) took(e incidents.Effects) {
	for _, event := range e.Events {
		switch event.Action {
		case "incident.remind":
			key := event.Args["audience"] + event.Args["due"]
			if l.reminded[key] {
				l.Fatalf("reminded twice of %s", key)
			}
			l.reminded[key] = true
		case "incident.page":
			key := event.Args["n"] + "/" + event.Args["level"]
			if l.called[key] {
				l.Fatalf("called twice: %s", key)
			}
			l.called[key] = true
		}
	}
}

// tick lets the incident move by itself, and checks what holds for every such move.
func (l *life) tick() {
	before := text(l.T, l.v)
	i, e, did := incidents.Tick(l.v, l.w, whoIsIn)
	if now := text(l.T, l.v); now != before {
		l.Fatalf("what it was made from has changed: %s", cmp.Diff(before, now))
	}
	if !did && (e.Run || len(e.Events)+len(e.Posts) > 0) {
		l.Fatal("nothing moved, and yet there are effects")
	}
	l.took(e)
	l.v.Incident = again(l.T, i)
	if _, e, did := incidents.Tick(l.v, l.w, whoIsIn); did {
		l.Fatalf("its own result moves on at the same time: %+v", e.Events)
	}
}

func text(t interface{ Fatal(...any) }, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestTimeMovesAnIncidentOnce holds whatever people do: what time has moved it does not
// move again, nobody is reminded or called twice, and nothing is changed in place.
func TestTimeMovesAnIncidentOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &life{T: t, w: movesWords(), v: incidents.View{Incident: declared(), Now: opened}, reminded: map[string]bool{}, called: map[string]bool{}}
		for range rapid.IntRange(1, 60).Draw(t, "length") {
			l.v.Now = l.v.Now.Add(time.Duration(rapid.IntRange(1, 40*60).Draw(t, "seconds")) * time.Second)
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				l.moveOn()
			case 1:
				l.findOut()
			}
			l.tick()
		}
	})
}

// TestADayOfRemindersIsExact is a day of 24 hours in steps of 30 s with 20 restarts,
// some of them after minutes of outage, and updates now and then: every due time has
// exactly one reminder, within 60 s or, in an outage, as soon as it is over.
func TestADayOfRemindersIsExact(t *testing.T) {
	const step = 30 * time.Second
	random := rand.New(rand.NewPCG(11, 12))
	w := movesWords()
	w.Rules.Levels = nil // who is called then is another story
	d := day{t: t, w: w, view: incidents.View{Incident: declared()}}
	var dues, reminders []string // "executives 30m0s", in the order of time
	open := map[string]time.Time{}
	down, up := time.Duration(0), time.Duration(0) // how long it is away still, and since when it is there
	restarts := map[int]bool{}
	for len(restarts) < 20 {
		restarts[random.IntN(24*120)] = true
	}
	for n := range 24 * 120 {
		now := time.Duration(n) * step
		if restarts[n] {
			down = time.Duration(random.IntN(5)) * step
			d.view.Incident = again(t, d.view.Incident)
		}
		if down > 0 { // nobody ticks
			down, up = down-step, now+step
			continue
		}
		for name, c := range d.view.Incident.Clocks {
			if !c.Due.After(opened.Add(now)) && !open[name].Equal(c.Due) {
				open[name] = c.Due
				dues = append(dues, fmt.Sprint(name, " ", c.Due.Sub(opened)))
			}
		}
		for _, e := range d.at(now).Events {
			if e.Action != "incident.remind" {
				continue
			}
			due, err := time.Parse(time.RFC3339, e.Args["due"])
			if err != nil {
				t.Fatal(err)
			}
			reminders = append(reminders, fmt.Sprint(e.Args["audience"], " ", due.Sub(opened)))
			if late := now - max(due.Sub(opened), up); late > time.Minute {
				t.Errorf("reminded of %s %s late", due, late)
			}
		}
		switch name := []string{"executives", "support"}[random.IntN(2)]; random.IntN(160) {
		case 0, 1:
			d.view.Incident = d.view.Incident.Sent(incidents.Notice{Template: "update", At: opened.Add(now), Letters: []incidents.Letter{{Audience: name}}})
		case 2:
			if i, err := d.view.Incident.Snooze(after(now), name, w.Rules); err == nil {
				d.view.Incident = i
			}
		}
	}
	count := map[string]int{}
	for _, r := range reminders {
		count[r]++
	}
	for _, due := range dues {
		if count[due] != 1 {
			t.Errorf("%s has %d reminders, want 1", due, count[due])
		}
		delete(count, due)
	}
	if len(count) > 0 {
		t.Errorf("reminders of what was not due: %v", count)
	}
	if len(dues) < 20 {
		t.Errorf("only %d updates were due in a day: the test tests nothing", len(dues))
	}
	t.Logf("%d due times, %d reminders", len(dues), len(reminders))
}
