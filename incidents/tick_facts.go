package incidents

import (
	"slices"
	"time"
)

// milestones sets those that the stored facts show. A fact moves a milestone only if it
// is younger than what a person said about it.
func (t *ticking) milestones() {
	m := t.i.Milestones
	began := m.Began
	for _, c := range t.v.Checks {
		for _, one := range []Measure{c.First, c.Failed, c.Last} {
			began = earliest(began, one.First)
		}
	}
	t.reach("began", began)
	contained, fixed := m.Contained, m.Fixed
	for _, r := range t.v.Repairs {
		switch {
		case !r.Applied() || r.Undoes > 0 || t.w.resumes(r):
		case t.w.stops(r):
			contained = firstKnown(contained, r.Finished)
		default:
			fixed = later(fixed, r.Finished)
		}
	}
	t.reach("contained", contained)
	t.reach("fixed", fixed)
	if at := t.verified(); at.After(m.Verified) && t.stale(m.Verified) {
		t.reach("verified", at)
	}
}

func firstKnown(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

// reach sets a milestone, and notes it.
func (t *ticking) reach(name string, at time.Time) {
	now := t.i.Milestones.named(name)
	if at.IsZero() || at.Equal(*now) || !at.After(t.i.Said[name]) {
		return
	}
	*now = at
	t.log("incident.milestone", map[string]string{"milestone": name, "at": stamp(at)})
}

// verified is when all checks that had failed were known to pass after the last fix;
// zero: they do not, or nothing was fixed by the bot.
func (t *ticking) verified() time.Time {
	if lastFix(t.v).IsZero() {
		return time.Time{}
	}
	return verified(t.v)
}

// stale tells whether something went wrong or was changed after it was verified.
func (t *ticking) stale(known time.Time) bool {
	if known.IsZero() || lastFix(t.v).After(known) {
		return true
	}
	return slices.ContainsFunc(t.v.Checks, func(c Checked) bool { return c.Failed.At.After(known) })
}

// status moves it on, never back, as far as the facts show that are younger than what a
// person said.
func (t *ticking) status() {
	said := t.i.Said[saidStatus]
	to := t.i.Status
	var working time.Time
	for _, r := range t.v.Repairs {
		if (r.Active() || r.Applied()) && t.w.repairs(r) {
			working = later(working, later(r.Decided, r.Finished))
		}
	}
	if working.After(said) {
		to = forward(to, Fixing)
	}
	if at := t.verified(); at.After(said) {
		to = forward(to, Monitoring)
	}
	if to == t.i.Status {
		return
	}
	t.moves("incident.status", string(t.i.Status), string(to))
	t.i.Status = to
}

// forward is the one that comes later.
func forward(a, b Status) Status {
	if slices.Index(Statuses(), b) > slices.Index(Statuses(), a) {
		return b
	}
	return a
}

// stops tells whether a plan keeps something from writing, and resumes whether it lets
// it write again. Neither repairs data.
func (w Wording) stops(r Repair) bool {
	return r.Undoes == 0 && (r.Mode == "stop" || w.writers(r) && r.Mode != resumeMode)
}

func (w Wording) resumes(r Repair) bool {
	return w.writers(r) && (r.Mode == resumeMode || r.Undoes > 0)
}

// repairs tells whether a plan changes data.
func (w Wording) repairs(r Repair) bool { return !w.stops(r) && !w.resumes(r) }

const resumeMode = "resume"

func (w Wording) writers(r Repair) bool {
	return w.Checks[r.Check].Kind == "writers" || r.Mode == "read-only" || r.Mode == "scale" || r.Mode == resumeMode
}
