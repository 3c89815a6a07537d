package incidents

import (
	"maps"
	"slices"
)

// Clone is a copy that shares nothing with the incident it was made from: whoever
// changes the one leaves the other as it is.
func (i Incident) Clone() Incident {
	i.Room.Done, i.Room.Trouble = maps.Clone(i.Room.Done), maps.Clone(i.Room.Trouble)
	i.Alerts, i.Clocks = maps.Clone(i.Alerts), maps.Clone(i.Clocks)
	i.Told, i.Links, i.Said = maps.Clone(i.Told), maps.Clone(i.Links), maps.Clone(i.Said)
	i.Paused, i.Untold = maps.Clone(i.Paused), maps.Clone(i.Untold)
	for audience, u := range i.Untold {
		if u.Was != nil {
			was := *u.Was
			i.Untold[audience] = Untold{At: u.At, Was: &was}
		}
	}
	i.Steps, i.FollowUps, i.Also = slices.Clone(i.Steps), slices.Clone(i.FollowUps), slices.Clone(i.Also)
	i.Previews = slices.Clone(i.Previews)
	if i.Escalation != nil {
		e := i.Escalation.clone()
		i.Escalation = &e
	}
	i.Paged = slices.Clone(i.Paged)
	for n, e := range i.Paged {
		i.Paged[n] = e.clone()
	}
	if i.End != nil {
		end := *i.End
		end.Failing, end.Known = maps.Clone(end.Failing), maps.Clone(end.Known)
		i.End = &end
	}
	return i
}

func (e Escalation) clone() Escalation {
	e.Levels = slices.Clone(e.Levels)
	for n := range e.Levels {
		e.Levels[n].People = slices.Clone(e.Levels[n].People)
	}
	return e
}

// put sets a value in a map that may not be there yet.
func put[K comparable, V any](m map[K]V, key K, value V) map[K]V {
	if m == nil {
		m = map[K]V{}
	}
	m[key] = value
	return m
}
