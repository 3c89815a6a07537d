package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/fix"
)

// posting is one batch being made.
type posting struct {
	s     *sender
	plan  fix.Plan
	forms []fix.Form
	batch fix.Batch

	specs []sendSpec // by form
	fates []posted   // by change
	// places are where copies go, by the text of the plan.
	places map[string]goes
	by     producer // who filled the transaction; nobody: it was not begun
	// waiting are the lanes in which something is left alone, as the memory keeps
	// them.
	waiting []byte
}

// posted is what becomes of one change.
type posted struct {
	record *kgo.Record // what is sent
	letter *standing   // what it is a copy of; nil for an event
	id     string      // of the event in it, if processed ones are known
	why    fix.Why     // left alone, because
}

// make makes the batch, wholly or not at all. After an error the producer is
// dropped: the next one reads what became of it.
func (w *posting) make(ctx context.Context) (fix.Result, error) {
	result, err := w.once(ctx)
	for err != nil && w.leaves(err) {
		// The producer stays the same: a new one would keep out whoever has taken the
		// plan over meanwhile, without anybody asking the store whose it is. This one was
		// refused nothing but a record, its transaction was aborted, and if it is not the
		// plan's last one any more it can begin no other.
		result, err = w.transact(ctx)
	}
	if err == nil {
		w.s.together()
		return result, nil
	}
	w.s.drop()
	if errors.As(err, new(*fix.Halt)) {
		return fix.Result{}, err
	}
	if refused := tooLarge(err); refused != nil {
		return fix.Result{}, w.widen(refused)
	}
	return fix.Result{}, w.notSent(ctx, err)
}

// once works out what is to be sent, and sends it.
func (w *posting) once(ctx context.Context) (fix.Result, error) {
	if err := w.prepare(ctx); err != nil {
		return fix.Result{}, err
	}
	return w.transact(ctx)
}

// result is what becomes of the batch, and how many of its copies may come back.
func (w *posting) result() (fix.Result, int64) {
	r := fix.Result{Batch: w.batch.N, Pass: 1, At: w.s.x.t.opts.Now().UTC()}
	sent := int64(0)
	for i, f := range w.fates {
		if f.why != "" {
			r.Skipped = append(r.Skipped, fix.Skipped{Index: i, Why: f.why})
			continue
		}
		r.Changed++
		if w.specs[w.batch.Changes[i].Form].Kind == sendLetter {
			sent++
		}
	}
	return r, sent
}

// transact sends the copies and the record of them in one transaction.
func (w *posting) transact(ctx context.Context) (fix.Result, error) {
	result, sent := w.result()
	next := w.s.memory.with(result, len(w.batch.Changes), sent)
	next.Waiting = w.waiting
	text, err := next.text()
	if err != nil {
		return fix.Result{}, err
	}
	if len(text) > memoryMost {
		return fix.Result{}, &fix.Halt{Sentence: fmt.Sprintf(
			"So many records changed or went away since the preview that the cluster cannot keep which ones. Batch %d and those after it were not sent: make a new preview.", w.batch.N+1)}
	}
	bounded, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	if err := w.fill(bounded, text); err != nil {
		if failed := w.abort(ctx); failed != nil {
			return fix.Result{}, &openError{fill: err, abort: failed}
		}
		return fix.Result{}, err
	}
	if err := w.commit(ctx, result.Changed == 0); err != nil {
		return fix.Result{}, err
	}
	w.s.memory = next
	if result.Changed == 0 {
		w.s.drop() // its client does not know of the transaction that was ended
	}
	return result, nil
}

// fill puts everything into the transaction.
func (w *posting) fill(ctx context.Context, text string) error {
	client := w.s.client
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	by, err := w.s.producer(ctx)
	if err != nil {
		return err
	}
	w.by = by
	if err := w.produce(ctx); err != nil {
		return err
	}
	return w.remember(ctx, by, text)
}

// produce sends all copies, in order, and waits until the brokers have them.
func (w *posting) produce(ctx context.Context) error {
	var mu sync.Mutex
	var first error
	for i := range w.fates {
		f := &w.fates[i]
		if f.why != "" {
			continue
		}
		w.s.client.Produce(ctx, copied(f.record), func(_ *kgo.Record, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil && first == nil {
				first = &refusedError{change: i, topic: f.record.Topic, err: err}
			}
		})
		if w.singly(f.record.Topic) {
			if err := w.s.client.Flush(ctx); err != nil {
				return err
			}
		}
		mu.Lock()
		err := first
		mu.Unlock()
		if err != nil {
			return err
		}
	}
	if err := w.s.client.Flush(ctx); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	return first
}

// copied is a record that the client may write to: after an abort the same one is
// sent again.
func copied(r *kgo.Record) *kgo.Record {
	c := *r
	return &c
}

// refusedError is a record that was not taken.
type refusedError struct {
	change int
	topic  string
	err    error
}

func (e *refusedError) Error() string { return fmt.Sprintf("produce to %s: %v", e.topic, e.err) }
func (e *refusedError) Unwrap() error { return e.err }
