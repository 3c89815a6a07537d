package worker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/worker"
)

// deafTo gives the answer of a target before its second batch, the n-th time it is
// asked.
func deafTo(answer func(n int) (string, error)) func(next *fix.Batch) (string, error) {
	n := 0
	return func(next *fix.Batch) (string, error) {
		if next == nil || next.N != 1 {
			return "", nil
		}
		n++
		return answer(n)
	}
}

var errDeaf = &check.Problem{Sentence: "Kafka production/events does not answer."}

// A target that cannot say how the canary is taken: nothing more is sent.
func TestNothingIsSentWhileItIsNotSeenHowTheCanaryIsTaken(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	shop := newTopic(s, "dlq", manyRows)
	id := approved(t, s, shop, "U2")
	shop.asked = deafTo(func(int) (string, error) { return "", errDeaf })
	p := apply(t, s, shop, id, func(o *worker.Options) { o.TargetWithin = 2 * time.Second })
	want := errDeaf.Sentence + " The changes that are counted here stay, and the others were not made."
	if p.State != fix.PartlyApplied || p.Reason != want || p.Outcome.Total != 500 || p.Outcome.Unknown {
		t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
	}
	if n := shop.asks("apply"); n != 1 {
		t.Errorf("%d batches were sent", n)
	}
}

// It is asked again until it can, and people see why nothing happens.
func TestACanaryThatIsSeenLate(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	shop := newTopic(s, "dlq", manyRows)
	id := approved(t, s, shop, "U2")
	hears := make(chan struct{})
	shop.asked = deafTo(func(int) (string, error) {
		select {
		case <-hears:
			return "", nil
		default:
			return "", errDeaf
		}
	})
	checks, with := fixing(shop)
	start(t, s, checks, with)
	awaitSaid(t, s, fmt.Sprintf("plan/%d", id), errDeaf.Sentence)
	if n := shop.asks("apply"); n != 1 {
		t.Errorf("%d batches were sent while nobody knew", n)
	}
	close(hears)
	if p := over(t, s, id); p.State != fix.Applied || p.Outcome.Total != manyRows {
		t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
	}
}

// What nothing is at stake for goes on: such a target shows itself at the batch.
func TestATargetThatCannotSayWhetherItIsBusy(t *testing.T) {
	t.Parallel()
	s, shop := open(t, database(t)), newTarget(manyRows)
	id := approved(t, s, shop, "U2")
	shop.asked = deafTo(func(int) (string, error) { return "", errDeaf })
	if p := apply(t, s, shop, id); p.State != fix.Applied || p.Outcome.Total != manyRows {
		t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
	}
}

// Between two tries of a batch the target may have seen enough, too.
func TestATargetIsAskedBeforeEachTry(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	shop := newTopic(s, "dlq", manyRows)
	id := approved(t, s, shop, "U2")
	sentence := "4 of 10 canaries came back within 30 s (limit 20 %)."
	shop.asked = deafTo(func(n int) (string, error) {
		if n == 2 {
			return "", &fix.Halt{Sentence: sentence}
		}
		return "", nil
	})
	shop.fail = func(call string, n int) error {
		if call == "apply" && n == 2 {
			return errDeaf
		}
		return nil
	}
	p := apply(t, s, shop, id)
	if p.State != fix.PartlyApplied || p.Reason != sentence || p.Outcome.Total != 500 {
		t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
	}
	if n := shop.asks("apply"); n != 2 {
		t.Errorf("it was tried %d times", n)
	}
}

// A target that only has to be asked anew has not refused the batch, however often.
func TestAskingAnewIsNoTry(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	shop := newTopic(s, "dlq", manyRows)
	id := approved(t, s, shop, "U2")
	shop.fail = func(call string, n int) error {
		if call == "apply" && n > 1 && n < 7 {
			return &check.Problem{Sentence: "Its connection has to be made anew.", Err: fix.ErrAgain}
		}
		return nil
	}
	asked := shop.asks("applied")
	if p := apply(t, s, shop, id); p.State != fix.Applied || p.Outcome.Total != manyRows {
		t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
	}
	if n := shop.asks("applied") - asked; n != 1+5 {
		t.Errorf("it was asked %d times what it recorded", n)
	}
}
