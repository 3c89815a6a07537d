package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
)

// runJob asks some replica to carry a run on. It says only which: what is
// true of the run stands in its row, so a job too many does no harm.
type runJob struct {
	Run int64 `json:"run"`
}

// Kind implements river.JobArgs.
func (runJob) Kind() string { return "run_check" }

// enqueue adds a job for each run, in the transaction that is the reason for it.
func (s *Store) enqueue(ctx context.Context, tx pgx.Tx, runs []int64) error {
	if len(runs) == 0 {
		return nil
	}
	params := make([]river.InsertManyParams, len(runs))
	for i, id := range runs {
		params[i] = river.InsertManyParams{Args: runJob{Run: id}}
	}
	if _, err := s.jobs.InsertManyFastTx(ctx, tx, params); err != nil {
		return fmt.Errorf("enqueue: %w", err)
	}
	return nil
}
