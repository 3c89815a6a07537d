package worker

import (
	"context"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// planning is what the board calls the working out of a plan.
const planning = "plan"

// tellPlanning is told how far the planner is. It may be called often.
func (r *run) tellPlanning(at check.Progress) {
	r.board.set(map[string]check.Progress{planning: at}, nil)
}

// showPlanning edits the plan's message at intervals while it is worked out.
func (r *run) showPlanning(ctx context.Context, o fix.Order) <-chan struct{} {
	return r.edit(ctx, func() (message.Post, bool) {
		progress, _, fresh := r.board.take()
		return r.w.opts.Plans.PlanningAt(o, progress[planning]), fresh
	})
}
