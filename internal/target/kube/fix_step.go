package kube

import (
	"time"

	"github.com/integritybot/integritybot/internal/fix"
)

// stepKind is what is to be done next with a deployment of a plan.
type stepKind int

const (
	stepNothing stepKind = iota // all is done
	stepLeave                   // it is left alone
	stepPatch                   // the record is written, and a variable with it
	stepScale
)

// step is what is to be done next.
type step struct {
	do       stepKind
	why      fix.Why    // of stepLeave
	at       time.Time  // of stepNothing: when it was done
	record   record     // of stepPatch
	env      *envChange // of stepPatch; nil: none
	replicas int32      // of stepScale
}

func (s step) act(name string) act {
	if s.do == stepScale {
		return actScale(name)
	}
	return actPatch(name)
}

// knows is what a process knows of what it did itself. That it has not scaled it does
// not know: a request that is repeated on the way may have, and so may another
// process.
type knows struct{ scaled bool }

// next tells what is to be done, from what stands on the deployment: so it does
// not matter which process asks, or how often. A scaling cannot write the record
// with it, so it is noted before (begun) and after (done). Who finds it begun and
// knows no more, see goOn.
func (t *Target) next(s seen, w writing, me knows) step {
	e, known := s.record.of(w.plan)
	switch {
	case string(s.UID) != w.found.UID:
		return step{do: stepLeave, why: fix.WhyGone}
	case s.record.broken != nil:
		return step{do: stepLeave, why: fix.WhyChanged}
	case known && e.Left != "":
		return step{do: stepLeave, why: e.Left}
	case known && e.done():
		return step{do: stepNothing, at: e.At}
	case !known:
		return t.begin(s, w)
	case me.scaled && s.record.last().Plan != w.plan: // another plan has changed it since
		return step{do: stepNothing, at: t.opts.Now().UTC()}
	case s.record.last().Plan != w.plan:
		return step{do: stepLeave, why: fix.WhyChanged}
	}
	return t.goOn(s, w, e, me)
}

// begin is the first step, if the deployment is as the plan saw it.
func (t *Target) begin(s seen, w writing) step {
	if !asFound(s, w) {
		return step{do: stepLeave, why: fix.WhyChanged}
	}
	e := entry{Plan: w.plan, Batch: w.batch, Begun: t.opts.Now().UTC(), Generation: s.Generation + 1, Made: w.want.change, Before: s.record.kept}
	now := s.record.kept
	if w.want.Replicas != nil {
		n := s.replicas()
		e.Was.Replicas = &n
		now.Replicas = firstOf(now.Replicas, &n)
	}
	if c := w.want.Env; c != nil {
		was := envOf(s.Deployment, c.Container, c.Name)
		e.Was.Env = &envChange{Container: c.Container, Name: c.Name, Value: was.value}
		now.Env = &formerEnv{Container: c.Container, Name: c.Name, Value: was.value, On: w.spec.On}
	}
	if w.want.Kept != nil {
		now = *w.want.Kept
	}
	if w.want.Replicas == nil {
		e.At = t.opts.Now().UTC() // all of it is in this one step
	}
	return step{do: stepPatch, record: s.record.with(e, now), env: w.want.Env}
}

// asFound tells whether what the plan changes is as the plan saw it. The rest of a
// deployment may change: a new image does not make a stop another one.
func asFound(s seen, w writing) bool {
	if s.record.last().Plan != w.found.Plan {
		return false
	}
	if w.want.Replicas != nil && s.replicas() != w.found.Replicas && !(w.spec.Autoscaled && s.replicas() > 0 && w.found.Replicas > 0) {
		return false
	}
	if c := w.want.Env; c != nil {
		is := envOf(s.Deployment, c.Container, c.Name)
		if is.problem != "" || !equal(is.value, w.found.Env) || s.Spec.Paused {
			return false
		}
	}
	if w.want.Kept == nil {
		return true
	}
	// What is no longer meant to be so, and is not changed back, must not be so again.
	was, then := s.record.kept, *w.want.Kept
	backAtZero := was.Replicas != nil && then.Replicas == nil && w.want.Replicas == nil && s.replicas() == 0
	readOnlyAgain := was.Env != nil && then.Env == nil && w.want.Env == nil && s.keeps()
	return !backAtZero && !readOnlyAgain
}

// firstOf keeps the number that a deployment had before any plan: what somebody has
// scaled to after a stop is none to go back to.
func firstOf(kept, now *int32) *int32 {
	if kept != nil {
		return kept
	}
	return now
}

func equal(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// goOn is the step after a scaling was begun. Each change of a deployment raises its
// generation by one, and a scaling was on the condition that nothing had changed
// since it was begun: so with one change since, which left the number of pods as
// it was, it was not scaled; with more, it may have been, and somebody has taken
// that back. Then it is not scaled again.
func (t *Target) goOn(s seen, w writing, e entry, me knows) step {
	made, at := t.made(s, e)
	if me.scaled {
		made, at = true, t.opts.Now().UTC()
	}
	if made {
		return t.finish(s, e, at)
	}
	unscaled := s.Generation <= e.Generation+1
	switch {
	case unscaled && s.replicas() == *e.Was.Replicas:
		return step{do: stepScale, replicas: *e.Made.Replicas}
	case *e.Made.Replicas > 0:
		return t.finish(s, e, t.opts.Now().UTC()) // somebody else scales it; what they make of it is watched
	case unscaled && w.spec.Autoscaled && s.replicas() > 0:
		n := s.replicas() // the autoscaler was faster
		e.Was.Replicas, e.Generation = &n, s.Generation+1
		now := s.record.kept
		now.Replicas = firstOf(e.Before.Replicas, &n)
		return step{do: stepPatch, record: s.record.with(e, now)}
	}
	e.At, e.Left = t.opts.Now().UTC(), fix.WhyChanged
	now := e.Before
	if s.replicas() == 0 { // whoever scaled: a resume needs the number
		now = s.record.kept
	}
	return step{do: stepPatch, record: s.record.with(e, now)}
}

// finish notes that a scaling was done.
func (t *Target) finish(s seen, e entry, at time.Time) step {
	e.At = at
	return step{do: stepPatch, record: s.record.with(e, s.record.kept)}
}
