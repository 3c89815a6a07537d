package incidents

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/message"
)

// toldTo is what became of the notices to one audience.
type toldTo struct {
	name  string
	asked bool // a notice to it was sent
	// last and name of the latest notice that somebody of it got.
	last   time.Time
	notice string
	// of the latest notice: how many got it, are still to get it, of how many.
	got, waiting, of int
	// why says who did not get the latest notice, and why.
	why []message.Line
}

// audiencesTold gives every audience: the configured ones in their order, then others by
// name.
func audiencesTold(v View, w Wording) []toldTo {
	var names []string
	for _, a := range w.Rules.Audiences {
		names = append(names, a.Name)
	}
	var others []string
	for _, n := range v.Notices {
		for _, l := range n.Letters {
			if !slices.Contains(names, l.Audience) && !slices.Contains(others, l.Audience) {
				others = append(others, l.Audience)
			}
		}
	}
	slices.Sort(others)
	var out []toldTo
	for _, name := range append(names, others...) {
		t := toldTo{name: shorten(flat(w.audienceTitle(name)), mostTitle)}
		for _, n := range v.Notices {
			for _, l := range n.Letters {
				if l.Audience == name {
					t.add(n, l)
				}
			}
		}
		out = append(out, t)
	}
	return out
}

// add takes a later notice into account.
func (t *toldTo) add(n Sent, l Letter) {
	t.asked, t.got, t.waiting, t.of, t.why = true, 0, 0, 0, nil
	for _, d := range n.Deliveries {
		if d.Audience != l.Audience {
			continue
		}
		t.of++
		switch d.State {
		case Delivered:
			t.got++
		case Waiting, Handed:
			t.waiting++
		case Refused, Unclear, NotSent:
			t.why = append(t.why, append(clipLine(destination(d.To), mostTitle), message.Text(" %s", missed(d))...))
		}
	}
	for _, not := range l.Not {
		t.why = append(t.why, message.Text("%s", strings.TrimSuffix(shorten(flat(not), mostReason), ".")))
	}
	if t.got > 0 {
		t.last, t.notice = n.sent(), noticeName(n.Template, n.Number)
	}
}

// missed is why a delivery did not arrive, or may not have.
func missed(d Delivery) string {
	text := "refused"
	switch d.State {
	case Unclear:
		text = "may not have arrived"
	case NotSent:
		text = "not sent"
	case Refused, Delivered, Waiting, Handed:
	}
	if d.Reason != "" {
		text += ": " + strings.TrimSuffix(shorten(masks(flat(d.Reason)), mostReason), ".")
	}
	return text
}

// told is who knows, who is being told, and who does not know and why.
func told(v View, w Wording) []message.Line {
	var know, being, not []message.Line
	var never []string
	for _, t := range audiencesTold(v, w) {
		if !t.last.IsZero() {
			line := message.Join(t.name+" ", message.At(t.last), " ("+t.notice)
			if t.got > 0 && t.got < t.of {
				line = append(line, message.Text(", %d of %d", t.got, t.of)...)
			}
			know = append(know, append(line, message.Span{Text: ")"}))
		}
		if t.waiting > 0 {
			being = append(being, message.Text("%s (%d of %d)", t.name, t.waiting, t.of))
		}
		switch {
		case len(t.why) > 0:
			not = append(not, append(message.Text("%s (", t.name), append(joined("; ", 2, t.why), message.Span{Text: ")"})...))
		case !t.asked:
			never = append(never, t.name)
		case t.of == 0:
			not = append(not, message.Text("%s (no destination)", t.name))
		}
	}
	if len(never) > 0 {
		not = append(not, message.Text("nothing was sent yet to %s", listed(few(never))))
	}
	var lines []message.Line
	for _, group := range []struct {
		head string
		who  []message.Line
	}{{"Told: ", know}, {"Being told: ", being}, {"Not told: ", not}} {
		if len(group.who) > 0 {
			lines = append(lines, append(message.Join(message.Strong(group.head)), joined(" · ", mostNamed, group.who)...))
		}
	}
	return lines
}

// nextUpdates is when each audience is told again, the soonest first.
func nextUpdates(v View, w Wording) []message.Line {
	i := v.Incident
	names := sortedKeys(i.Clocks)
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Or(i.Clocks[a].Due.Compare(i.Clocks[b].Due), cmp.Compare(a, b))
	})
	var due []message.Line
	for _, name := range names {
		c := i.Clocks[name]
		if c.Due.IsZero() {
			continue
		}
		line := message.Join(shorten(flat(w.audienceTitle(name)), mostTitle)+" ", message.At(c.Due))
		if !v.Now.Before(c.Due) {
			line = append(line, message.Span{Text: " OVERDUE"})
		}
		if c.SnoozedBy != "" {
			line = append(line, message.Join(", put off by ", message.Mention(c.SnoozedBy))...)
		}
		due = append(due, line)
	}
	if len(due) == 0 || i.Status.Over() {
		return nil
	}
	return []message.Line{append(message.Join(message.Strong("Next updates: ")), joined(" · ", mostNamed, due)...)}
}
