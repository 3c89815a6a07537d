// Package diagnose looks at everything that the runbook's steps 1 to 6 look at,
// all at once, and names the likeliest causes in order: each with what speaks for
// it, what speaks against it, and what can be done.
//
// It changes nothing. What did not answer is UNKNOWN: it speaks neither for nor
// against a cause, it is named, and the rest still answers. "No clear cause" is an
// answer, and a cause is never named with more certainty than the rules give it,
// which are a table in rules.go. No row leaves it: only counts, times, and the
// names that checks and targets give to what they saw.
package diagnose

import (
	"context"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/look"
)

// Options are what a diagnosis looks with. The zero value of all but Checks and
// Now has a meaning.
type Options struct {
	Checks check.Catalog
	// Looks are the ways of looking that are no checks: logs, "events logs", changes,
	// "db conflicts" and locks. One that is not there is not set up.
	Looks look.Catalog
	// Last gives what recent runs found of these checks, at most one finding of each,
	// the newest, that ended within this time. Only complete ones count: of runs
	// without --since, under the declaration of today. nil, or an error: everything
	// is read again.
	Last func(ctx context.Context, checks []string, within time.Duration) ([]Seen, error)
	// Fixes are the fixes that the config declares, by check: what buttons there are.
	Fixes fix.Catalog
	Now   func() time.Time
	// Deadlines bound each step; 0: 60 s for data checks, 15 s for the others.
	Deadlines map[Step]time.Duration
	// Grace is how long a source may take to notice that its time is over, before it
	// is left alone; 0: 1 s.
	Grace time.Duration
	// Parallel is how many sources are looked at at once; 0: all.
	Parallel int
	// LogsSince is how far back log lines are read if the question does not say, 0: 1 h;
	// ChangesSince how far back changes are looked for, 0: 7 days.
	LogsSince, ChangesSince time.Duration
	// ChangeKinds are the kinds of change that the look "changes" would see, by what it
	// asks: rollouts, config edits and scaling in a cluster, migrations in a database. Of the
	// others it is never said that there was none.
	ChangeKinds []look.Kind
	// OnPanic is told of a panic in a look or a check, for the log. It may be nil.
	OnPanic func(source string, value any, stack []byte)
}

// Seen is what an earlier run found.
type Seen struct {
	Run int64
	check.Finding
}

// The defaults of Options.
const (
	dataDeadline = time.Minute
	stepDeadline = 15 * time.Second
	defaultGrace = time.Second
	defaultLogs  = time.Hour
	defaultPast  = 7 * 24 * time.Hour
)

// reusable is how old a finding of a data check may be to be taken instead of
// reading the tables again.
const reusable = 10 * time.Minute

// New gives the way of looking that is called diagnose.
func New(o Options) look.Looker {
	if o.Grace <= 0 {
		o.Grace = defaultGrace
	}
	if o.LogsSince <= 0 {
		o.LogsSince = defaultLogs
	}
	if o.ChangesSince <= 0 {
		o.ChangesSince = defaultPast
	}
	return &doctor{o}
}

// doctor is the look.Looker.
type doctor struct{ Options }

// Look implements look.Looker. The end of the context is no error: what was seen
// until then is reported, and the rest is UNKNOWN.
func (d *doctor) Look(ctx context.Context, q look.Question, tell func(check.Progress)) (look.Report, error) {
	chosen, title, err := d.choose(q.Domain)
	if err != nil {
		return look.Report{}, err
	}
	began := d.Now()
	if q.At.IsZero() {
		q.At = began
	}
	seen := d.gather(ctx, q, chosen, tell)
	ended := d.Now()
	e := weighable{
		seen: seen, now: ended,
		logsFrom: began.Add(-d.logsSince(q)), changesFrom: began.Add(-d.changesSince(q)), told: q.FirstBad, toldBy: q.FirstBadBy, kinds: d.ChangeKinds,
	}.evidence()
	r := reporter{
		title: title, domain: q.Domain, noRows: q.NoRows, now: ended,
		seen: seen, evidence: e, diagnosis: weigh(e), fixes: d.Fixes,
	}
	return r.report(), nil
}

func (d *doctor) logsSince(q look.Question) time.Duration {
	if q.Since > 0 {
		return q.Since
	}
	return d.LogsSince
}

func (d *doctor) changesSince(q look.Question) time.Duration { return max(q.Since, d.ChangesSince) }

func (d *doctor) deadline(s Step) time.Duration {
	if t := d.Deadlines[s]; t > 0 {
		return t
	}
	if s == Data {
		return dataDeadline
	}
	return stepDeadline
}
