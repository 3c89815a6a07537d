package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// watch looks at what a plan has changed: is it still so, and has it taken
// effect? It knows from the deployments when they were changed, so it does not
// matter which process asks. It is over when the time to watch is, and no pod is
// left that is not as the plan wants it.
func (t *Target) watch(ctx context.Context, p fix.Plan, forms []fix.Form) (why string, err error) {
	var last time.Time
	var spec writeSpec
	var pending []string
	all, err := each(ctx, forms, func(ctx context.Context, f fix.Form) (watchedOne, error) { return t.watched(ctx, p, f) })
	if err != nil {
		return "", err
	}
	for i, one := range all {
		if one.at.IsZero() {
			continue // nothing was changed there
		}
		spec = one.spec
		if one.at.After(last) {
			last = one.at
		}
		if one.pending != "" {
			pending = append(pending, forms[i].Name+": "+one.pending)
		}
	}
	if last.IsZero() {
		return "", nil
	}
	since := t.opts.Now().Sub(last)
	left := max(spec.Watch-since, 0)
	switch {
	case len(pending) > 0 && since > max(spec.Settle, spec.Watch):
		return "", &fix.Halt{Sentence: fmt.Sprintf("%s after the change it is not proven that it took effect: %s. The change itself stays.",
			phrase.Age(since), strings.Join(pending, "; "))}
	case len(pending) > 0 && left > 0:
		return fmt.Sprintf("watching for %s whether somebody takes it back, %s left; %s", phrase.Duration(spec.Watch), seconds(left), strings.Join(pending, "; ")), nil
	case len(pending) > 0:
		return "waiting until it has taken effect; " + strings.Join(pending, "; "), nil
	case left > 0:
		return fmt.Sprintf("watching for %s whether somebody takes it back, %s left", phrase.Duration(spec.Watch), seconds(left)), nil
	}
	return "", nil
}

// seconds is a short time, rounded up.
func seconds(d time.Duration) string {
	return fmt.Sprintf("%d s", int((d+time.Second-1)/time.Second))
}

// watchedOne is one deployment after its change.
type watchedOne struct {
	spec    writeSpec
	at      time.Time // when it was changed; zero: it was not
	pending string    // what is still to happen
}

// watched looks at one deployment. A *fix.Halt says that somebody took the change
// back, or that nothing is known of it any more.
func (t *Target) watched(ctx context.Context, p fix.Plan, f fix.Form) (one watchedOne, err error) {
	if one.spec, err = specOf(f); err != nil || leftAlone(p, f) {
		return one, err
	}
	s, there, err := t.again(ctx, writing{plan: t.planName(p.ID), name: f.Name, spec: one.spec})
	if err != nil {
		return one, err
	}
	if !there {
		return one, &fix.Halt{Sentence: fmt.Sprintf("Deployment %s is not there any more: somebody deleted it while %s was watched.", f.Name, p.Ref())}
	}
	e, known := s.record.of(t.planName(p.ID))
	if known && e.Left != "" {
		return one, nil
	}
	if why := t.notOurs(p, s, e, known); why != "" {
		return one, &fix.Halt{Sentence: why}
	}
	made, at := t.made(s, e)
	if by, wrong := t.reversed(s, e); wrong {
		return one, t.reversal(ctx, p, s, e, by)
	} else if !made {
		return one, &fix.Halt{Sentence: fmt.Sprintf("Deployment %s was changed by %s while it was watched.", f.Name, by.said())}
	}
	if !e.done() { // the note is missing that it was: whoever wrote it ended before
		if err := t.note(ctx, f.Name, s, e, at); err != nil {
			return one, err
		}
	}
	one.at = at
	one.pending, err = t.pendingOf(ctx, s, e)
	return one, err
}

// leftAlone tells whether a plan has not changed the deployment of a form.
func leftAlone(p fix.Plan, f fix.Form) bool {
	return slices.ContainsFunc(p.Outcome.Skipped, func(s fix.Skip) bool { return s.Table == f.Table && slices.Contains(s.Key, f.Name) })
}

// notOurs says why what stands on a deployment does not tell any more what a plan did
// there; empty if it does.
func (t *Target) notOurs(p fix.Plan, s seen, e entry, known bool) string {
	last := s.record.last()
	switch {
	case s.record.broken != nil:
		return fmt.Sprintf("What %s wrote on deployment %s cannot be read any more: somebody changed its annotations %s or %s while it was watched.", p.Ref(), s.Name, previousKey, recordKey)
	case !known:
		return fmt.Sprintf("Deployment %s was replaced while it was watched: what %s wrote on it is gone, and it has %s now. Look at it with writes status.",
			s.Name, p.Ref(), phrase.Plural(int64(s.replicas()), "pod"))
	case last.Plan != e.Plan:
		return fmt.Sprintf("Deployment %s was changed by %s while it was watched.", s.Name, t.saidPlan(last.Plan))
	}
	return ""
}

// note writes that a scaling was done. If somebody was faster, the next look does.
func (t *Target) note(ctx context.Context, name string, s seen, e entry, at time.Time) error {
	err := t.take(ctx, s, writing{name: name}, t.finish(s, e, at), false)
	if apierrors.IsConflict(err) {
		return nil
	}
	return t.refusal(ctx, actPatch(name), err)
}

// reversed tells whether what a plan made is not so any more, and who did that. A
// deployment that was resumed may get any number of pods but none.
func (t *Target) reversed(s seen, e entry) (by setter, wrong bool) {
	if n := e.Made.Replicas; n != nil && (s.replicas() == 0) != (*n == 0) {
		return setterOfReplicas(s.Deployment), true
	}
	if c := e.Made.Env; c != nil {
		is := envOf(s.Deployment, c.Container, c.Name)
		if is.problem != "" || !equal(is.value, c.Value) {
			return setterOf(s.ManagedFields, envPath(c.Container, c.Name)), true
		}
	}
	return setter{}, false
}

// reversal ends a plan because somebody took its change back: who, as far as the
// API tells, and how to keep it from doing so.
func (t *Target) reversal(ctx context.Context, p fix.Plan, s seen, e entry, by setter) error {
	pods := e.Made.Replicas != nil && (s.replicas() == 0) != (*e.Made.Replicas == 0)
	stands := "has no pods again"
	switch {
	case !pods:
		c := e.Made.Env
		stands = "has " + valued(c.Name, envOf(s.Deployment, c.Container, c.Name).value) + " again"
	case s.replicas() > 0:
		stands = fmt.Sprintf("has %s again", phrase.Plural(int64(s.replicas()), "pod"))
	}
	owners, _, err := t.owners(ctx, s.Deployment)
	if err != nil {
		owners = nil // it is told all the same
	}
	who := by.said()
	if pods && (!by.known() || by.autoscaler()) {
		if told := t.scaledAsTold(ctx, owners, e.written()); told != "" {
			who = told
		}
	}
	text := fmt.Sprintf("%s was taken back by somebody else: deployment %s %s, set by %s", p.Ref(), s.Name, stands, who)
	if by.at.After(e.written().Add(-time.Second)) {
		text += " at " + moment(by.at) + "."
	} else {
		text += " within " + seconds(t.opts.Now().Sub(e.written())) + "."
	}
	if s.record.kept != (former{}) {
		text += " It writes."
	}
	for _, o := range owners {
		if o.may(by, pods) {
			text += fmt.Sprintf(" It is probably the %s: keep it from that first (%s), then make a new preview.", clipped(o.said()), clipped(o.rest(s.Deployment)))
			break
		}
	}
	return &fix.Halt{Sentence: text}
}

// scaledAsTold is the autoscaler that says in an event that it has scaled since a
// time; empty if none does. Events only explain: that they may not be read is no
// error.
func (t *Target) scaledAsTold(ctx context.Context, owners []owner, since time.Time) string {
	c, err := t.reading()
	if err != nil {
		return ""
	}
	for _, o := range owners {
		reason := map[ownerKind]string{hpa: "SuccessfulRescale", keda: "KEDAScaleTargetActivated"}[o.kind]
		if reason == "" {
			continue
		}
		asking, cancel := t.ask(ctx)
		list, err := c.events().List(asking, metav1.ListOptions{FieldSelector: "involvedObject.name=" + o.name})
		cancel()
		if err != nil {
			continue
		}
		for i := range list.Items {
			_, last := eventTimes(&list.Items[i])
			if list.Items[i].Reason == reason && !last.Before(since.Truncate(time.Second)) {
				return fmt.Sprintf("%s (%s)", clipped(o.said()), clipped(list.Items[i].Message))
			}
		}
	}
	return ""
}

// pendingOf says what is still to happen until a change has taken effect; empty:
// nothing. What counts are the pods, not what the deployment says of them.
func (t *Target) pendingOf(ctx context.Context, s seen, e entry) (string, error) {
	pods, err := t.livePods(ctx, s.Deployment)
	if err != nil {
		return "", err
	}
	if old := s.stillWrites(pods, e.Made.Env); old != "" {
		return old, nil
	}
	if why := s.stuck(); why != "" && s.replicas() > 0 {
		return "the rollout is stuck (" + why + ")", nil
	}
	return s.waits(pods), nil
}
