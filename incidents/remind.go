package incidents

import (
	"maps"
	"slices"
	"strconv"

	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// reminder is the post that says that an audience is to be told again, under a key of
// its due time.
func (i Incident) reminder(w Wording, audience string) message.Post {
	c := i.Clocks[audience]
	title := w.audienceTitle(audience)
	m := message.Message{Headline: message.Join("🟡 "+i.short()+": the update for "+title+" is due — it was promised for ", message.At(c.Due))}
	line := message.Join("Nobody leads this incident: somebody has to take it, and to write the update.")
	if i.Lead != "" {
		line = message.Join(message.Mention(i.Lead), ", please write it, or say that nothing has changed.")
	}
	lines := []message.Line{line}
	if !c.Last.IsZero() {
		lines = append(lines, message.Join("Last told ", message.At(c.Last), "."))
	}
	if w.Rules.Grace > 0 && len(w.Rules.Levels) > 0 {
		lines = append(lines, message.Join(levelTitle(w.Rules.Levels[0])+" or the next level is called ", message.At(c.Asked.Add(w.Rules.Grace)), " if it is not sent by then."))
	}
	m.Parts = []message.Part{{Lines: lines}}
	m.Actions = i.reminderActions(w, audience)
	return i.say(m, "remind", audience, dueKey(c))
}

// dueKey names one due time of a clock: what was asked for it is not asked for another.
func dueKey(c Clock) string { return strconv.FormatInt(c.Due.Unix(), 10) }

func levelTitle(l Level) string { return levelName(Called{Level: l.Name, Title: l.Title}) }

func (i Incident) reminderActions(w Wording, audience string) []message.Action {
	title := w.audienceTitle(audience)
	var a []message.Action
	if i.Lead == "" {
		a = append(a, message.Action{Verb: "incident", Ref: "claim " + i.Ref(), Label: "Claim the lead", Style: message.Primary})
	}
	a = append(a,
		message.Action{Verb: "notify", Ref: "update " + i.Ref() + " --audience " + audience, Label: "Write the update", Form: true},
		message.Action{
			Verb: "incident", Ref: "nochange " + i.Ref() + " " + audience + " " + dueKey(i.Clocks[audience]), Label: "No change",
			Confirm: &message.Confirm{Title: "Nothing has changed?", Text: "This is sent to " + title + " now: no change since the last update.", Yes: "Yes, send it", No: "Not now"},
		},
	)
	if w.Rules.Snooze > 0 && i.Clocks[audience].SnoozedBy == "" {
		a = append(a, message.Action{Verb: "incident", Ref: "snooze " + i.Ref() + " " + audience, Label: "Snooze " + phrase.Age(w.Rules.Snooze)})
	}
	return a
}

// Answered gives the posts that asked people for something that a move has answered, as
// they stand after it: without their buttons, and with what became of it. Whoever
// records a move records them with it. They are reminders that were sent, put off or
// are needless now, and calls to which somebody came.
func Answered(before, after Incident, w Wording, m Move) []message.Post {
	var e Effects
	for _, audience := range slices.Sorted(maps.Keys(before.Clocks)) {
		was, now := before.Clocks[audience], after.Clocks[audience]
		if was.Reminded.IsZero() || !was.Reminded.Equal(was.Due) || now.Due.Equal(was.Due) {
			continue
		}
		headline := before.answer(w, audience, now, after, m)
		e.post(before.say(message.Message{Headline: headline}, "remind", audience, dueKey(was)))
	}
	if b, a := before.Escalation, after.Escalation; b.running() && !a.running() || b != nil && a != nil && b.N == a.N && (b.Acked != a.Acked || b.Needless != a.Needless) {
		for _, p := range after.lastPage(nil) {
			e.post(p)
		}
		if b.Ended {
			e.post(after.cameLate())
		}
	}
	return e.Posts
}

// answer says what became of a reminder, by the clock and the incident afterwards.
func (i Incident) answer(w Wording, audience string, now Clock, after Incident, m Move) message.Line {
	by := message.Line{}
	if m.By != "" {
		by = message.Join(" by ", message.Mention(m.By))
	}
	what := i.Ref() + ": the update for " + w.audienceTitle(audience)
	sent := !maps.Equal(i.Told, after.Told)
	switch {
	case sent && now.Due.IsZero():
		return message.Join("🟢 "+what+" was sent", by, "; no further one is due")
	case sent:
		return message.Join("🟢 "+what+" was sent", by, "; the next is due ", message.At(now.Due))
	case after.Status.Over():
		return message.Text("⚪ %s is not due any more: the incident is %s", what, after.Status)
	case now.Due.IsZero():
		return message.Text("⚪ %s is not due any more: at %s it has no clock", what, after.Severity)
	case now.SnoozedBy != "":
		return message.Join("🟡 "+what+" was put off", by, " until ", message.At(now.Due))
	}
	return message.Join("🟡 "+what+" is due ", message.At(now.Due), " instead")
}

// cameLate takes the place of the post that says that nobody came, once somebody has, or
// nobody has to.
func (i Incident) cameLate() message.Post {
	e := i.Escalation
	if e.Needless {
		return i.say(message.Message{Headline: message.Text("⚪ %s: every level had been called, and nobody came; nobody has to any more", i.short())}, "page", number(e.N), "over")
	}
	return i.say(message.Message{Headline: message.Join("🟢 "+i.short()+": ", message.Mention(e.Acked), " came ", message.At(e.When), ", after every level had been called")}, "page", number(e.N), "over")
}
