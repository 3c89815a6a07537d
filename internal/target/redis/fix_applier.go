package redis

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Clearing carries plans out in one Redis.
type Clearing struct {
	t       *Target
	scripts scripts

	mu   sync.Mutex
	last map[int64]turn // by plan, to keep its rate
}

// turn is the last batch of a plan.
type turn struct {
	at      time.Time
	changes int
}

// Applier is what carries plans out here; nil if the config does not let plans
// remove values.
func (t *Target) Applier() fix.Applier {
	if !t.opts.Clears {
		return nil
	}
	return &Clearing{t: t, scripts: newScripts(), last: map[int64]turn{}}
}

// Apply implements fix.Applier. A batch is one script: it is made wholly, with its
// record, or not at all, and one that is recorded is not made again.
func (x *Clearing) Apply(ctx context.Context, p fix.Plan, forms []fix.Form, b fix.Batch, pass int, _ []int) (fix.Result, error) {
	if pass != 1 || len(b.Changes) == 0 {
		return fix.Result{}, problemf("Values are removed in one pass, and this is pass %d of %d changes: make a new preview.", pass, len(b.Changes))
	}
	specs := make([]spec, len(forms))
	for i, f := range forms {
		var err error
		if specs[i], err = specOf(f); err != nil {
			return fix.Result{}, err
		}
	}
	client, err := x.t.writer()
	if err != nil {
		return fix.Result{}, err
	}
	w := &work{x: x, plan: p.ID, hash: p.Hash, batch: b, forms: forms, specs: specs, client: client}
	answer, err := w.run(ctx)
	if err != nil {
		return fix.Result{}, err
	}
	x.note(p.ID, len(b.Changes))
	return resultOf(strconv.Itoa(b.N), answer)
}

// Applied implements fix.Applier.
func (x *Clearing) Applied(ctx context.Context, plan int64, _ []fix.Form) ([]fix.Result, error) {
	records, err := x.t.records(ctx, plan)
	if err != nil {
		return nil, err
	}
	var out []fix.Result
	for _, record := range records {
		results, err := record.results()
		if err != nil {
			return nil, err
		}
		out = append(out, results...)
	}
	slices.SortFunc(out, func(a, b fix.Result) int { return a.Batch - b.Batch })
	return out, nil
}

func (x *Clearing) note(plan int64, changes int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.last[plan] = turn{x.t.opts.Now(), changes}
}

// Busy implements fix.Patient: the rate is kept. A short pause is made here, because
// whoever asks again does so a second later.
func (x *Clearing) Busy(ctx context.Context, p fix.Plan, forms []fix.Form, next *fix.Batch) (why string, err error) {
	x.mu.Lock()
	last, begun := x.last[p.ID]
	if next == nil {
		delete(x.last, p.ID)
	}
	x.mu.Unlock()
	if !begun || next == nil || len(forms) == 0 {
		return "", nil
	}
	s, err := specOf(forms[0])
	if err != nil || s.Rate <= 0 {
		return "", err
	}
	const short = 2 * time.Second
	pause := last.at.Add(time.Duration(float64(last.changes) / float64(s.Rate) * float64(time.Second))).Sub(x.t.opts.Now())
	if pause > short {
		return fmt.Sprintf("keeps to %s a second", phrase.Plural(int64(s.Rate), "value")), nil
	}
	return "", x.t.opts.Sleep(ctx, pause)
}
