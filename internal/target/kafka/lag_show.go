package kafka

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// notKnown is how a number is written that nobody knows.
const notKnown = "unknown"

func lagColumns() []check.Column {
	return []check.Column{
		{Name: "topic", Class: check.Code},
		{Name: "partition", Class: check.Number},
		{Name: "lag", Class: check.Number},
		{Name: "oldest_unread", Class: check.Time},
		{Name: "age", Class: check.Code},
		{Name: "committed", Class: check.Number},
		{Name: "end", Class: check.Number},
		{Name: "catches_up", Class: check.Code},
		{Name: "consumer", Class: check.Code},
	}
}

// cells are a partition as a row of a table.
func (p *partitionLag) cells(now time.Time) []string {
	number := func(n int64) string {
		if n < 0 {
			return notKnown
		}
		return fmt.Sprint(n)
	}
	committed := number(p.committed)
	if p.committed < 0 && p.unknown == nil {
		committed = "never"
	}
	oldest, age := "", ""
	switch {
	case !p.oldest.IsZero():
		oldest, age = p.oldest.Format(time.RFC3339), phrase.Age(now.Sub(p.oldest))
	case p.unaged != nil || p.unknown != nil:
		oldest, age = notKnown, notKnown
	}
	owner := p.owner
	if owner == "" {
		owner = "nobody"
	}
	return []string{p.topic, fmt.Sprint(p.part), number(p.lag), oldest, age, committed, number(p.end), p.catchesUp(), owner}
}

func (p *partitionLag) values(now time.Time) []*string {
	var out []*string
	for _, c := range p.cells(now) {
		out = append(out, text(c))
	}
	return out
}

// catchesUp says when the lag will be gone, at the speed that was measured.
func (p *partitionLag) catchesUp() string {
	gain := p.consuming - p.producing
	switch {
	case p.unknown != nil:
		return notKnown
	case p.lag == 0:
		return "has caught up"
	case !p.measured:
		return notKnown
	case p.consuming == 0 && p.producing == 0:
		return "stands still"
	case p.consuming == 0:
		return "stands still, falling behind"
	case gain <= 0:
		return "never: falling behind"
	}
	seconds := float64(p.lag) / gain
	if seconds > math.MaxInt32 {
		return "never: hardly moving"
	}
	return "in about " + humane(time.Duration(seconds*float64(time.Second)))
}

// humane prints a length of time for people: 200 ms, 12 s, 4 min, 3 h, 2 d.
func humane(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(math.Round(d.Seconds())))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(math.Round(d.Minutes())))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(math.Round(d.Hours())))
	}
	return fmt.Sprintf("%d d", int(math.Round(d.Hours()/24)))
}

// worseFirst puts the unknown before the lagging, and those before the rest.
func worseFirst(a, b *partitionLag) int {
	rank := func(p *partitionLag) int64 {
		if p.unknown != nil {
			return math.MaxInt64
		}
		return p.lag
	}
	return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(a.topic, b.topic), cmp.Compare(a.part, b.part))
}

// overview is all partitions, the worst first.
func (l *lagLook) overview() *check.Overview {
	o := &check.Overview{Columns: lagColumns(), Rows: [][]string{}, Total: int64(len(l.parts))}
	for _, p := range l.parts[:min(len(l.parts), check.MaxOverview)] {
		o.Rows = append(o.Rows, p.cells(l.at))
	}
	return o
}

// notes are what the numbers do not say.
func (d *lagDetector) notes(opts check.Options, group consumers, l *lagLook) []string {
	out := []string{group.note(l)}
	var unknown, unaged error
	var unknowns, unageds, never, expired, open, total int64
	for _, p := range l.parts {
		switch {
		case p.unknown != nil:
			unknowns, unknown = unknowns+1, cmp.Or(unknown, p.unknown)
			continue
		case p.unaged != nil:
			unageds, unaged = unageds+1, cmp.Or(unaged, p.unaged)
		}
		if p.committed < 0 && p.end > p.start {
			never++
		}
		expired += p.expired
		open += p.high - p.end
		total += p.lag
	}
	add := func(n int64, format string, args ...any) {
		if n > 0 {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(total, "%s unread in all; lag counts what a read-committed consumer can still read.", counted(total, "record"))
	if l.measured > 0 {
		var consuming, producing float64
		for _, p := range l.parts {
			consuming, producing = consuming+p.consuming, producing+p.producing
		}
		over := func(speed float64) int64 { return int64(math.Round(speed * l.measured.Seconds())) }
		out = append(out, fmt.Sprintf("Measured over %s: %s read, %s written.",
			humane(l.measured), counted(over(consuming), "record"), phrase.Count(over(producing))))
	}
	add(unknowns, "The lag of %s is unknown. %s", counted(unknowns, "partition"), sentenceOf(unknown))
	add(unageds, "The age of the oldest unread record of %s is unknown. %s", counted(unageds, "partition"), sentenceOf(unaged))
	add(never, "The group has never committed an offset of %s: there the lag counts from the first record.", counted(never, "partition"))
	add(expired, "%s expired before the group read them.", counted(expired, "record"))
	add(open, "%s after the last stable offset: a transaction is open, and read-committed consumers wait for its end.", stand(open))
	if len(l.gone) > 0 {
		out = append(out, fmt.Sprintf("The group has committed offsets of %s, which is not there any more, or may not be seen: not judged.", strings.Join(l.gone, ", ")))
	}
	if opts.Since > 0 {
		out = append(out, "Lag is what it is now: --since changes nothing.")
	}
	return out
}

func stand(n int64) string {
	if n == 1 {
		return "1 record stands"
	}
	return phrase.Count(n) + " records stand"
}

func sentenceOf(err error) string {
	var known *check.Problem
	if errors.As(err, &known) {
		return known.Sentence
	}
	return ""
}

// note says how the group is, and when nobody reads although something is
// unread.
func (c consumers) note(l *lagLook) string {
	behind := false
	for _, p := range l.parts {
		behind = behind || p.lag > 0
	}
	state := strings.ToLower(c.state)
	switch {
	case c.members == 0 && behind:
		return fmt.Sprintf("Group %s is %s: no consumer is running, so that nothing catches up.", c.name, state)
	case c.members == 0:
		return fmt.Sprintf("Group %s is %s: no consumer is running.", c.name, state)
	}
	return fmt.Sprintf("Group %s is %s, with %s.", c.name, state, counted(int64(c.members), "member"))
}
