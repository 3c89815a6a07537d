package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// mostWritten is how many tables with writers one look tells of.
const mostWritten = 20

// Locks looks at who waits for whom just now, and who writes to which tables, for
// a diagnosis. It says nothing of how long is too long: that is a check's business.
func Locks(targets []*Target) look.Looker { return lockLooker(targets) }

type lockLooker []*Target

// Look implements look.Looker.
func (l lockLooker) Look(ctx context.Context, _ look.Question, tell func(check.Progress)) (look.Report, error) {
	var report look.Report
	var heads []string
	var failed []error
	for _, t := range l {
		seen, facts, missing, err := t.itself().lockFacts(ctx, tell)
		if err != nil {
			failed = append(failed, err)
			report.Missing = append(report.Missing, sentenceOf(err))
			continue
		}
		heads = append(heads, t.Place()+": "+seen)
		report.Facts = append(report.Facts, facts...)
		report.Missing = append(report.Missing, missing...)
	}
	if len(heads) == 0 {
		return look.Report{}, errors.Join(failed...)
	}
	report.Head = message.Message{Headline: message.Text("%s", heads[0]), Parts: lines(append(heads[1:], report.Missing...))}
	return report, nil
}

// sentenceOf is what a person reads of an error.
func sentenceOf(err error) string {
	var known *check.Problem
	if errors.As(err, &known) {
		return known.Sentence
	}
	return "It could not be read; the log says why."
}

// lines are a message's parts of plain lines.
func lines(texts []string) []message.Part {
	var part message.Part
	for _, text := range texts {
		part.Lines = append(part.Lines, message.Text("%s", text))
	}
	if len(part.Lines) == 0 {
		return nil
	}
	return []message.Part{part}
}

func (t *Target) lockFacts(ctx context.Context, tell func(check.Progress)) (says string, facts []look.Fact, missing []string, err error) {
	c, err := t.chain(ctx, tell)
	if err != nil {
		return "", nil, nil, err
	}
	if n := c.hiddenHere(); n > 0 {
		missing = append(missing, c.blindness(n))
	}
	says = "nobody waits for a lock"
	for _, r := range c.roots {
		fact := c.blockedBy(r)
		if len(facts) == 0 {
			says = fact.Says
		}
		facts = append(facts, fact)
	}
	if len(facts) == 0 {
		fact := look.Fact{Kind: look.Blocked, Says: "no blocked sessions"}
		if n := len(c.waiting); n > 0 { // whose blockers have just ended
			fact.Count, fact.Says = int64(n), wait(n)+" for a lock"
			says = fact.Says
		}
		facts = append(facts, fact)
	}
	written, err := t.writtenFacts(ctx, c.lockLook)
	return says, append(facts, written...), missing, err
}

// blockedBy is the fact that a session blocks others.
func (c *lockChain) blockedBy(r *backend) look.Fact {
	behind := c.behind(r)
	fact := look.Fact{Kind: look.Blocked, Subject: r.name(), Count: int64(len(behind)), Of: c.judged()}
	state, longest := c.stateText(r), ""
	if state != "" {
		state = ", " + state + ","
	}
	if s := behind[0]; s.since != nil {
		fact.At, longest = s.since.UTC(), ", the longest for "+c.waitText(s)
	}
	fact.Says = fmt.Sprintf("%s%s blocks %s%s", r.name(), state, phrase.Plural(fact.Count, "other"), longest)
	return fact
}

// writtenFacts are the tables to which somebody writes just now, those with the
// most writers first.
func (t *Target) writtenFacts(ctx context.Context, l *lockLook) ([]look.Fact, error) {
	counts := map[uint32]int64{}
	var oids []uint32
	for _, s := range l.sessions {
		for _, oid := range s.writes {
			if s.ours() {
				continue
			}
			if counts[oid]++; counts[oid] == 1 {
				oids = append(oids, oid)
			}
		}
	}
	names, err := t.tableNames(ctx, oids)
	if err != nil {
		return nil, err
	}
	var facts []look.Fact
	for oid, name := range names {
		fact := look.Fact{Kind: look.Writers, Subject: name, Count: counts[oid], Of: l.judged()}
		fact.Says = "1 session writes to " + name
		if fact.Count > 1 {
			fact.Says = fmt.Sprintf("%s sessions write to %s at once", phrase.Count(fact.Count), name)
		}
		facts = append(facts, fact)
	}
	if len(facts) == 0 {
		return []look.Fact{{Kind: look.Writers, Of: l.judged(), Says: "nobody writes to a table just now"}}, nil
	}
	slices.SortFunc(facts, func(a, b look.Fact) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Subject, b.Subject))
	})
	return facts[:min(len(facts), mostWritten)], nil
}
