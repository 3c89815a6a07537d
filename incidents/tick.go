package incidents

import "time"

// Tick moves an incident on by what the time and the stored facts say: reminders that
// are due, levels to be called, a severity that the numbers call for, milestones reached,
// steps of the checklist whose run ended, the end of the soak, a check that failed in it. moved is false if there is
// nothing to do. It is a pure function: whatever replica asks first and writes it is
// the one that does it. Of its own result it moves nothing more at the same time.
func Tick(v View, w Wording, members func(group string) ([]string, error)) (i Incident, e Effects, moved bool) {
	if !v.Incident.Held() {
		return v.Incident, Effects{}, false
	}
	t := &ticking{v: v, w: w, members: members, i: v.Incident.Clone()}
	if t.i.Status.Over() {
		t.soak()
	}
	if !t.i.Status.Over() {
		t.escalation()
		t.severity()
		t.untold()
		t.clocks()
		t.milestones()
		t.status()
		t.steps()
	}
	if !t.moved {
		return v.Incident, Effects{}, false
	}
	return t.i, t.e, true
}

// ticking is an incident while it is moved on by itself.
type ticking struct {
	v       View
	w       Wording
	members func(group string) ([]string, error)
	i       Incident // a copy
	e       Effects
	moved   bool
}

// move is the mover: nobody, now.
func (t *ticking) move() Move { return Move{At: t.v.Now} }

// log notes that it moved.
func (t *ticking) log(action string, args map[string]string) {
	t.moved = true
	t.e.Events = append(t.e.Events, t.i.Log(action, args))
}

// add takes the effects of a move.
func (t *ticking) add(i Incident, e Effects) {
	t.i, t.moved = i, true
	t.e.Events, t.e.Posts = append(t.e.Events, e.Events...), append(t.e.Posts, e.Posts...)
}

// escalation calls the next level when nobody came in time.
func (t *ticking) escalation() {
	e := t.i.Escalation
	if !e.running() || e.Due.IsZero() || t.v.Now.Before(e.Due) {
		return
	}
	t.callNext()
}

// callNext calls the level after the present one, of an escalation that is running.
func (t *ticking) callNext() {
	out, effects := t.i.Clone(), Effects{}
	out.call(&effects, t.w, out.Escalation.At+1, t.v.Now)
	if called := t.i.Escalation.At; len(out.Escalation.Levels[called].People) > 0 { // nobody has to answer it any more
		before := Effects{}
		before.post(out.page(called, nil))
		effects.Posts = append(before.Posts, effects.Posts...)
	}
	t.add(out, effects)
}

// clocks reminds of updates that are due, and calls somebody where a reminder did not
// help. An audience that the config does not know any more cannot be told.
func (t *ticking) clocks() {
	var late []string
	grace := t.w.Rules.Grace
	for _, a := range t.w.Rules.Audiences {
		c, has := t.i.Clocks[a.Name]
		if !has || c.Due.IsZero() || t.v.Now.Before(c.Due) {
			continue
		}
		if !c.Reminded.Equal(c.Due) {
			c.Reminded, c.Asked = c.Due, t.v.Now
			t.i.Clocks[a.Name] = c
			t.e.post(t.i.reminder(t.w, a.Name))
			t.log("incident.remind", map[string]string{"audience": a.Name, "due": stamp(c.Due)})
		}
		if grace > 0 && !c.Raised.Equal(c.Due) && !t.v.Now.Before(c.Asked.Add(grace)) {
			late = append(late, a.Name)
		}
	}
	if len(late) > 0 && t.raise(late) {
		for _, name := range late {
			c := t.i.Clocks[name]
			c.Raised = c.Due
			t.i.Clocks[name], t.moved = c, true
		}
	}
}

// raise calls the next level, or the first, because updates are overdue. It is false if
// that has to be tried again: Slack did not say whom to call, and may in a moment, or the
// last level is being called, after which the first is called again.
func (t *ticking) raise(late []string) bool {
	if e := t.i.Escalation; e.running() {
		switch {
		case e.Since.Equal(t.v.Now): // at one moment one level
			return true
		case e.At+1 < len(e.Levels):
			t.callNext()
			return true
		}
		return false
	}
	if len(t.w.Rules.Levels) == 0 {
		return true
	}
	var titles []string
	hurry, silent := false, false
	for _, name := range late {
		titles = append(titles, t.w.audienceTitle(name))
		hurry = hurry || !t.v.Now.Before(t.i.Clocks[name].Asked.Add(2*t.w.Rules.Grace))
	}
	ask := func(group string) ([]string, error) {
		people, err := t.members(group)
		silent = silent || err != nil
		return people, err
	}
	out, effects, err := Escalate(t.i, t.w, t.move(), t.w.Rules.Levels[0].Name, "the update for "+listed(titles)+" is overdue", ask)
	if err == nil && out.Escalation.Ended && silent && !hurry {
		return false
	}
	if err == nil { // else there is nobody to call, which the config says
		t.add(out, effects)
	}
	return true
}

// stamp is a time for programs.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// moves is an event of something that went from one word to another.
func (t *ticking) moves(action, before, after string) {
	event := t.i.Log(action, nil)
	event.Before, event.After = before, after
	t.e.Events, t.moved = append(t.e.Events, event), true
}
