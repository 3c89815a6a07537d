package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/integritybot/integritybot/internal/check"
)

// Worker carries runs out in this process.
type Worker struct {
	opts   Options
	store  Store
	log    *slog.Logger
	checks map[string]check.Check
}

// New makes a worker.
func New(o Options) (*Worker, error) {
	o = o.withDefaults()
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	return &Worker{opts: o, store: o.Store, log: o.Logger.With("holder", o.Holder), checks: o.Catalog.ByName()}, nil
}

// Run works until ctx ends. Then it stops the runs it holds after what they
// are reading and gives them back, so that another process goes on at once.
func (w *Worker) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.store.Work(ctx, w.opts.Runs, w.carry) })
	g.Go(func() error { w.every(ctx, w.opts.SweepEvery, "sweep", w.sweep); return nil })
	g.Go(func() error { w.every(ctx, purgeEvery, "purge", w.purge); return nil })
	if w.opts.Plans != nil {
		g.Go(func() error { w.every(ctx, w.opts.SweepEvery, "expiry of plans", w.expire); return nil })
		g.Go(func() error { w.every(ctx, settleEvery, "settling of plans", w.settleAll); return nil })
	}
	if w.opts.KeepImages > 0 {
		g.Go(func() error { w.every(ctx, purgeEvery, "purge of before-images", w.purgeImages); return nil })
	}
	if w.opts.Signer != nil {
		g.Go(func() error { w.checkpoints(ctx); return nil })
	}
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("worker: %w", err)
	}
	return nil
}

// every calls a chore at once and then at intervals. A chore that fails is
// tried again at the next.
func (w *Worker) every(ctx context.Context, d time.Duration, name string, chore func(context.Context) error) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		if err := chore(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("chore failed", "chore", name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
