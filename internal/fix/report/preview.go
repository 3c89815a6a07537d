package report

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Planning is the message of a plan that is being worked out.
func (w Wording) Planning(o fix.Order) message.Post { return w.planning(o, check.Progress{}) }

// PlanningAt is the same while somebody works it out and knows how far that is.
func (w Wording) PlanningAt(o fix.Order, at check.Progress) message.Post { return w.planning(o, at) }

// planning also tells how far it is. The run that works the plan out has the
// plan's number, and the Stop button stops that run.
func (w Wording) planning(o fix.Order, at check.Progress) message.Post {
	text := w.title(o) + ": working out what would change"
	if o.Undoes > 0 {
		text = w.title(o) + ": working out how to take " + fix.Ref(o.Undoes) + " back"
	}
	if at.Done > 0 && at.Total > 0 {
		text += fmt.Sprintf(", %s of %s read", phrase.Share(at.Done, at.Total), at.Reading)
	}
	return place(o, message.Message{
		Headline: message.Text("⏳ %s", text),
		Parts:    body(paused(at)),
		Context:  []message.Line{w.context(o, "", " · nothing is changed by this")},
		Actions:  []message.Action{{Verb: "stop", Ref: check.Ref(o.ID), Label: "Stop"}},
	}, false)
}

func paused(at check.Progress) message.Part {
	if at.Paused == "" {
		return message.Part{}
	}
	return lines("Paused: " + sentence(at.Paused))
}

// preview is what people decide upon.
func (w Wording) preview(p fix.Plan, now time.Time) message.Post {
	d := p.Draft
	return place(p.Order, message.Message{
		Headline: message.Text("🟡 %s waiting: %s", p.Ref(), d.Does),
		Parts: body(
			lines(affected(d), numbers(d)+" "+w.undoable(d), apart(d), asked(p.Order)),
			message.Part{Table: samples(d)},
			lines(shown(p)),
			lines(left(d)...),
			lines(risk(d)),
		),
		Context: []message.Line{w.context(p.Order, d.Place, w.whoMay(p), " · expires ", message.At(p.Expires), " (in "+phrase.Age(p.Expires.Sub(now))+")")},
		Actions: []message.Action{confirmButton(p), {Verb: "cancel", Ref: p.Ref(), Label: "Cancel"}},
		Files: []message.File{{
			Name:   p.Ref() + ".csv",
			Title:  fmt.Sprintf("%s: the full plan, %s", p.Ref(), phrase.Plural(d.Total, "change")),
			Source: fmt.Sprintf("plan/%d", p.ID),
		}},
	}, false)
}

// affected tells what else changes: other rows, triggers, cascades.
func affected(d fix.Draft) string {
	if d.Plain {
		return ""
	}
	var fates []string
	byFate := map[string][]string{}
	for _, one := range d.Dependants {
		if byFate[one.Fate] == nil {
			fates = append(fates, one.Fate)
		}
		byFate[one.Fate] = append(byFate[one.Fate], phrase.Count(one.Rows)+" "+tableName(one.Table))
	}
	text := "No other rows change."
	if len(d.Dependants) > 0 {
		var groups []string
		for _, fate := range fates {
			groups = append(groups, fmt.Sprintf("%s (%s)", and(byFate[fate]), fate))
		}
		text = "Also affected, because they refer to them: " + strings.Join(groups, "; ") + "."
	} else if len(d.Cascades) > 0 || d.Total > d.Rows {
		text = ""
	}
	if len(d.Triggers) == 0 {
		text += " No triggers fire."
	} else {
		text += " Triggers fire: " + strings.Join(d.Triggers, "; ") + "."
	}
	if len(d.Cascades) > 0 {
		text += " The database itself will also do this: " + strings.Join(d.Cascades, "; ") + "."
	}
	return strings.TrimSpace(text)
}

// apart tells which of the changes are unlike the others, in a target that knows
// no rows that refer to each other: there Dependants are a part of Rows.
func apart(d fix.Draft) string {
	var some []string
	for _, one := range d.Dependants {
		some = append(some, fmt.Sprintf("%s to %s (%s)", phrase.Count(one.Rows), one.Table, one.Fate))
	}
	if !d.Plain || len(some) == 0 {
		return ""
	}
	return "Of these, " + and(some) + "."
}

// numbers tells how many, of how many, and how much money is at stake.
func numbers(d fix.Draft) string {
	text := some(d.Rows, d)
	if d.Of > 0 {
		text = fmt.Sprintf("%s of %s (%s)", phrase.Count(d.Rows), some(d.Of, d), phrase.Share(d.Rows, d.Of))
	}
	if m := phrase.Amounts(d.Money); m != "" {
		text += ", " + m
	}
	text += "."
	if d.Total != d.Rows {
		text += " " + phrase.Plural(d.Total, "change") + " in all."
	}
	if d.Found > d.Rows {
		there, does := "are wrong now", "repairs"
		if d.Plain {
			there, does = "are there now", "takes"
		}
		text += fmt.Sprintf(" %s %s; this plan %s %s of them.", phrase.Count(d.Found), there, does, phrase.Count(d.Rows))
	}
	return text
}

func (w Wording) undoable(d fix.Draft) string {
	days := int64(w.Keep / (24 * time.Hour))
	switch {
	case d.Irreversible != "":
		return "Cannot be undone: " + sentence(d.Irreversible)
	case days > 0:
		return "Undo possible for " + phrase.Plural(days, "day") + "."
	}
	return "Undo possible."
}

func samples(d fix.Draft) *message.Table {
	if len(d.Samples) == 0 {
		return nil
	}
	key := "row"
	for _, c := range d.Columns {
		if c.Class == check.Key {
			key = c.Name
			break
		}
	}
	t := &message.Table{Columns: []message.Column{{Name: key}, {Name: "before"}, {Name: "after"}}}
	heads := d.Heads
	if d.Plain && len(heads) == 0 {
		heads = []string{"record", "from", "to"}
	}
	for i := range heads[:min(len(heads), len(t.Columns))] {
		t.Columns[i].Name = heads[i]
	}
	for _, s := range d.Samples[:min(len(d.Samples), fix.MaxSamples)] {
		t.Rows = append(t.Rows, []string{s.Key, s.Before, s.After})
	}
	t.Total = int64(len(t.Rows)) // how many there are in all stands below
	return t
}

func shown(p fix.Plan) string {
	n := min(len(p.Draft.Samples), fix.MaxSamples)
	if n == 0 || int64(n) >= p.Draft.Total {
		return ""
	}
	return fmt.Sprintf("%d of %s shown; the file %s.csv lists them all.", n, phrase.Plural(p.Draft.Total, "change"), p.Ref())
}

func left(d fix.Draft) []string {
	var out []string
	for _, l := range d.Left {
		out = append(out, fmt.Sprintf("%s left alone: %s%s.", phrase.Count(l.Rows), strings.TrimSuffix(l.Why, "."), keys(l.Examples, l.Rows)))
	}
	return out
}

func risk(d fix.Draft) string {
	if d.Risk == "" {
		return ""
	}
	return "Risk: " + sentence(d.Risk)
}

// whoMay says who can press the button.
func (w Wording) whoMay(p fix.Plan) message.Line {
	roles := strings.Join(w.Policy.Holders(p.Needs()), " or ")
	switch {
	case roles == "":
		return message.Text(" · nobody may confirm: no role in the config grants %s", p.Needs())
	case p.Second:
		return message.Join(" · "+p.Why+": someone other than ", message.Mention(p.AskedBy), " in "+roles+" must approve")
	}
	return message.Text(" · anyone in %s may confirm", roles)
}

// confirmButton holds the plan's id alone.
func confirmButton(p fix.Plan) message.Action {
	d := p.Draft
	what := d.Button
	if what == "" {
		what = "apply " + p.Ref()
	}
	var dependent int64
	for _, one := range d.Dependants {
		dependent += one.Rows
	}
	text := upper(what)
	if dependent > 0 && !d.Plain {
		text += " and " + phrase.Plural(dependent, "dependent row")
	}
	if d.Place != "" && !strings.Contains(what, d.Place) {
		text += " in " + d.Place
	}
	a := message.Action{
		Verb: "confirm", Ref: p.Ref(), Label: "Confirm: " + what, Style: message.Primary,
		Confirm: &message.Confirm{Title: "Confirm " + p.Ref(), Text: text + "?", Yes: "Yes, do it", No: "Not now"},
	}
	if strings.HasPrefix(what, "change ") {
		a.Confirm.Yes = "Yes, change them"
	}
	if p.Second {
		a.Label, a.Confirm.Title = "Approve: "+what, "Approve "+p.Ref()
	}
	if d.Irreversible != "" {
		a.Style = message.Danger
		a.Confirm.Text += " This cannot be undone."
	}
	if d.Typed != "" { // asked for in a dialog instead
		a.Ask = &message.Ask{Title: a.Confirm.Title, Text: a.Confirm.Text, Label: "To make sure that it is meant, type its name", Want: d.Typed, Yes: "Do it"}
		a.Confirm = nil
	}
	return a
}

func upper(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:]
}
