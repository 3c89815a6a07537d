package kube

import (
	"time"
)

// The classes of writers that are not as they are meant to be.
const (
	classReverted = "reverted"          // a plan stopped it, and it writes again
	classBegun    = "not finished"      // a plan has begun to stop or resume it
	classStopped  = "stopped by hand"   // no pods, and no plan wanted that
	classReadOnly = "read-only by hand" // the same of the variable
	classFighting = "fighting"          // it is changed all the time
	classPaused   = "rollout paused"
	classStuck    = "rollout stuck"
	classPending  = "not yet" // a plan stopped it, and pods from before may write still
	classNotReady = "not ready"
)

// judgement is what a look at a writer means.
type judgement struct {
	class string // empty: it is as it is meant to be
	// writes: yes, read-only, stopped or stopping.
	writes string
	by     string    // who made it so; empty: nothing in particular
	since  time.Time // zero: not known
	// unready says in a clause what is still to happen; empty: nothing.
	unready string
	unknown error // nothing is known about it
}

// judge compares a writer with what it is meant to be.
func (t *Target) judge(l *writerLook, settle time.Duration) judgement {
	j := judgement{writes: l.doing()}
	last := l.record.last()
	if last.Left != "" && l.replicas() == 0 {
		j.by = setterOfReplicas(l.Deployment).said() // and the plan was not faster
	}
	if last.Plan != "" && last.Left == "" {
		j.by, j.since = t.saidPlan(last.Plan), last.At
		made, at := t.made(l.seen, last)
		if j.since = at; !made {
			j.class = classBegun
			return j
		}
	}
	j.unready = l.waits()
	switch s, wrong := l.undone(); {
	case l.moves > 1:
		j.class, j.by, j.since = classFighting, setterOfReplicas(l.Deployment).said(), setterOfReplicas(l.Deployment).at
	case wrong:
		j.class, j.by, j.since = classReverted, s.said(), s.at
	case l.byItself():
		j.by = "its autoscaler"
	case l.record.kept.Replicas == nil && l.replicas() == 0:
		s := setterOfReplicas(l.Deployment)
		j.class, j.by, j.since = classStopped, s.said(), s.at
	case l.record.kept.Env == nil && l.readOnly():
		s := setterOf(l.ManagedFields, envPath(l.env.container, l.writer.ReadOnly.Env))
		j.class, j.by, j.since = classReadOnly, s.said(), s.at
	case l.Spec.Paused:
		j.class = classPaused
	case l.stuck() != "":
		j.class, j.unready = classStuck, l.stuck()
	case l.lingering() != "" && t.opts.Now().Sub(l.settling(j.since)) <= settle:
		j.class, j.unready = classPending, l.lingering()
	case j.unready != "" && t.opts.Now().Sub(l.settling(j.since)) > settle:
		j.class = classNotReady
	}
	return j
}

// doing says whether a deployment writes, whatever was meant.
func (l *writerLook) doing() string {
	switch {
	case l.replicas() == 0 && len(l.pods) > 0:
		return "stopping"
	case l.replicas() == 0:
		return meantStopped
	case l.readOnly(), l.record.kept.Env != nil && l.keeps():
		return meantReadOnly
	}
	return "yes"
}

// undone tells whether somebody has taken back what a plan made, and who. Without its
// variable a deployment that has no pods does not write either.
func (s seen) undone() (by setter, wrong bool) {
	switch {
	case s.record.kept.Replicas != nil && s.replicas() > 0:
		return setterOfReplicas(s.Deployment), true
	case s.bares() && s.replicas() > 0:
		e := s.record.kept.Env
		return setterOf(s.ManagedFields, envPath(e.Container, e.Name)), true
	}
	return setter{}, false
}

// bares: the variable that a plan has set is not so any more.
func (s seen) bares() bool { return s.record.kept.Env != nil && !s.keeps() }

// keeps: the variable that a plan has set is still so.
func (s seen) keeps() bool {
	e := s.record.kept.Env
	is := envOf(s.Deployment, e.Container, e.Name)
	return is.problem == "" && is.value != nil && *is.value == e.On
}

// byItself: it is at zero because an autoscaler may do that.
func (l *writerLook) byItself() bool {
	if l.replicas() > 0 || l.record.kept.Replicas != nil {
		return false
	}
	for _, o := range l.owners {
		if o.scales() && o.zeroes && !o.paused {
			return true
		}
	}
	return false
}

// waits says what is still to happen until the pods are as the deployment says.
func (l *writerLook) waits() string {
	if old := l.lingering(); old != "" {
		return old
	}
	return l.seen.waits(l.pods)
}

// lingering are the pods of a deployment that a plan stopped which may write still.
func (l *writerLook) lingering() string {
	var want *envChange
	if e := l.record.kept.Env; e != nil {
		want = &envChange{Container: e.Container, Name: e.Name, Value: &e.On}
	}
	if l.record.kept == (former{}) || l.bares() {
		return ""
	}
	return l.stillWrites(l.pods, want)
}

// settling is since when pods have had time to become as the deployment says.
func (l *writerLook) settling(changed time.Time) time.Time {
	since := l.unavailable()
	if changed.After(since) {
		since = changed
	}
	if at := setterOfReplicas(l.Deployment).at; at.After(since) {
		since = at
	}
	return since
}

// made tells whether what a plan has begun was done, and when, as far as is known.
// Between its scaling and the note of that the bot may have ended. Then the number
// of pods tells, unless the API names somebody else who has set it: whoever scales
// to exactly what the plan wanted, right after it was begun, and leaves no trace,
// is taken for the plan.
func (t *Target) made(s seen, e entry) (bool, time.Time) {
	if e.done() {
		return true, e.At
	}
	by := setterOfReplicas(s.Deployment)
	if e.Made.Replicas == nil || s.replicas() != *e.Made.Replicas || by.known() && by.manager != t.opts.FieldManager {
		return false, time.Time{}
	}
	if by.at.IsZero() {
		by.at = e.Begun
	}
	return true, by.at
}
