package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/integritybot/integritybot/internal/check"
)

// runJob asks some replica to carry a run on. It says only which: what is
// true of the run stands in its row, so a job too many does no harm.
type runJob struct {
	Run int64 `json:"run"`
}

// Kind implements river.JobArgs.
func (runJob) Kind() string { return "run_check" }

// job is a run that wants a job.
type job struct {
	run  int64
	step check.Step
}

// planQueue is for runs that work for a plan.
const planQueue = "plans"

func (d job) queue() string {
	if d.step == check.StepPlan || d.step == check.StepApply {
		return planQueue
	}
	return river.QueueDefault
}

// enqueue adds a job for each run, in the transaction that is the reason for it.
func (s *Store) enqueue(ctx context.Context, tx pgx.Tx, runs []job) error {
	if len(runs) == 0 {
		return nil
	}
	params := make([]river.InsertManyParams, len(runs))
	for i, d := range runs {
		params[i] = river.InsertManyParams{Args: runJob{Run: d.run}, InsertOpts: &river.InsertOpts{Queue: d.queue()}}
	}
	if _, err := s.jobs.InsertManyFastTx(ctx, tx, params); err != nil {
		return fmt.Errorf("enqueue: %w", err)
	}
	return nil
}
