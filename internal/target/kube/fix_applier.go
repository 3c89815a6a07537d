package kube

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/integritybot/integritybot/internal/fix"
)

// Changing carries plans out in one namespace. It keeps nothing in memory: what
// was done stands on the objects themselves.
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
	return x.t.carry(ctx, w)
}

// Applied implements fix.Applier.
func (x *Changing) Applied(ctx context.Context, plan int64, forms []fix.Form) ([]fix.Result, error) {
	if creates(forms) {
		return x.t.started(ctx, plan)
	}
	var out []fix.Result
	for _, f := range forms {
		spec, err := specOf(f)
		if err != nil {
			return nil, err
		}
		s, there, err := x.t.again(ctx, writing{name: f.Name, spec: spec})
		if err != nil {
			return nil, err
		}
		if !there {
			continue
		}
		if s.record.broken != nil {
			return nil, problemf("What plans have written on deployment %s in Kubernetes %s cannot be read any more: somebody changed its annotations %s or %s.",
				f.Name, x.t.opts.Place, previousKey, recordKey)
		}
		if r, ok := x.t.resultOf(s, plan); ok {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b fix.Result) int { return cmp.Compare(a.Batch, b.Batch) })
	return out, nil
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
		return x.t.follow(ctx, p)
	}
	return x.t.watch(ctx, p, forms)
}

// Purge implements fix.Applier. A deployment remembers its last plans only, and
// jobs are their own record.
func (x *Changing) Purge(context.Context, time.Time) (int64, error) { return 0, nil }
