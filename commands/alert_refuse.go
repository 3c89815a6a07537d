package commands

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
)

// refusedEvery is how long a reason is silent in the audit after it was recorded, and
// mostReasons how many are told apart; the others count as one. Whoever may not speak to
// the bot may not fill its records, either.
const (
	refusedEvery = 10 * time.Second
	mostReasons  = 32
)

// refusals counts, by reason, what was turned away since it was last recorded.
type refusals struct {
	mu   sync.Mutex
	last map[string]refusal
}

type refusal struct {
	recorded time.Time
	more     int // turned away since then
}

// due counts one more, and tells how many are to be recorded now; 0: none yet.
func (r *refusals) due(why string, now time.Time) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = map[string]refusal{}
	}
	one, known := r.last[why]
	if !known && len(r.last) >= mostReasons {
		why = "" // all others together
		one, known = r.last[why]
	}
	one.more++
	if known && now.Sub(one.recorded) < refusedEvery {
		r.last[why] = one
		return 0
	}
	n := one.more
	r.last[why] = refusal{recorded: now}
	return n
}

// left takes what was counted and is not recorded: of the reasons that were recorded long
// enough ago or, with all, of every one.
func (r *refusals) left(now time.Time, all bool) map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := map[string]int{}
	for why, one := range r.last {
		if one.more > 0 && (all || now.Sub(one.recorded) >= refusedEvery) {
			left[why], r.last[why] = one.more, refusal{recorded: now}
		}
	}
	return left
}

// Refuse records that a request with alerts was turned away, and why: the first at once,
// and then at most one event in 10 s and for each reason, with how many there were.
// What could not be recorded is in the log.
func (a *Alerts) Refuse(ctx context.Context, why string) {
	if n := a.turnedAway.due(clip(why), a.Now()); n > 0 {
		a.refused(ctx, why, n)
	}
}

// Settle records what was turned away since it was last recorded, of the reasons that
// were silent for 10 s; with all, as before the end of the process, of every reason.
// It is called every few seconds.
func (a *Alerts) Settle(ctx context.Context, all bool) {
	for why, n := range a.turnedAway.left(a.Now(), all) {
		a.refused(ctx, why, n)
	}
}

func (a *Alerts) refused(ctx context.Context, why string, n int) {
	id := a.NewID()
	_, err := a.Ledger.Record(ctx, "alert/refused/"+id, false, func(int64) Intent {
		return Intent{Events: []audit.Event{{
			Request: id, Actor: audit.Actor{Kind: audit.Alert}, Source: audit.FromAlert, Action: "alert.refused",
			Decision: "refused", Rule: "bad request", Outcome: audit.Refused, Error: clip(why),
			Args: map[string]string{"count": strconv.Itoa(n)}, Version: a.Version,
		}}}
	})
	if err != nil {
		a.Log.Error("refusal not recorded", "why", clip(why), "count", n, "error", err)
	}
}
