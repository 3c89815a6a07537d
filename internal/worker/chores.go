package worker

import (
	"context"
	"fmt"
	"os"
	"time"
)

const (
	purgeEvery = time.Hour
	// lastCheckpoint bounds the checkpoint made while the process ends.
	lastCheckpoint = 3 * time.Second
)

// sweep finds work for those who lost it.
func (w *Worker) sweep(ctx context.Context) error {
	n, err := w.store.Sweep(ctx)
	if n > 0 {
		w.log.Info("abandoned runs enqueued", "runs", n)
	}
	return err
}

func (w *Worker) purge(ctx context.Context) error {
	n, err := w.store.Purge(ctx, w.opts.Keep)
	if n > 0 {
		w.log.Info("old rows removed", "rows", n)
	}
	return err
}

// checkpoints signs the audit log's head at start, at intervals, and at the end.
func (w *Worker) checkpoints(ctx context.Context) {
	w.every(ctx, w.opts.CheckpointEvery, "checkpoint", w.checkpoint)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastCheckpoint)
	defer cancel()
	if err := w.checkpoint(ctx); err != nil {
		w.log.Warn("last checkpoint not made", "error", err)
	}
}

// checkpoint makes one if the log has grown, and spreads it: the store has it,
// the log and the file get it.
func (w *Worker) checkpoint(ctx context.Context) error {
	signed, err := w.store.Checkpoint(ctx, w.opts.Signer)
	if err != nil || signed == "" {
		return err
	}
	w.log.Info("audit checkpoint", "checkpoint", signed)
	if w.opts.CheckpointFile == "" {
		return nil
	}
	return appendNote(w.opts.CheckpointFile, signed)
}

// appendNote adds a note and an empty line, which ends it, and waits for the disk.
func appendNote(path, signed string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("checkpoint file: %w", err)
	}
	_, err = f.WriteString(signed + "\n")
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("checkpoint file: %w", err)
	}
	return nil
}
