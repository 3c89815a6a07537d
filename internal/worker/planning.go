package worker

import (
	"context"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// planning is what the board calls the working out of a plan.
const planning = "plan"

// tellPlanning is told how far the planner is. It may be called often.
func (r *run) tellPlanning(at check.Progress) {
	r.board.set(map[string]check.Progress{planning: at}, nil)
}

// showPlanning edits the plan's message at intervals while it is worked out. The
// channel is closed when it has ended.
func (r *run) showPlanning(ctx context.Context, o fix.Order) <-chan struct{} {
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
			progress, _, fresh := r.board.take()
			if !fresh {
				continue
			}
			post := r.w.opts.Plans.PlanningAt(o, progress[planning])
			if err := r.w.store.Show(ctx, r.claim.Run.ID, r.claim.Epoch, post); err != nil && ctx.Err() == nil {
				r.log.Warn("progress not shown", "error", err) // the preview will be
			}
		}
	}()
	return done
}
