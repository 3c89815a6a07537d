package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// openError is a transaction that could be neither filled nor aborted.
type openError struct{ fill, abort error }

func (e *openError) Error() string { return fmt.Sprintf("%v; abort: %v", e.fill, e.abort) }
func (e *openError) Unwrap() error { return e.fill }

// singly tells whether records of a topic are sent one after the other, because
// one of them is too large and it has to be found out which.
func (w *posting) singly(topic string) bool { return w.s.singly[topic] }

// leaves decides what to do when a record was refused for its size although that
// could not be known: first the records of its topic are sent one after the other,
// and then the one that is refused is left alone, and with it all that are as large.
// The others must not suffer from it. false: that is not what happened.
func (w *posting) leaves(err error) bool {
	refused := tooLarge(err)
	if refused == nil || w.outgrown(refused) {
		return false
	}
	if !w.singly(refused.topic) {
		w.s.singly[refused.topic] = true
		return true
	}
	size := w.size(refused)
	for i := range w.fates {
		if f := &w.fates[i]; f.why == "" && f.record.Topic == refused.topic && sizeOf(f.record) >= size {
			f.why = whyLarge
		}
	}
	w.queue()
	return true
}

// tooLarge is the record that was not taken for its size, in a transaction that was
// aborted since; nil: that is not what happened.
func tooLarge(err error) *refusedError {
	var refused *refusedError
	if !errors.Is(err, kerr.MessageTooLarge) || errors.As(err, new(*openError)) || !errors.As(err, &refused) {
		return nil
	}
	return refused
}

func (w *posting) size(r *refusedError) int { return sizeOf(w.fates[r.change].record) }

// outgrown tells whether it was our own client that refused a record: it was told
// of a smaller limit. A client keeps a topic's limit for as long as it lives.
func (w *posting) outgrown(r *refusedError) bool {
	limit := int(w.s.limit(r.topic))
	return w.size(r)+prefixMost > limit && limit < clientMost
}

// widen has the next client of the plan take records of any size for a topic, one
// by one: the broker decides. That client must not be made here, see take.
func (w *posting) widen(r *refusedError) error {
	w.s.singly[r.topic] = true
	return anewError(w.plan.Ref(), w.s.x.t.opts.Place)
}

// together ends sending one by one, where the limit of a topic is known: the
// batches to come need not suffer from this one. A client that was made for it is
// of no more use.
func (s *sender) together() {
	for topic := range s.singly {
		if !s.topics[topic].known {
			continue
		}
		delete(s.singly, topic)
		if s.limit(topic) == clientMost {
			s.drop()
		}
	}
}

const (
	// clientMost is what our own client takes for a batch where the broker is to
	// decide.
	clientMost = 64 << 20
	// prefixMost is how many bytes of a length our client counts at most with a batch,
	// which brokers do not.
	prefixMost = 4
)

// clientLimit is what our client is told of a topic's limit, so that it fills its
// batches to the last byte and not above. It counts the batch's length with it, in
// as many bytes as that takes in a flexible request (Kafka 2.4 and newer).
func clientLimit(limit int) int32 {
	const least = 512
	return int32(min(max(limit+len(binary.AppendUvarint(nil, uint64(limit)+1)), least), clientMost)) //nolint:gosec // bounded
}
