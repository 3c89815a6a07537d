package incidents

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
)

// patience is how long the end of a soak waits for checks of which no run is under way.
const patience = 15 * time.Minute

// soak looks after an incident that is resolved until its soak is over: at half of it
// and at its end the checks are begun, and one that fails opens it again.
func (t *ticking) soak() {
	end := t.i.End
	if why, args := t.wrongAgain(); why != "" {
		t.reopen(why, args)
		return
	}
	half := end.At.Add(end.Soak.Sub(end.At) / 2)
	due := !t.v.Now.Before(half) && end.Checked.Before(half) || !t.v.Now.Before(end.Soak) && end.Checked.Before(end.Soak)
	if due || t.v.Now.Before(end.Soak) && t.alerted() {
		end.Checked, t.e.Run = t.v.Now, true
		t.log("incident.soak-check", nil)
		return
	}
	if end.Checked.Before(end.Soak) || !t.v.Now.After(end.Checked) {
		return
	}
	left, others, over := t.unanswered(end.Checked)
	if !over {
		return
	}
	end.Soak = time.Time{}
	t.e.post(t.soakOver(left, others))
	t.log("incident.soak-over", map[string]string{"unanswered": listed(left)})
}

// wrongAgain says why it is to be opened again, if it is: a check failed that was not
// known then to fail with as many rows, or data are being changed again.
func (t *ticking) wrongAgain() (why string, args map[string]string) {
	end := t.i.End
	for _, c := range t.v.Checks {
		if !c.Failed.Known() || c.Failed.Run == end.Known[c.Name] || c.green(lastFix(t.v)) {
			continue
		}
		if known, accepted := end.Failing[c.Name]; accepted && c.Failed.Rows <= known {
			continue
		}
		why = t.w.checkTitle(c.Name) + " fails again: " + c.Failed.share(t.w.Checks[c.Name])
		return why, map[string]string{"why": why, "check": c.Name, "rows": strconv.FormatInt(c.Failed.Rows, 10)}
	}
	for _, r := range t.v.Repairs {
		if t.w.repairs(r) && (r.Active() || (r.Applied() || r.State == "undone") && r.Finished.After(end.Fixed)) {
			why = r.Ref + " changes data after the end, so they have to be checked again"
			return why, map[string]string{"why": why, "plan": r.Ref}
		}
	}
	return "", nil
}

// Reopens says in a clause what opens an incident again while it is watched.
func Reopens(i Incident, w Wording) string {
	if i.End == nil || len(i.End.Failing) == 0 {
		return "a check that fails"
	}
	names := slices.Sorted(maps.Keys(i.End.Failing))
	if len(names) == 1 {
		return "a check that did not fail then, or the one that did, " + w.checkTitle(names[0]) + ", if it finds more"
	}
	return "a check that did not fail then, or one of the " + strconv.Itoa(len(names)) + " that did, if it finds more"
}

// alerted tells whether one of its alerts began to fire after the end, and after the
// checks were last begun. One that flaps does not have them run all the time.
func (t *ticking) alerted() bool {
	end := t.i.End
	if !end.Checked.IsZero() && t.v.Now.Before(end.Checked.Add(patience)) {
		return false
	}
	for _, a := range t.i.Alerts {
		if a.Firing && a.Since.After(later(end.At, end.Checked)) && !a.Since.After(t.v.Now) {
			return true
		}
	}
	return false
}

// unanswered are the checks that have given no answer since they were begun for the
// last time, and others those that are not run in a soak: they are of other data. over
// tells that none is waited for any more.
func (t *ticking) unanswered(since time.Time) (left, others []string, over bool) {
	asked := false
	for _, c := range t.v.Checks {
		switch title := t.w.checkTitle(c.Name); {
		case !t.w.runs(c.Name, t.i.Domain):
			if c.Last.Began.Before(since) || c.Last.Verdict == check.Unknown {
				others = append(others, title)
			}
			continue
		case c.Last.Began.Before(since) || c.Last.Verdict == check.Unknown:
			left = append(left, title)
		}
		asked = true
	}
	switch {
	case len(t.v.Runs) > 0:
		return left, others, false
	case len(left) == 0 && asked:
		return left, others, true
	}
	return left, others, !t.v.Now.Before(since.Add(patience))
}

// reopen opens it again by itself.
func (t *ticking) reopen(why string, args map[string]string) {
	out, err := t.i.Reopen(t.move(), why, t.w.Rules)
	if err != nil { // it is resolved and held: there is no other way in here
		return
	}
	t.i = out
	t.log("incident.reopen", args)
	lead := message.Text("Nobody leads it: somebody has to take it.")
	if out.Lead != "" {
		lead = message.Join(message.Mention(out.Lead), ", it is yours again.")
	}
	m := message.Message{
		Headline: message.Text("🔴 %s is open again: %s", out.short(), why),
		Parts:    []message.Part{{Lines: []message.Line{lead}}},
	}
	if out.Lead == "" {
		m.Actions = append(m.Actions, claimAction(out))
	}
	t.e.post(out.say(m, "reopened", strconv.Itoa(out.Reopened)))
}

// soakOver says that nothing opens it again by itself from now on.
func (t *ticking) soakOver(left, others []string) message.Post {
	i := t.i
	m := message.Message{Headline: message.Text("🟢 %s is closed: its checks still pass", i.Ref())}
	var lines []message.Line
	switch {
	case len(left) > 0:
		m.Headline = message.Text("⚪ %s is closed, but nobody knows whether all is still right: %s gave no answer", i.Ref(), listed(left))
		lines = append(lines, message.Text("From now on nothing opens it again by itself; run the checks by hand."))
	case len(i.End.Failing) > 0:
		m.Headline = message.Text("⚪ %s is closed: what still failed when it was resolved has not become worse", i.Ref())
	case len(t.v.Checks) == 0:
		m.Headline = message.Text("⚪ %s is closed: no check was ever run for it", i.Ref())
	case len(others) == len(t.v.Checks):
		m.Headline = message.Text("⚪ %s is closed: its checks were not run again", i.Ref())
	case len(others) > 0:
		m.Headline = message.Text("🟢 %s is closed: the checks of %s still pass", i.Ref(), i.Domain)
	}
	if len(others) > 0 {
		lines = append(lines, message.Text("Not run again, as they look at other data: %s.", listed(others)))
	}
	if len(lines) > 0 {
		m.Parts = []message.Part{{Lines: lines}}
	}
	return i.say(m, "soak-over", strconv.Itoa(i.Reopened))
}
