package worker_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/store"
	"github.com/integritybot/integritybot/internal/worker"
)

// spans are what plans hold of the topic, by plan and hold.
func spans(t testing.TB, s *store.Store, topic string) map[string][]fix.Span {
	t.Helper()
	held, err := s.Held(t.Context(), topic, topicID)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]fix.Span{}
	for _, h := range held {
		out[fix.Ref(h.Plan)+" "+string(h.Hold)] = h.Spans
	}
	return out
}

// sentOf is how many letters were sent, and the most often that one was.
func (t *target) sentOf() (letters, most int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.copies {
		letters, most = letters+1, max(most, n)
	}
	return letters, most
}

func TestLettersAreSentAndTheCheckKnows(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	shop := newTopic(s, "dlq", 700)
	id := approved(t, s, shop, "U2")
	p := apply(t, s, shop, id)
	want := fix.Outcome{Changed: 700, Total: 700, Batches: 2, Verdict: check.Pass, Before: 700, Took: p.Outcome.Took}
	if diff := cmp.Diff(want, p.Outcome); diff != "" || p.State != fix.Applied || p.Reason != "" {
		t.Errorf("%s %q, outcome (-want +got):\n%s", p.State, p.Reason, diff)
	}
	if diff := cmp.Diff(map[string][]fix.Span{p.Ref() + " sent": {{From: 0, To: 700}}}, spans(t, s, "dlq")); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
	checks, with := fixing(shop)
	start(t, s, checks, with)
	again := wish(t, s)
	if p := over(t, s, again); p.State != fix.Failed || !strings.Contains(p.Reason, "nothing is wrong any more") {
		t.Errorf("asked for again: %s: %s", p.State, p.Reason)
	}
}

// Two plans of the same letters, both confirmed: the second is refused and says
// why, and nothing is sent twice.
func TestASecondPlanOfTheSameLettersIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	shop := newTopic(s, "dlq", 700)
	checks, with := fixing(shop)
	stop := start(t, s, checks, with)
	first, second := wish(t, s), wish(t, s)
	for _, id := range []int64{first, second} { // neither is carried out before both are worked out
		until(t, s, id, fix.Waiting)
	}
	stop()
	confirm(t, s, first, "U2")
	confirm(t, s, second, "U2")
	start(t, s, checks, with)
	one, two := over(t, s, first), over(t, s, second) // side by side
	if one.State == fix.Refused {
		one, two = two, one
	}
	want := fmt.Sprintf("700 of its records were taken by %s meanwhile: make a new preview.", one.Ref())
	if one.State != fix.Applied || two.State != fix.Refused || two.Reason != want {
		t.Errorf("%s: %s and %s: %q", one.Ref(), one.State, two.State, two.Reason)
	}
	if letters, most := shop.sentOf(); letters != 700 || most != 1 {
		t.Errorf("%d letters were sent, up to %d times", letters, most)
	}
	if got := actions(t, s); !slices.Contains(got, "fix.apply "+two.Ref()+" refused") {
		t.Errorf("events %v", got)
	}
}

// The target wants no more of it, before a batch or in one: what was sent stays,
// nothing is tried again, and the rest is free.
func TestATargetEndsAPlan(t *testing.T) {
	t.Parallel()
	sentence := "4 of 10 canaries came back within 30 s (limit 20 %)."
	for name, c := range map[string]struct {
		halt func(shop *target)
		sent int64
	}{
		"before a batch": {func(shop *target) {
			shop.asked = func(next *fix.Batch) (string, error) {
				if next != nil && next.N == 1 {
					return "", fmt.Errorf("asked: %w", &fix.Halt{Sentence: sentence})
				}
				return "", nil
			}
		}, 500},
		"in a batch": {func(shop *target) {
			shop.fail = func(call string, n int) error {
				if call == "apply" && n == 2 {
					return fmt.Errorf("apply: %w", &fix.Halt{Sentence: sentence})
				}
				return nil
			}
		}, 500},
		"before the first": {func(shop *target) {
			shop.asked = func(*fix.Batch) (string, error) { return "", &fix.Halt{Sentence: sentence} }
		}, 0},
		"after the last": {func(shop *target) {
			shop.asked = func(next *fix.Batch) (string, error) {
				if next == nil {
					return "", &fix.Halt{Sentence: sentence}
				}
				return "", nil
			}
		}, manyRows},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, database(t))
			shop := newTopic(s, "dlq", manyRows)
			id := approved(t, s, shop, "U2")
			c.halt(shop)
			p := apply(t, s, shop, id)
			state := fix.PartlyApplied
			if c.sent == 0 {
				state = fix.Failed
			}
			if p.State != state || p.Reason != sentence || p.Outcome.Total != c.sent || p.Outcome.Left != manyRows-c.sent || p.Outcome.After != manyRows-c.sent {
				t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
			}
			want := map[string][]fix.Span{}
			if c.sent > 0 {
				want[p.Ref()+" sent"] = []fix.Span{{From: 0, To: c.sent}}
			}
			if diff := cmp.Diff(want, spans(t, s, "dlq")); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
			if shop.calls["apply"] > 3 {
				t.Errorf("it was tried %d times", shop.calls["apply"])
			}
		})
	}
}

// After the last batch the target watches how it is taken, and the message says so.
func TestATargetWatchesHowTheLastBatchIsTaken(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	shop := newTopic(s, "dlq", 700)
	id := approved(t, s, shop, "U2")
	var watched atomic.Int64
	seen := make(chan struct{})
	shop.asked = func(next *fix.Batch) (string, error) {
		if next != nil {
			return "", nil
		}
		watched.Add(1)
		select {
		case <-seen:
			return "", nil
		default:
			return "waiting to see whether they come back", nil
		}
	}
	checks, with := fixing(shop)
	start(t, s, checks, with)
	awaitSaid(t, s, fmt.Sprintf("plan/%d", id), "waiting to see whether they come back")
	if p := planOf(t, s, id); p.State != fix.Applying {
		t.Errorf("while it is watched it is %s", p.State)
	}
	close(seen)
	if p := over(t, s, id); p.State != fix.Applied || p.Reason != "" || watched.Load() < 2 {
		t.Errorf("%s: %q, asked %d times", p.State, p.Reason, watched.Load())
	}
}

// awaitSaid waits until a message that is to be sent says something in any of its
// parts.
func awaitSaid(t testing.TB, s *store.Store, key, want string) {
	t.Helper()
	var last string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		d, _, err := s.Next(t.Context(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if d == nil {
			continue
		}
		if err := s.Begin(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if err := s.Sent(t.Context(), d, "1.1", 0); err != nil {
			t.Fatal(err)
		}
		if d.Post.Key == key {
			if last = d.Post.Message.PlainText(); strings.Contains(last, want) {
				return
			}
		}
	}
	t.Fatalf("%s never said %q but %q", key, want, last)
}

func TestAWatchEndsEarly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		watch  func(t *testing.T, s *store.Store, run int64) (string, error)
		reason string
		run    check.RunState
	}{
		"somebody stops it": {func(t *testing.T, s *store.Store, run int64) (string, error) {
			stopRun(t, s, run)
			return "waiting to see", nil
		}, "It was stopped; all that is counted here was done, but how it was taken was not watched to the end.", check.Stopped},
		"the target goes away": {func(*testing.T, *store.Store, int64) (string, error) {
			return "", &check.Problem{Sentence: "Kafka production/events does not answer."}
		}, "Kafka production/events does not answer. All that is counted here was done, but nobody saw how it was taken.", check.Done},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, database(t))
			shop := newTopic(s, "dlq", 700)
			id := approved(t, s, shop, "U2")
			run := planOf(t, s, id).Run
			shop.asked = func(next *fix.Batch) (string, error) {
				if next != nil {
					return "", nil
				}
				return c.watch(t, s, run)
			}
			p := apply(t, s, shop, id, func(o *worker.Options) { o.TargetWithin = 3 * time.Second })
			if p.State != fix.PartlyApplied || p.Reason != c.reason || p.Outcome.Total != 700 || p.Outcome.Verdict != check.Pass {
				t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
			}
			if r := await(t, s, run); r.State != c.run {
				t.Errorf("the run is %s", r.State)
			}
			if diff := cmp.Diff(map[string][]fix.Span{p.Ref() + " sent": {{From: 0, To: 700}}}, spans(t, s, "dlq")); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
		})
	}
}

// A store that was put back to an earlier state gives a number out once more.
func TestATargetThatKnowsThePlanAlready(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	shop := newTopic(s, "dlq", 700)
	id := approved(t, s, shop, "U2")
	shop.record[place{id, 0, 1}] = fix.Result{Batch: 0, Pass: 1, Changed: 500}
	shop.order = []place{{id, 0, 1}}
	p := apply(t, s, shop, id)
	if p.State != fix.Refused || !strings.Contains(p.Reason, "was carried out there before") || shop.calls["apply"] != 0 {
		t.Errorf("%s: %q", p.State, p.Reason)
	}
	if got := spans(t, s, "dlq"); len(got) != 0 {
		t.Errorf("held %v", got)
	}
}

// A planner with a bug: what is in a plan twice would be sent twice.
func TestAPlanWithOneLetterTwice(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	shop := newTopic(s, "dlq", 3)
	checks, with := fixing(shop, func(d *fix.Declared) { d.Planner = twice{shop} })
	start(t, s, checks, with)
	if p := over(t, s, wish(t, s)); p.State != fix.Failed || !strings.Contains(p.Reason, "It failed inside the bot") {
		t.Errorf("%s: %q", p.State, p.Reason)
	}
}

type twice struct{ *target }

func (p twice) Draft(ctx context.Context, o fix.Order, caps fix.Caps, tell func(check.Progress)) (fix.Draft, error) {
	d, err := p.target.Draft(ctx, o, caps, tell)
	d.Content.Changes = append(d.Content.Changes, d.Content.Changes[0])
	return d, err
}

func TestWorkingOutTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	s, shop := open(t, database(t)), newTarget(3)
	release := make(chan struct{})
	shop.fail = func(call string, _ int) error {
		if call == "draft" {
			<-release
		}
		return nil
	}
	checks, with := fixing(shop)
	start(t, s, checks, with)
	id := wish(t, s)
	awaitSaid(t, s, fmt.Sprintf("plan/%d", id), "41 % of rows read")
	close(release)
	until(t, s, id, fix.Waiting)
	awaitSaid(t, s, fmt.Sprintf("plan/%d", id), "waiting: set 3 rows")
}
