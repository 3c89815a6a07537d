package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// look carries a run that looks at something that is no check. It leaves no
// findings. Whoever takes over begins anew.
func (r *run) look(ctx context.Context) ([]check.Finding, error) {
	o := r.claim.Run.Order
	one, ok := r.w.opts.Looks[o.Look]
	switch {
	case !ok:
		return nil, &verdictError{sentence: "This is no longer in the config. Nothing was read."}
	case one.Looker == nil:
		return nil, &verdictError{sentence: one.Off + " Nothing was read."}
	}
	within := r.left()
	if one.Timeout > 0 {
		within = min(within, one.Timeout)
	}
	timed, cancel := context.WithTimeoutCause(ctx, within, errDeadline)
	defer cancel()
	showing := r.show(timed)
	report, err := one.Looker.Look(timed, r.question(timed, one.Past), func(p check.Progress) {
		r.board.set(map[string]check.Progress{o.Look: p}, nil)
	})
	late := errors.Is(context.Cause(timed), errDeadline)
	cancel()
	<-showing
	// Some looks answer with what they saw until they were ended. That is an answer
	// only if it was their own time that was over: whoever is stopped has none, and
	// after the end of this process another one looks.
	if ended := context.Cause(ctx); ended != nil {
		return nil, ended
	}
	switch {
	case err == nil:
		r.looked = &report
		return nil, nil
	case late:
		return nil, &verdictError{sentence: fmt.Sprintf("It was not finished after %s, so nothing is known.", phrase.Duration(within))}
	}
	r.log.Warn("nothing seen", "look", o.Look, "error", err)
	return nil, &verdictError{sentence: sentenceOf(err)}
}

// tellWithin bounds asking the store since when data is wrong: the time is the look's.
const tellWithin = 3 * time.Second

// question is what the look is asked. past: it is told since when data is wrong, where
// the store knows it; a look is not kept from anything by a store that does not say.
func (r *run) question(ctx context.Context, past bool) look.Question {
	o := r.claim.Run.Order
	q := look.Question{
		Words: o.Select, Domain: o.Domain, Grep: o.Grep, Since: o.Options.Since, NoRows: o.NoRows, At: o.AskedAt,
	}
	if len(o.Checks) > 0 {
		q.Check = o.Checks[0]
	}
	if past {
		q.FirstBad, q.FirstBadBy = r.firstBad(ctx, q)
	}
	return q
}

// firstBad is since when rows of the domain are wrong, of the checks that fail as far
// as runs have told lately, and which check says so.
func (r *run) firstBad(ctx context.Context, q look.Question) (first time.Time, by string) {
	var names []string
	for name, c := range r.w.checks {
		if check.JudgesRows(c.Kind) && (q.Domain == "" || c.Domain == q.Domain) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return first, ""
	}
	slices.Sort(names)
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	seen, err := r.w.store.LastFindings(ctx, names, q.At.Add(-check.RecentWithin))
	if err != nil {
		r.log.Warn("since when data is wrong is not known", "error", err)
	}
	for _, s := range seen {
		f := s.Finding
		if began := f.Tally.Recent.First; f.Verdict == check.Fail && !began.IsZero() && (first.IsZero() || began.Before(first)) {
			first, by = began, f.Check
		}
	}
	return first, by
}

// outcome is what the audit trail keeps of what a look saw.
func (r *run) outcome(run check.Run) map[string]string {
	if r.looked == nil || run.State != check.Done {
		return nil
	}
	out := maps.Clone(r.looked.Outcome)
	if n := len(r.looked.Missing); n > 0 {
		if out == nil {
			out = map[string]string{}
		}
		out["not_seen"] = strconv.Itoa(n)
	}
	return out
}
