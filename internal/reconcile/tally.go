package reconcile

import (
	"sync"

	"github.com/integritybot/integritybot/internal/check"
)

// counted is what became of the keys. A key is counted once.
type counted struct {
	keys                                 int64 // of the shape
	right                                int64
	wrong                                int64
	young, large, since, gone, unsettled int64
	under                                histogram
}

// judged is how many keys were judged.
func (c counted) judged() int64 { return c.right + c.wrong }

// tally is what became of some keys.
type tally struct {
	counted
	suspects []verdict
}

func (t *tally) add(j *judge, v *verdict) {
	t.keys++
	if v.gone() {
		t.gone++
		return
	}
	t.under.add(v.value)
	switch {
	case v.wrong():
		t.suspects = append(t.suspects, j.slim(*v))
	case v.unjudged == unjudgedYoung:
		t.young++
	case v.unjudged == unjudgedLarge:
		t.large++
	case v.unjudged == unjudgedSince:
		t.since++
	default:
		t.right++
	}
}

func (w *walk) count(t tally) {
	c := &w.counted
	c.keys += t.keys
	c.gone += t.gone
	c.young += t.young
	c.large += t.large
	c.since += t.since
	c.right += t.right
	for i, n := range t.under {
		c.under[i] += n
	}
	w.suspects = append(w.suspects, t.suspects...)
}

// telling tells how far a walk is, and why it pauses.
type telling struct {
	tell func(check.Progress) // nil: nobody wants to know

	mu   sync.Mutex
	last check.Progress
}

func (t *telling) is(p check.Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p.Paused = t.last.Paused
	t.send(p)
}

func (t *telling) paused(why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.last
	p.Paused = why
	t.send(p)
}

func (t *telling) send(p check.Progress) {
	if t.last = p; t.tell != nil {
		t.tell(p)
	}
}
