package worker_test

import (
	"context"
	"sync"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// producer is how one process sends records of a topic on: to ask what was done
// keeps all others from going on, as a transactional producer does with its
// epoch, and after any error it has to be asked again.
type producer struct {
	*target
	mu   sync.Mutex
	live map[int64]int // the epoch of each plan
	// halt: it ends every plan before its second batch.
	halt bool
}

// applier is how a process of its own writes to the target.
func (t *target) applier() interface {
	fix.Applier
	fix.Patient
} {
	if t.held == nil {
		return t
	}
	return &producer{target: t, live: map[int64]int{}}
}

func (p *producer) Applied(ctx context.Context, plan int64, forms []fix.Form) ([]fix.Result, error) {
	p.target.mu.Lock()
	p.target.epochs[plan]++
	epoch := p.target.epochs[plan]
	p.target.mu.Unlock()
	results, err := p.target.Applied(ctx, plan, forms)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live[plan] = epoch; err != nil {
		delete(p.live, plan)
	}
	return results, err
}

func (p *producer) Apply(ctx context.Context, plan fix.Plan, forms []fix.Form, b fix.Batch, pass int, only []int) (fix.Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target.mu.Lock()
	fenced := p.live[plan.ID] == 0 || p.live[plan.ID] != p.target.epochs[plan.ID]
	p.target.mu.Unlock()
	if fenced {
		delete(p.live, plan.ID)
		return fix.Result{}, &check.Problem{Sentence: "Another process has taken over."}
	}
	result, err := p.target.Apply(ctx, plan, forms, b, pass, only)
	if err != nil {
		delete(p.live, plan.ID)
	}
	return result, err
}

func (p *producer) Busy(ctx context.Context, plan fix.Plan, forms []fix.Form, next *fix.Batch) (string, error) {
	if p.halt && next != nil && next.N > 0 {
		return "", &fix.Halt{Sentence: "4 of 10 canaries came back within 30 s (limit 20 %)."}
	}
	return p.target.Busy(ctx, plan, forms, next)
}
