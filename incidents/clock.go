package incidents

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// every is how often an audience is told at a severity; 0: there is no clock. Nobody is
// reminded of those who cannot be told, because they have no destination.
func (r Rules) every(a Audience, s Severity) time.Duration {
	if len(a.To) == 0 {
		return 0
	}
	if own, ok := a.Updates[s]; ok {
		return own
	}
	return r.Updates[s]
}

// clocks are those that an incident of this severity begins with.
func (r Rules) clocks(s Severity, at time.Time) map[string]Clock {
	clocks := map[string]Clock{}
	for _, a := range r.Audiences {
		if every := r.every(a, s); every > 0 {
			clocks[a.Name] = Clock{Every: every, Due: at.Add(every)}
		}
	}
	return clocks
}

// reclock gives the incident, which must be a copy, the clocks of another severity. What
// is due sooner then is; what was promised is not put off, and what was promised under a
// severity as bad as the new one stays. An audience whose clock had been ended, by an
// all-clear, gets one again only if it becomes worse.
func (i *Incident) reclock(r Rules, to Severity, at time.Time) {
	from, had, paused := i.Severity, i.Clocks, i.Paused
	i.Clocks, i.Paused = map[string]Clock{}, nil
	for _, a := range r.Audiences {
		c, runs := had[a.Name]
		if !runs { // what was promised meanwhile is due now
			if c = paused[a.Name]; !c.Due.IsZero() {
				c.Due = later(c.Due, at)
			}
		}
		every, known := r.every(a, to), !c.Due.IsZero()
		switch {
		case every <= 0 && known:
			i.Paused = put(i.Paused, a.Name, c.under(from, to))
		case every <= 0:
		case known:
			i.Clocks[a.Name] = c.at(every, from, to, at)
		case to < from || r.every(a, from) == 0:
			i.Clocks[a.Name] = Clock{Every: every, Due: at.Add(every)}
		}
	}
}

// at is a clock at another severity.
func (c Clock) at(every time.Duration, from, to Severity, at time.Time) Clock {
	promised := c.under(from, to).Under
	sooner := at.Add(every)
	if to < from && (promised == "" || promised > to) && sooner.Before(c.Due) {
		c.Due, c.SnoozedBy = sooner, "" // who put it off did so for less
	}
	c.Every, c.Under = every, promised
	if promised >= to {
		c.Under = ""
	}
	return c
}

// under remembers the severity of a promise when it becomes less.
func (c Clock) under(from, to Severity) Clock {
	if c.Under == "" && to > from {
		c.Under = from
	}
	return c
}

// Snooze puts the clock of an audience off; "" all that are overdue or, if none is, the
// next one. Of each update it is possible once.
func (i Incident) Snooze(m Move, audience string, r Rules) (Incident, error) {
	if err := i.open(); err != nil {
		return i, err
	}
	which, err := i.snoozable(audience, m.At)
	if err != nil {
		return i, err
	}
	out := i.Clone()
	for _, name := range which {
		c := i.Clocks[name]
		if c.SnoozedBy != "" {
			return i, &Refusal{
				Sentence: "The update for " + name + " was put off already; it is due " + inWords(c.Due) + ".", Who: c.SnoozedBy,
				Try: "notify update " + i.Ref() + " --audience " + name,
			}
		}
		if r.Snooze <= 0 {
			return i, &Refusal{Sentence: "Updates cannot be put off here; the config says so.", Try: "notify update " + i.Ref() + " --audience " + name}
		}
		c.Due, c.SnoozedBy, c.Under = later(c.Due, m.At).Add(r.Snooze), m.By, ""
		out.Clocks[name] = c
	}
	return out, nil
}

// snoozable are the audiences that are meant by a name, or by none.
func (i Incident) snoozable(audience string, now time.Time) ([]string, error) {
	if audience != "" {
		if err := i.clocked(audience); err != nil {
			return nil, err
		}
		return []string{audience}, nil
	}
	var overdue []string
	next := ""
	for _, name := range slices.Sorted(maps.Keys(i.Clocks)) {
		c := i.Clocks[name]
		if !c.Due.After(now) {
			overdue = append(overdue, name)
		}
		if next == "" || c.Due.Before(i.Clocks[next].Due) {
			next = name
		}
	}
	switch {
	case next == "":
		return nil, i.clocked("")
	case len(overdue) == 0:
		return []string{next}, nil
	}
	return overdue, nil
}

// clocked refuses an audience that nothing is due for.
func (i Incident) clocked(audience string) error {
	if _, ok := i.Clocks[audience]; ok {
		return nil
	}
	names := slices.Sorted(maps.Keys(i.Clocks))
	if len(names) == 0 {
		return &Refusal{Sentence: "No update is due in " + i.Ref() + ", for anybody.", Try: "notify update " + i.Ref()}
	}
	return &Refusal{
		Sentence: "No update is due for " + quoted(audience) + " in " + i.Ref() + "; it is for " + strings.Join(names, ", ") + ".",
		Try:      "incident snooze " + i.Ref() + " " + names[0],
	}
}

// farthest is how far ahead an update can be promised.
const farthest = 31 * 24 * time.Hour

// TellNext says when an audience is told next.
func (i Incident) TellNext(m Move, audience string, due time.Time) (Incident, error) {
	if err := i.open(); err != nil {
		return i, err
	}
	if err := i.clocked(audience); err != nil {
		return i, err
	}
	if !due.After(m.At) || due.After(m.At.Add(farthest)) {
		return i, &Refusal{Sentence: "The next update has to be due in the future, within 31 days.", Try: "notify update " + i.Ref() + " --next 1h"}
	}
	out := i.Clone()
	c := out.Clocks[audience]
	c.Due, c.SnoozedBy, c.Under = due, "", ""
	out.Clocks[audience] = c
	return out, nil
}

// Sent notes that a notice is being sent: the clocks of its audiences go on, and the
// step "tell" is ticked. Nothing more is due after an all-clear, or where the notice
// says that no further update is planned. An audience that has no clock gets one only
// where the notice says when it is told next.
func (i Incident) Sent(n Notice) Incident {
	out := i.Clone()
	out.Told = put(out.Told, n.Template, out.Told[n.Template]+1)
	for _, l := range n.Letters {
		c, had := out.Clocks[l.Audience]
		delete(out.Paused, l.Audience)
		if out.Status.Over() {
			continue
		}
		if len(l.To) > 0 {
			u := Untold{At: n.sentAt()}
			if had {
				was := c
				u.Was = &was
			}
			out.Untold = put(out.Untold, l.Audience, u)
		}
		if c, runs := c.goOn(n, l); runs {
			out.Clocks = put(out.Clocks, l.Audience, c)
		} else {
			delete(out.Clocks, l.Audience)
		}
	}
	out.tick("tell", n.By, n.sentAt())
	return out
}

// sentAt is when it was sent.
func (n Notice) sentAt() time.Time {
	if n.SentAt.IsZero() {
		return n.At
	}
	return n.SentAt
}

// goOn is a clock after a letter to its audience; runs is false if it has none any more.
func (c Clock) goOn(n Notice, l Letter) (next Clock, runs bool) {
	at := n.sentAt()
	due, stated := n.Next[l.Audience]
	switch {
	case due.After(at):
	case n.Template == "all-clear" || stated && due.IsZero() || c.Every <= 0:
		return Clock{}, false
	default:
		due = at.Add(c.Every)
	}
	next = Clock{Every: c.Every, Due: due, Last: c.Last}
	if next.Every <= 0 {
		next.Every = due.Sub(at)
	}
	if len(l.To) > 0 { // else nobody of it can be told, and nobody was
		next.Last = at
	}
	return next, true
}
