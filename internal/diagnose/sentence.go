package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// longestName is how much of a foreign name or sentence a line of evidence shows,
// in characters.
const longestName = 120

// longestSentence is the same for a sentence that says what is missing and what to do.
const longestSentence = 400

// voice words evidence.
//
// A rule's sentence has words in braces that are filled in: {n} and {of} are the
// numbers of all that was seen, {n:row} the first with its noun; {each}, {part}, {whole}
// and {name} belong to one item; {first} is when it began, {after} which change it
// followed, {onset} how what went bad lies to it and {lead} how it lies to that; {what}
// is a change, {says} what a check or look said of itself, {check} and {checks} the
// checks that saw it. What stands in brackets is left out where one of its words is
// not known; of several sentences separated by || the first that can be filled is
// used.
type voice struct {
	evidence evidence
	// noRows: the channel is shared with others, so names that come from logs, events
	// and clusters are left out.
	noRows bool
}

// line words one ground.
func (v voice) line(g ground) message.Line {
	for sentence := range strings.SplitSeq(g.rule.says, "||") {
		if l, ok := v.fill(sentence, g); ok {
			return l
		}
	}
	return message.Text("%s", string(g.rule.signal))
}

// fill puts what is known into a sentence; ok is false if a word is not known.
func (v voice) fill(sentence string, g ground) (message.Line, bool) {
	var out message.Line
	for sentence != "" {
		at := strings.IndexAny(sentence, "{[")
		if at < 0 {
			return append(out, message.Span{Text: sentence}), true
		}
		if at > 0 {
			out = append(out, message.Span{Text: sentence[:at]})
		}
		closing := "}"
		if sentence[at] == '[' {
			closing = "]"
		}
		inner, rest, _ := strings.Cut(sentence[at+1:], closing)
		sentence = rest
		if closing == "]" {
			if filled, ok := v.fill(inner, g); ok {
				out = append(out, filled...)
			}
			continue
		}
		filled := v.word(inner, g)
		if len(filled) == 0 {
			return nil, false
		}
		out = append(out, filled...)
	}
	return out, true
}

// word is what stands for a word in braces; nil: not known.
func (v voice) word(name string, g ground) message.Line {
	name, noun, _ := strings.Cut(name, ":")
	switch name {
	case "n":
		return message.Text("%s", v.number(g.seen, noun))
	case "of":
		return positive(g.seen.of)
	case "part":
		return positive(g.item.part)
	case "each":
		return positive(g.item.count)
	case "whole":
		return positive(g.item.of)
	case "name":
		return v.foreign(g.item.name)
	case "says":
		return v.foreign(g.item.says)
	case "what":
		return v.change(g.item)
	case "first":
		return v.moment(g.item.first)
	case "after":
		return v.after(g.item)
	case "onset":
		return about(g, "%s came in that time", "%s came %s after", "%s is %s older")
	case "lead":
		return about(g, "at the time of %s", "%[2]s before %[1]s", "%[2]s after %[1]s")
	case "check":
		return text(g.item.check)
	case "checks":
		return text(checksOf(g.seen))
	}
	return nil
}

// number is how many, and at least so many where not all were seen.
func (v voice) number(s sight, noun string) string {
	n := phrase.Count(s.count)
	if noun != "" {
		n = phrase.Plural(s.count, noun)
	}
	if !s.known && s.count > 0 {
		return "at least " + n
	}
	return n
}

func positive(n int64) message.Line {
	if n <= 0 {
		return nil
	}
	return message.Text("%s", phrase.Count(n))
}

func text(s string) message.Line {
	if s == "" {
		return nil
	}
	return message.Text("%s", clip(s))
}

func (v voice) foreign(s string) message.Line {
	if v.noRows {
		return nil
	}
	return text(s)
}

// change is a change as evidence.
func (v voice) change(i item) message.Line {
	if v.noRows {
		return text(i.plain)
	}
	return text(i.says)
}

// moment is a time with its age.
func (v voice) moment(t time.Time) message.Line {
	if t.IsZero() {
		return nil
	}
	return message.Join(message.At(t), " ("+phrase.Age(v.evidence.now.Sub(t))+" ago)")
}

// after says which change something followed: the last one in reach before it.
func (v voice) after(i item) message.Line {
	var last item
	best := forever
	for _, c := range v.evidence.sights[AnyChange].items {
		if lag, ok := c.lag(i.first); ok && lag >= -skew && lag <= later && lag <= best {
			last, best = c, lag
		}
	}
	if best == forever {
		return nil
	}
	what := last.short
	if v.noRows {
		what = last.plain
	}
	if best < time.Minute {
		return text("with " + what)
	}
	return text(phrase.Age(best) + " after " + what)
}

// about says how what went bad lies to an item: within it, after it or before it.
func about(g ground, within, behind, before string) message.Line {
	lag, ok := g.item.lag(g.onset.at)
	switch {
	case !ok:
		return nil
	case abs(lag) < time.Minute, lag < 0 && lag >= -skew:
		return text(fmt.Sprintf(within, g.onset.what))
	case lag > 0:
		return text(fmt.Sprintf(behind, g.onset.what, phrase.Age(lag)))
	}
	return text(fmt.Sprintf(before, g.onset.what, phrase.Age(-lag)))
}

// checksOf are the checks that saw something, by their titles.
func checksOf(s sight) string {
	var out []string
	for _, i := range s.items {
		if !slices.Contains(out, i.check) {
			out = append(out, i.check)
		}
	}
	return strings.Join(out, ", ")
}

// clip shortens foreign text and keeps it on one line.
func clip(s string) string { return clipped(s, longestName) }

func clipped(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// joined puts pieces into one line.
func joined(pieces []message.Line) message.Line {
	var out message.Line
	for i, p := range pieces {
		if i > 0 {
			out = append(out, message.Span{Text: "; "})
		}
		out = append(out, p...)
	}
	return out
}
