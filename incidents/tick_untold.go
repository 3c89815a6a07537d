package incidents

import (
	"maps"
	"slices"
	"time"
)

// untold gives audiences their clocks back of whom nobody could be told: the last notice
// to them was refused at every destination. What may have arrived counts as told.
func (t *ticking) untold() {
	for _, audience := range slices.Sorted(maps.Keys(t.i.Untold)) {
		u := t.i.Untold[audience]
		if !t.reachedNobody(audience, u.At) {
			continue
		}
		delete(t.i.Untold, audience)
		due := t.i.restore(audience, u.Was, t.v.Now)
		args := map[string]string{"audience": audience}
		if !due.IsZero() {
			args["due"] = stamp(due)
		}
		t.log("incident.untold", args)
	}
}

// reachedNobody tells whether every delivery to an audience of the notice that was sent
// then is over, and none may have arrived.
func (t *ticking) reachedNobody(audience string, sent time.Time) bool {
	tried := false
	for _, n := range t.v.Notices {
		if !n.sentAt().Equal(sent) {
			continue
		}
		for _, d := range n.Deliveries {
			if d.Audience != audience {
				continue
			}
			if d.State != Refused && d.State != NotSent {
				return false
			}
			tried = true
		}
	}
	return tried
}

// restore gives an audience the clock that it had before a notice, and when it is due:
// now, where it was to be told meanwhile, and never later than was said since. The
// incident must be a copy.
func (i *Incident) restore(audience string, was *Clock, now time.Time) time.Time {
	clocks := &i.Clocks
	if _, paused := i.Paused[audience]; paused {
		clocks = &i.Paused
	}
	c, has := (*clocks)[audience]
	switch {
	case was == nil && !has:
		return time.Time{}
	case was == nil: // it has never been told
		c.Last = time.Time{}
		(*clocks)[audience] = c
		return c.Due
	}
	back := *was
	if back.Due.Before(now) {
		back.Due, back.SnoozedBy = now, ""
	}
	switch {
	case has && !c.Due.After(back.Due): // due sooner than before, and perhaps reminded of that
		c.Last = was.Last
		back = c
	case has:
		back.Every = c.Every
	}
	*clocks = put(*clocks, audience, back)
	return back.Due
}
