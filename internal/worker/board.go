package worker

import (
	"context"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
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
	return r.edit(ctx, func() (message.Post, bool) {
		progress, findings, fresh := r.board.take()
		now := r.claim.Run
		now.Findings = findings
		return r.w.opts.Report.Running(now, progress, r.w.opts.Now()), fresh
	})
}

// edit shows at intervals what post gives, if that is new, until the context ends.
// One that cannot be shown does not matter: what comes of the run will be. The
// channel is closed when it has ended.
func (r *run) edit(ctx context.Context, post func() (message.Post, bool)) <-chan struct{} {
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
			now, fresh := post()
			if !fresh {
				continue
			}
			if err := r.w.store.Show(ctx, r.claim.Run.ID, r.claim.Epoch, now); err != nil && ctx.Err() == nil {
				r.log.Warn("progress not shown", "error", err)
			}
		}
	}()
	return done
}
