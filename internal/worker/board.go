package worker

import (
	"context"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/check"
)

// board is the newest that is known of how far a run is.
type board struct {
	mu       sync.Mutex
	fresh    bool
	progress map[string]check.Progress
	findings []check.Finding
}

// set is called often and must not block.
func (b *board) set(progress map[string]check.Progress, findings []check.Finding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fresh, b.progress, b.findings = true, progress, findings
}

// take gives what is new since the last time.
func (b *board) take() (map[string]check.Progress, []check.Finding, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fresh := b.fresh
	b.fresh = false
	return b.progress, b.findings, fresh
}

// show edits the head message at intervals. A run shorter than one interval
// shows only its result. The channel is closed when it has ended.
func (r *run) show(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(r.w.opts.ShowEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			progress, findings, fresh := r.board.take()
			if !fresh {
				continue
			}
			now := r.claim.Run
			now.Findings = findings
			post := r.w.opts.Report.Running(now, progress, r.w.opts.Now())
			if err := r.w.store.Show(ctx, now.ID, r.claim.Epoch, post); err != nil && ctx.Err() == nil {
				r.log.Warn("progress not shown", "error", err) // the result will be
			}
		}
	}()
	return done
}
