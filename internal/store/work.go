package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
)

const (
	// rescueAfter is only for tidiness: a job of a dead process is marked as
	// running until then. Carrying its run on does not wait for that, because
	// Sweep enqueues it anew as soon as its lease is over.
	rescueAfter = 24 * time.Hour
	retryAfter  = 5 * time.Second
	stopWithin  = 10 * time.Second
	// planSlots is how many runs that work for plans go on side by side in a
	// replica, beside the others: whoever pressed a button waits for them.
	planSlots = 4
)

// Work takes runs from the queue, at most slots at a time (and a few more that
// work for plans), and calls do for each until ctx ends. do gets a context that
// ends with ctx; when it returns an error the run is offered again after some
// seconds. Work returns when all calls have.
func (s *Store) Work(ctx context.Context, slots int, do func(ctx context.Context, run int64) error) error {
	pool, err := openPool(ctx, s.opts.DSN, s.opts.JobConns, "integritybot jobs")
	if err != nil {
		return fmt.Errorf("work: %w", err)
	}
	defer pool.Close()
	client, err := newQueue(pool, slots, do, s.log)
	if err != nil {
		return fmt.Errorf("work: %w", err)
	}
	// Not under ctx: its end must reach the jobs through StopAndCancel, which
	// waits for them.
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("work: %w", err)
	}
	<-ctx.Done()
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if err := client.StopAndCancel(stopping); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("stop working: %w", err)
	}
	return nil
}

func newQueue(pool *pgxpool.Pool, slots int, do func(context.Context, int64) error, log *slog.Logger) (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &runWorker{do: do}); err != nil {
		return nil, err
	}
	return river.NewClient(riverpgxv5.New(pool), &river.Config{
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: slots}, planQueue: {MaxWorkers: planSlots}},
		Workers:              workers,
		JobTimeout:           -1, // a run has its own deadline
		RescueStuckJobsAfter: rescueAfter,
		// The runtime role does not own the tables and may not reindex them.
		ReindexerIndexNames: []string{},
		Logger:              log,
	})
}

// runWorker hands a job's run to the function.
type runWorker struct {
	river.WorkerDefaults[runJob]
	do func(ctx context.Context, run int64) error
}

// Work implements river.Worker.
func (w *runWorker) Work(ctx context.Context, job *river.Job[runJob]) error {
	return w.do(ctx, job.Args.Run)
}

// NextRetry implements river.Worker.
func (w *runWorker) NextRetry(*river.Job[runJob]) time.Time { return time.Now().Add(retryAfter) }

var _ rivertype.JobArgs = runJob{}
