package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Changing carries plans out in one namespace. From one question to the next it keeps
// nothing in memory: what was done stands on the objects themselves.
type Changing struct {
	t *Target
}

// Applier is what carries plans out here; nil if the config does not let plans
// change workloads.
func (t *Target) Applier() fix.Applier {
	if !t.opts.Writes {
		return nil
	}
	return &Changing{t: t}
}

// creates tells whether a plan makes a job, and does not change deployments.
func creates(forms []fix.Form) bool { return len(forms) > 0 && forms[0].Op == fix.Create }

// Apply implements fix.Applier.
func (x *Changing) Apply(ctx context.Context, p fix.Plan, forms []fix.Form, b fix.Batch, pass int, _ []int) (fix.Result, error) {
	if pass != 1 {
		return fix.Result{}, problemf("Workloads are changed in one pass, and this is pass %d: make a new preview.", pass)
	}
	if creates(forms) {
		return x.t.start(ctx, p, forms, b)
	}
	w, err := x.t.writingOf(p.ID, forms, b)
	if err != nil {
		return fix.Result{}, err
	}
	if err := x.t.stillWanted(ctx, p, w); err != nil {
		return fix.Result{}, err
	}
	return x.t.carry(ctx, w)
}

// latestBegin is how long after it was decided a plan may begin. A stop or a restore
// that was wanted yesterday may be the last thing that is wanted today.
const latestBegin = 10 * time.Minute

// decidedAgo is how long ago a plan was decided, if that is too long to begin now.
func (t *Target) decidedAgo(p fix.Plan) (ago string, late bool) {
	age := t.opts.Now().Sub(p.DecidedAt)
	return phrase.Age(age), !p.DecidedAt.IsZero() && age > latestBegin
}

// stillWanted refuses to begin what was decided long ago. One that has begun goes on:
// half a stop is worse.
func (t *Target) stillWanted(ctx context.Context, p fix.Plan, w writing) error {
	ago, late := t.decidedAgo(p)
	if !late || w.batch > 0 {
		return nil
	}
	s, there, err := t.again(ctx, w)
	if err != nil {
		return err
	}
	if _, begun := s.record.of(w.plan); there && begun {
		return nil
	}
	return &fix.Halt{Sentence: fmt.Sprintf("%s was approved %s ago and not begun; ask again.", p.Ref(), ago)}
}

// Applied implements fix.Applier.
func (x *Changing) Applied(ctx context.Context, plan int64, forms []fix.Form) ([]fix.Result, error) {
	if creates(forms) {
		return x.t.started(ctx, plan, forms)
	}
	all, err := each(ctx, forms, func(ctx context.Context, f fix.Form) ([]fix.Result, error) { return x.t.appliedTo(ctx, plan, f) })
	if err != nil {
		return nil, err
	}
	out := slices.Concat(all...)
	slices.SortFunc(out, func(a, b fix.Result) int { return cmp.Compare(a.Batch, b.Batch) })
	return out, nil
}

// appliedTo is what one deployment recorded of a plan; nothing, or one result.
func (t *Target) appliedTo(ctx context.Context, plan int64, f fix.Form) ([]fix.Result, error) {
	spec, err := specOf(f)
	if err != nil {
		return nil, err
	}
	s, there, err := t.again(ctx, writing{plan: t.planName(plan), name: f.Name, spec: spec})
	if err != nil || !there {
		return nil, err
	}
	if s.record.broken != nil {
		return nil, problemf("What plans have written on deployment %s in Kubernetes %s cannot be read any more: somebody changed its annotations %s or %s.",
			f.Name, t.opts.Place, previousKey, recordKey)
	}
	if r, ok := t.resultOf(s, plan); ok {
		return []fix.Result{r}, nil
	}
	return nil, nil
}

// askedAtOnce is how many deployments of one plan are asked about at once: one after
// another, a slow API would not have told of all of them in the time that there is.
const askedAtOnce = 8

// each asks about all deployments of a plan. Of several errors one that ends the plan
// is given, or else the first.
func each[T any](ctx context.Context, forms []fix.Form, one func(context.Context, fix.Form) (T, error)) ([]T, error) {
	out, errs := make([]T, len(forms)), make([]error, len(forms))
	var g errgroup.Group
	g.SetLimit(askedAtOnce)
	for i, f := range forms {
		g.Go(func() error {
			out[i], errs[i] = one(ctx, f)
			return nil
		})
	}
	_ = g.Wait() // the errors are kept by themselves
	err := errors.Join(errs...)
	if err == nil {
		return out, nil
	}
	var halt *fix.Halt
	if errors.As(err, &halt) {
		return nil, halt
	}
	return nil, errs[slices.IndexFunc(errs, func(err error) bool { return err != nil })]
}

// resultOf is what a deployment says that a plan did to it; ok is false if it did
// nothing, or nothing whole.
func (t *Target) resultOf(s seen, plan int64) (r fix.Result, ok bool) {
	e, known := s.record.of(t.planName(plan))
	if !known {
		return r, false
	}
	r = fix.Result{Batch: e.Batch, Pass: 1, At: e.At}
	if e.Left != "" {
		r.Skipped = []fix.Skipped{{Why: e.Left}}
		return r, true
	}
	made, at := t.made(s, e)
	r.Changed, r.At = 1, at
	return r, made
}

// Inverse implements fix.Applier.
func (x *Changing) Inverse(ctx context.Context, o fix.Order, undoes fix.Plan, forms []fix.Form) (fix.Draft, error) {
	if creates(forms) {
		return fix.Draft{}, problemf("%s cannot be taken back: %s.", undoes.Ref(), overwritten)
	}
	return x.t.inverse(ctx, o, undoes, forms)
}

// Busy implements fix.Patient: after the last change it is watched whether
// somebody takes it back, and whether it takes effect.
func (x *Changing) Busy(ctx context.Context, p fix.Plan, forms []fix.Form, next *fix.Batch) (why string, err error) {
	switch {
	case next != nil:
		return "", nil
	case creates(forms):
		return x.t.follow(ctx, p, forms)
	}
	return x.t.watch(ctx, p, forms)
}

// Purge implements fix.Applier. A deployment remembers its last plans only, and
// jobs are their own record.
func (x *Changing) Purge(context.Context, time.Time) (int64, error) { return 0, nil }
