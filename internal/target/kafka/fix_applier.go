package kafka

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// idleSender is how long a producer is kept that nobody asks for any more: its
// plan was stopped, or only its memory was wanted.
const idleSender = 2 * time.Minute

// Sending carries plans out in one cluster. It keeps one producer for each plan
// that is under way.
type Sending struct {
	t       *Target
	sources Sources

	mu      sync.Mutex
	senders map[int64]*sender // by plan
	closed  bool
}

// Applier is what carries plans out here; nil if the config does not let plans
// produce.
func (t *Target) Applier(s Sources) fix.Applier {
	if !t.opts.Sends {
		return nil
	}
	x := &Sending{t: t, sources: s, senders: map[int64]*sender{}}
	t.onClose(x.close)
	return x
}

// How the producer of a plan is taken. Whoever sends must not make one by itself:
// between the fence that making one is and the first record, the worker asks the
// store whether the plan is still its own. A process that wakes up late would
// otherwise fence its successor and send what was given to another plan.
const (
	anew    = iota // fence all others, this process's own producer too, and read what the cluster remembers
	ifNeeds        // the same, unless there is a producer
	asItIs         // there is a producer, or it is an error
)

// take gives the producer of a plan to one caller at a time. It has fenced every
// other one of the plan, and knows what the cluster remembers. Whoever takes it
// gives it back.
func (x *Sending) take(ctx context.Context, plan int64, forms []fix.Form, how int) (*sender, error) {
	x.sweep()
	for {
		s, err := x.sender(plan)
		if err != nil {
			return nil, err
		}
		select {
		case s.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, fmt.Errorf("kafka %s: wait for the producer of %s: %w", x.t.opts.Name, fix.Ref(plan), context.Cause(ctx))
		}
		if !x.holds(s) { // it was ended while we waited
			<-s.turn
			continue
		}
		if err := s.opened(ctx, forms, how); err != nil {
			s.give()
			return nil, err
		}
		return s, nil
	}
}

func anewError(plan, place string) error {
	return &check.Problem{Sentence: fmt.Sprintf("The connection of %s to Kafka %s has to be made anew.", plan, place), Err: fix.ErrAgain}
}

func (s *sender) opened(ctx context.Context, forms []fix.Form, how int) error {
	switch {
	case how == anew:
		s.drop()
	case how == asItIs && s.client == nil:
		return anewError(fix.Ref(s.plan), s.x.t.opts.Place)
	}
	return s.open(ctx, forms)
}

// sender finds the producer of a plan, or makes one that is not open yet.
func (x *Sending) sender(plan int64) (*sender, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, problemf("The bot is ending: nothing is sent to Kafka %s any more.", x.t.opts.Place)
	}
	s := x.senders[plan]
	if s == nil {
		s = &sender{x: x, plan: plan, turn: make(chan struct{}, 1), singly: map[string]bool{}}
		x.senders[plan] = s
	}
	return s, nil
}

func (x *Sending) holds(s *sender) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.senders[s.plan] == s
}

// sweep ends producers that nobody has asked for in a while.
func (x *Sending) sweep() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for plan, s := range x.senders {
		select {
		case s.turn <- struct{}{}:
		default:
			continue // it is being used
		}
		if x.t.opts.Now().Sub(s.used) > idleSender {
			s.drop()
			delete(x.senders, plan)
		}
		<-s.turn
	}
}

// forget ends the producer of a plan that is done, once it is not being used.
func (x *Sending) forget(s *sender) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s.drop()
	if x.senders[s.plan] == s {
		delete(x.senders, s.plan)
	}
}

// close ends all producers, when those that use them have given them back.
func (x *Sending) close() {
	x.mu.Lock()
	x.closed = true
	senders := x.senders
	x.senders = map[int64]*sender{}
	x.mu.Unlock()
	for _, s := range senders {
		s.turn <- struct{}{}
		s.drop()
		<-s.turn
	}
}

// Apply implements fix.Applier.
func (x *Sending) Apply(ctx context.Context, p fix.Plan, forms []fix.Form, b fix.Batch, pass int, _ []int) (fix.Result, error) {
	if pass != 1 {
		return fix.Result{}, problemf("Records are sent in one pass, and this is pass %d: make a new preview.", pass)
	}
	s, err := x.take(ctx, p.ID, forms, asItIs)
	if err != nil {
		return fix.Result{}, err
	}
	defer s.give()
	if b.N < s.memory.Next {
		return s.recorded(b.N)
	}
	if b.N > s.memory.Next {
		return fix.Result{}, problemf("Kafka %s remembers %d batches of %s, and batch %d is not the next one: make a new preview.",
			x.t.opts.Place, s.memory.Next, p.Ref(), b.N+1)
	}
	w := &posting{s: s, plan: p, forms: forms, batch: b}
	return w.make(ctx)
}

// Applied implements fix.Applier: what it tells stays true, because it fences
// whoever was sending for the plan. It does so every time: a producer that this
// process still has knows nothing of what another one has sent since.
func (x *Sending) Applied(ctx context.Context, plan int64, forms []fix.Form) ([]fix.Result, error) {
	s, err := x.take(ctx, plan, forms, anew)
	if err != nil {
		return nil, err
	}
	defer s.give()
	return s.memory.results()
}

// Inverse implements fix.Applier: there is no way back.
func (x *Sending) Inverse(_ context.Context, _ fix.Order, undoes fix.Plan, _ []fix.Form) (fix.Draft, error) {
	return fix.Draft{}, &check.Problem{Sentence: fmt.Sprintf("%s cannot be taken back: %s", undoes.Ref(), irreversible)}
}

// irreversible says why there is no way back.
const irreversible = "what was produced to Kafka cannot be taken back. What a consumer made of it is undone by a correcting event, or by a fix in the consumer's own database."

// Purge implements fix.Applier. Kafka forgets a plan's group by itself, after
// offsets.retention.minutes.
func (x *Sending) Purge(context.Context, time.Time) (int64, error) { return 0, nil }
