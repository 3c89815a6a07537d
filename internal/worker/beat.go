package worker

import (
	"context"
	"errors"
	"time"

	"github.com/integritybot/integritybot/internal/check"
)

// beat prolongs the lease while the run goes on, and cancels the run when a
// person wants it stopped or the lease is lost. A run that applies a plan is not
// cancelled when it is to stop: it looks for that itself, between two batches. The
// channel is closed when it has ended.
func (r *run) beat(ctx context.Context, cancel context.CancelCauseFunc) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(r.w.opts.Beat)
		defer tick.Stop()
		// This process's own monotonic clock: whatever the store's says, after
		// the length of a lease without an answer another one may have begun.
		last := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			asked := time.Now()
			stopBy, err := r.w.store.Extend(ctx, r.claim.Run.ID, r.claim.Epoch, r.w.opts.Lease)
			switch {
			case errors.Is(err, check.ErrFenced):
				cancel(check.ErrFenced)
				return
			case err == nil:
				last = asked
			case time.Since(last) > r.w.opts.Lease:
				cancel(errSilent)
				return
			default:
				r.log.Warn("lease not prolonged", "error", err)
			}
			if stopBy != "" && r.stop(stopBy) && r.claim.Run.Step != check.StepApply {
				cancel(errStopped)
			}
		}
	}()
	return done
}

// stop notes who stopped the run, once.
func (r *run) stop(by string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopBy != "" {
		return false
	}
	r.stopBy = by
	return true
}

// stoppedBy is who wants the run stopped; empty: nobody.
func (r *run) stoppedBy() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopBy
}
