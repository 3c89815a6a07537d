package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
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

// expire ends the plans that nobody decided upon in time.
func (w *Worker) expire(ctx context.Context) error {
	n, err := w.store.ExpirePlans(ctx, func(p fix.Plan) ([]message.Post, audit.Event) {
		return []message.Post{w.opts.Plans.Head(p, w.opts.Now())}, audit.Event{
			Request: p.Request, Actor: audit.Actor{Kind: audit.System}, Source: audit.FromSystem, Channel: p.Channel, Thread: p.Thread,
			Action: "plan.expired", Target: p.Ref(), Plan: p.Ref(), PlanHash: p.Hash, Outcome: audit.Done, Version: w.opts.Version,
		}
	})
	if n > 0 {
		w.log.Info("plans expired", "plans", n)
	}
	return err
}

// purgeImages has the targets forget what plans changed too long ago to be taken
// back. That they were applied stays there.
func (w *Worker) purgeImages(ctx context.Context) error {
	now, err := w.store.Clock(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for target, applier := range w.appliers() {
		n, err := applier.Purge(ctx, now.Add(-w.opts.KeepImages))
		if err != nil {
			failed = append(failed, fmt.Errorf("before-images in %s: %w", target, err))
		}
		if n == 0 {
			continue
		}
		w.log.Info("before-images removed", "target", target, "rows", n)
		failed = append(failed, w.store.Append(ctx, audit.Event{
			Request: w.opts.Holder, Actor: audit.Actor{Kind: audit.System}, Source: audit.FromSystem, Action: "fix.purge", Target: target,
			Args: map[string]string{"rows": strconv.FormatInt(n, 10), "older_than": w.opts.KeepImages.String()}, Outcome: audit.Done, Version: w.opts.Version,
		}))
	}
	return errors.Join(failed...)
}

// appliers are the targets that can be written to, by name.
func (w *Worker) appliers() map[string]fix.Applier {
	out := map[string]fix.Applier{}
	for _, d := range w.opts.Fixes {
		if d.Applier != nil {
			out[d.Check.Target] = d.Applier
		}
	}
	return out
}
