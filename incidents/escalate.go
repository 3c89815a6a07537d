package incidents

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/message"
)

// Escalate begins to call a level and, if nobody comes, those behind it. members says
// who is in a user group; a level without anybody is a visible warning, and the next
// one is called at once. A higher level takes the place of one that is being called.
// The effects are the posts that call, and their audit events.
func Escalate(i Incident, w Wording, m Move, level, reason string, members func(group string) ([]string, error)) (Incident, Effects, error) {
	if err := i.open(); err != nil {
		return i, Effects{}, err
	}
	from, err := w.Rules.level(level, i)
	if err != nil {
		return i, Effects{}, err
	}
	if err := fits(reason, "escalate "+w.Rules.Levels[from].Name+" --reason 'nobody here may write to the database'"); err != nil {
		return i, Effects{}, err
	}
	e := &Escalation{N: 1, By: m.By, Reason: strings.TrimSpace(reason)}
	if old := i.Escalation; old != nil {
		e.N = old.N + 1
		if err := old.below(i, w.Rules, from); err != nil {
			return i, Effects{}, err
		}
	}
	for _, l := range w.Rules.Levels[from:] {
		e.Levels = append(e.Levels, freeze(l, members))
	}
	out, effects := i.Clone(), Effects{}
	out.lay()
	out.Escalation = e
	out.call(&effects, w, 0, m.At)
	effects.Posts = append(i.insteadOf(e.Levels[0], m.At), effects.Posts...)
	return out, effects, nil
}

// mostPaged is how many earlier escalations are kept: what their people were told is long
// settled.
const mostPaged = 5

// lay puts the escalation away for another one. The incident must be a copy.
func (i *Incident) lay() {
	if i.Escalation == nil {
		return
	}
	old := *i.Escalation
	old.Needless, old.Due = old.Needless || old.Acked == "", time.Time{}
	i.Paged = append(i.Paged, old)
	i.Paged = i.Paged[max(0, len(i.Paged)-mostPaged):]
	i.Escalation = nil
}

// insteadOf are the posts of an escalation to which nobody came, once another one has
// begun with a level.
func (i Incident) insteadOf(now Called, at time.Time) []message.Post {
	var old Effects
	switch e := i.Escalation; {
	case e.running():
		return i.lastPage(message.Join("Instead, "+levelName(now)+" was called ", message.At(at), "."))
	case e != nil && e.Acked == "" && !e.Needless:
		says := message.Join("⚪ "+i.short()+": every level had been called, and nobody came; "+levelName(now)+" was called again ", message.At(at))
		old.post(i.say(message.Message{Headline: says}, "page", number(e.N), "over"))
	}
	return old.Posts
}

// level finds a level by its name or title, in any case.
func (r Rules) level(name string, i Incident) (int, error) {
	var names []string
	for n, l := range r.Levels {
		if strings.EqualFold(l.Name, name) || l.Title != "" && strings.EqualFold(l.Title, name) {
			return n, nil
		}
		names = append(names, l.Name)
	}
	if len(names) == 0 {
		return 0, &Refusal{Sentence: "The config declares no levels that could be called; see levels in config.example.yaml.", Try: "incident status " + i.Ref()}
	}
	return 0, &Refusal{Sentence: quoted(name) + " is no level that can be called; there are " + listed(names) + ".", Try: "escalate " + names[0]}
}

// below refuses a level that is not higher than the one that is being called.
func (e *Escalation) below(i Incident, r Rules, asked int) error {
	if !e.running() || len(e.Levels) == 0 {
		return nil
	}
	now := e.Levels[e.At]
	at := slices.IndexFunc(r.Levels, func(l Level) bool { return l.Name == now.Level })
	if asked > at {
		return nil
	}
	try := "incident status " + i.Ref()
	if at+1 < len(r.Levels) {
		try = "escalate " + r.Levels[at+1].Name
	}
	return &Refusal{Sentence: levelName(now) + " is being called since " + inWords(e.Since) + ", and nobody came yet; only a higher level can be called now.", Who: e.By, Try: try}
}

// freeze says who is in a level now.
func freeze(l Level, members func(group string) ([]string, error)) Called {
	c := Called{Level: l.Name, Title: cmp.Or(l.Title, l.Name), After: l.After, People: slices.Clone(l.Users)}
	var lacks []string
	for _, g := range l.Groups {
		people, err := members(g)
		switch {
		case err != nil:
			lacks = append(lacks, "Slack did not say who is in "+g)
		case len(people) == 0:
			lacks = append(lacks, "the user group "+g+" has no members")
		}
		for _, p := range people {
			if !slices.Contains(c.People, p) {
				c.People = append(c.People, p)
			}
		}
	}
	switch {
	case len(c.People) > 0:
		c.Lacks = listed(lacks)
	case len(lacks) == 0:
		c.Empty = "the config names nobody for it"
	default:
		c.Empty = listed(lacks)
	}
	return c
}

// running tells whether somebody is being called and nobody came yet.
func (e *Escalation) running() bool { return e != nil && e.Acked == "" && !e.Ended && !e.Needless }

// Calls tells whether somebody was called by the present escalation, and may say that
// they come.
func (i Incident) Calls(user string) bool {
	return i.Escalation != nil && slices.ContainsFunc(i.Escalation.Levels, func(l Called) bool {
		return !l.Called.IsZero() && slices.Contains(l.People, user)
	})
}

// call calls the first level from this one on that has people, and says which have
// none. If nobody is left, the escalation has ended. The incident must be a copy.
func (i *Incident) call(effects *Effects, w Wording, from int, at time.Time) {
	e := i.Escalation
	for n := from; n < len(e.Levels); n++ {
		l := &e.Levels[n]
		l.Called, e.At, e.Since, e.Due = at, n, at, time.Time{}
		if len(l.People) == 0 {
			effects.Events = append(effects.Events, i.Log("incident.page-empty", map[string]string{"level": l.Level, "title": l.Title, "why": l.Empty, "n": number(e.N)}))
			continue
		}
		effects.Events = append(effects.Events, i.Log("incident.page", map[string]string{
			"level": l.Level, "title": l.Title, "people": strings.Join(l.People, ","), "n": number(e.N), "reason": e.Reason,
		}))
		if l.After > 0 {
			e.Due = at.Add(l.After)
		}
		effects.post(i.page(n, nil))
		return
	}
	i.nobodyCame(effects, w)
}

// nobodyCame ends an escalation whose last level was called. The incident must be a
// copy.
func (i *Incident) nobodyCame(effects *Effects, w Wording) {
	e := i.Escalation
	e.Ended, e.Due = true, time.Time{}
	effects.Events = append(effects.Events, i.Log("incident.page-over", map[string]string{"n": number(e.N)}))
	effects.post(i.pageOver(w))
}

// Acknowledge notes that somebody came.
func (i Incident) Acknowledge(m Move) (Incident, error) {
	e := i.Escalation
	switch {
	case i.open() != nil:
		return i, i.open()
	case e == nil || e.Needless:
		return i, &Refusal{Sentence: "Nobody is being called for " + i.Ref() + ".", Try: "escalate L1"}
	case e.Acked != "":
		return i, &Refusal{Sentence: "Somebody came already, " + inWords(e.When) + ".", Who: e.Acked, Try: "incident status " + i.Ref()}
	case m.By == "":
		return i, &Refusal{Sentence: "Only a person can come.", Try: "incident status " + i.Ref()}
	}
	out := i.Clone()
	out.Escalation.Acked, out.Escalation.When, out.Escalation.Due, out.Escalation.Ended = m.By, m.At, time.Time{}, false
	return out, nil
}
