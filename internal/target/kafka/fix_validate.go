package kafka

import (
	"context"
	"time"

	"github.com/integritybot/integritybot/internal/check"
)

// nobody is an id that no event and no aggregate has, for trying questions.
const nobody = "integritybot: nobody"

// Validate tries the fix on a live cluster and on the tables that it asks: topics,
// columns, rights. Errors are Problems. It leaves no trace.
func (f Fix) Validate(ctx context.Context, t *Target, s Sources, _ check.Check) error {
	w := f.words
	if _, err := t.bounds(ctx, w.check.Topic); err != nil {
		return err
	}
	var topics []string
	if to := w.to(); to != toOriginal {
		topics = append(topics, to)
	}
	topics = append(topics, w.Topics...)
	if w.Quarantine != "" {
		topics = append(topics, w.Quarantine)
	}
	if w.EventStore != nil {
		topics = append(topics, w.EventStore.Topic)
	}
	for _, topic := range topics {
		if _, err := t.topic(ctx, topic); err != nil {
			return err
		}
	}
	if err := f.validateTables(ctx, s); err != nil {
		return err
	}
	if !t.opts.Sends {
		return nil
	}
	return (&Sending{t: t, sources: s}).Ready(ctx)
}

func (f Fix) validateTables(ctx context.Context, s Sources) error {
	w := f.words
	if s.Tables == nil {
		return nil
	}
	if p := w.Processed; p != nil {
		if _, err := s.Tables.Known(ctx, p.Target, p.Table, p.Column, []string{nobody}); err != nil {
			return err
		}
	}
	if e := w.EventStore; e != nil {
		if _, err := s.Tables.Events(ctx, e.Target, *e, nobody, time.Time{}, time.Time{}, 1); err != nil {
			return err
		}
	}
	return nil
}
