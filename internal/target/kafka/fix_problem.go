package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/integritybot/integritybot/internal/check"
)

// notSent makes a Problem of why a batch was not made.
func (w *posting) notSent(ctx context.Context, err error) error {
	unsettled := errors.As(err, new(*unsettledError))
	if lost(err) && ctx.Err() == nil {
		err = &check.Problem{Err: err, Sentence: fmt.Sprintf(
			"Kafka %s ended our transaction: another process of the bot has taken %s over, or it took longer than the cluster allows.", w.s.x.t.opts.Place, w.plan.Ref())}
	}
	err = w.s.x.sentence(ctx, w.act(err), err)
	var problem *check.Problem
	if ctx.Err() != nil || !errors.As(err, &problem) {
		return err
	}
	fate := fmt.Sprintf("Batch %d of %s was not sent.", w.batch.N+1, w.plan.Ref())
	if unsettled {
		fate = fmt.Sprintf("Batch %d of %s may have been sent or not: the plan's group in this cluster tells as soon as it answers.", w.batch.N+1, w.plan.Ref())
	}
	return &check.Problem{Sentence: problem.Sentence + " " + fate, Err: err}
}

// lost tells whether our transaction is not ours any more.
func lost(err error) bool {
	if errors.Is(err, errRenewed) {
		return true
	}
	var e *kerr.Error
	return errors.As(err, &e) && is(e, kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping,
		kerr.UnknownProducerID, kerr.InvalidTxnState, kerr.TransactionCoordinatorFenced)
}

// act is what was tried when an error came.
func (w *posting) act(err error) act {
	a := act{
		doing: fmt.Sprintf("sending batch %d of %s", w.batch.N+1, w.plan.Ref()), operation: "Write", kind: "transactional-id", name: w.s.name(), sends: true,
	}
	var refused *refusedError
	switch {
	case errors.As(err, &refused):
		a.kind, a.name = "topic", refused.topic
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		a.kind, a.operation = "group", "Read"
	case errors.Is(err, kerr.TopicAuthorizationFailed) && len(w.specs) > 0:
		a.kind, a.name, a.operation = "topic", w.specs[0].At, "Read"
	}
	return a
}
