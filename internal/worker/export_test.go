package worker

import "context"

// Carry carries one run, as if it had just come out of the queue.
func Carry(ctx context.Context, w *Worker, run int64) error { return w.carry(ctx, run) }
