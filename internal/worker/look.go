package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
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
	ctx, cancel := context.WithTimeoutCause(ctx, within, errDeadline)
	defer cancel()
	showing := r.show(ctx)
	report, err := one.Looker.Look(ctx, r.question(ctx), func(p check.Progress) {
		r.board.set(map[string]check.Progress{o.Look: p}, nil)
	})
	late := errors.Is(context.Cause(ctx), errDeadline)
	cancel()
	<-showing
	switch {
	case err == nil:
		r.looked = &report
		return nil, nil
	case late:
		return nil, &verdictError{sentence: fmt.Sprintf("It was not finished after %s, so nothing is known.", within)}
	}
	r.log.Warn("nothing seen", "look", o.Look, "error", err)
	return nil, &verdictError{sentence: sentenceOf(err)}
}

// question is what the look is asked. Since when data is wrong is told where the
// store knows it; a look is not kept from anything by a store that does not say.
func (r *run) question(ctx context.Context) look.Question {
	o := r.claim.Run.Order
	q := look.Question{
		Words: o.Select, Domain: o.Domain, Grep: o.Grep, Since: o.Options.Since, NoRows: o.NoRows, At: o.AskedAt,
	}
	if len(o.Checks) > 0 {
		q.Check = o.Checks[0]
	}
	seen, err := r.w.store.LastFindings(ctx, slices.Collect(maps.Keys(r.w.checks)), q.At.Add(-check.RecentWithin))
	if err != nil {
		r.log.Warn("since when data is wrong is not known", "error", err)
	}
	for _, s := range seen {
		if first := s.Finding.Tally.Recent.First; s.Finding.Verdict == check.Fail && !first.IsZero() && (q.FirstBad.IsZero() || first.Before(q.FirstBad)) {
			q.FirstBad = first
		}
	}
	return q
}
