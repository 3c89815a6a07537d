package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/integritybot/integritybot/internal/fix"
)

// How often a change is tried that somebody else was faster than. The status of a
// deployment is written all the time while its pods come and go, and every such
// write makes what was read old.
const (
	writeTries   = 40
	longestPause = 150 * time.Millisecond
)

// carry brings a deployment from where it is to where the plan wants it, one step
// after another, whoever has made the steps before. Each step is on the condition
// that nothing has changed since the deployment was read.
func (t *Target) carry(ctx context.Context, w writing) (fix.Result, error) {
	result := fix.Result{Batch: w.batch, Pass: 1}
	var me knows
	for try := 1; ; try++ {
		s, there, err := t.again(ctx, w)
		if err != nil {
			return fix.Result{}, err
		}
		if !there {
			result.Skipped, result.At = []fix.Skipped{{Why: fix.WhyGone}}, t.opts.Now().UTC()
			return result, nil
		}
		next := t.next(s, w, me)
		switch next.do {
		case stepNothing:
			result.Changed, result.At = 1, next.at
			return result, nil
		case stepLeave:
			result.Skipped, result.At = []fix.Skipped{{Why: next.why}}, t.opts.Now().UTC()
			return result, nil
		case stepPatch, stepScale:
		}
		err = t.take(ctx, s, w, next, false)
		switch {
		case err == nil:
			me.scaled = me.scaled || next.do == stepScale
		case apierrors.IsConflict(err) && try < writeTries:
			if err := pause(ctx, rand.N(longestPause)); err != nil { //nolint:gosec // nobody gains from guessing it
				return fix.Result{}, fmt.Errorf("kubernetes %s: changing deployment %s: %w", t.opts.Name, w.name, err)
			}
		case apierrors.IsConflict(err):
			return fix.Result{}, problemf("Deployment %s in Kubernetes %s changes all the time: of %d attempts none was in time. Its change was not made.", w.name, t.opts.Place, try)
		default:
			t.giveUp(ctx, w, next, err)
			return fix.Result{}, t.refusal(ctx, next.act(w.name), err)
		}
	}
}

// again reads a deployment anew; there is false if it is gone. Where it does not have
// w's plan as its last, it is asked whether that was taken off it.
func (t *Target) again(ctx context.Context, w writing) (s seen, there bool, err error) {
	c, err := t.reading()
	if err != nil {
		return s, false, err
	}
	d, err := t.getDeployment(ctx, c, w.name)
	if apierrors.IsNotFound(err) {
		return s, false, nil
	}
	if err != nil {
		return s, false, t.problem(ctx, act{doing: "getting deployment " + w.name, verb: "get", resource: "deployments.apps", name: w.name}, err)
	}
	if s = seenAs(w.writer(), d); s.record.last().Plan != w.plan {
		s, err = t.remember(ctx, c, s)
	}
	return s, err == nil, err
}

// giveUp is after a scaling that failed. One that the API refuses was only begun, and
// its note is taken back. Of one without a clear answer the request may still be on its
// way: the note is written anew, so that it comes too late.
func (t *Target) giveUp(ctx context.Context, w writing, failed step, why error) {
	if failed.do != stepScale {
		return
	}
	refused := apierrors.IsForbidden(why) || apierrors.IsInvalid(why) || apierrors.IsBadRequest(why)
	for range 3 {
		s, there, err := t.again(ctx, w)
		e := s.record.last()
		if err != nil || !there || e.Plan != w.plan || e.done() || e.Was.Replicas == nil {
			return
		}
		next := step{do: stepPatch, record: s.record.without()}
		if !refused {
			if s.replicas() != *e.Was.Replicas || s.Generation != e.Generation {
				return // it was done, or somebody else has changed it, which does the same
			}
			e.Generation++
			next.record = s.record.with(e, s.record.kept)
		}
		if err := t.take(ctx, s, w, next, false); !apierrors.IsConflict(err) {
			return // what stays behind is shown by the check as not finished
		}
	}
}

// take makes one step, or only tries it.
func (t *Target) take(ctx context.Context, s seen, w writing, next step, dry bool) error {
	c, err := t.writing()
	if err != nil {
		return err
	}
	var only []string
	if dry {
		only = []string{metav1.DryRunAll}
	}
	asking, cancel := t.ask(ctx)
	defer cancel()
	if next.do == stepScale {
		scale := &autoscalingv1.Scale{
			ObjectMeta: metav1.ObjectMeta{Name: s.Name, Namespace: s.Namespace, ResourceVersion: s.ResourceVersion},
			Spec:       autoscalingv1.ScaleSpec{Replicas: next.replicas},
		}
		return c.scale(asking, w.name, scale, metav1.UpdateOptions{FieldManager: t.opts.FieldManager, DryRun: only})
	}
	body, err := patchOf(s, next)
	if err != nil {
		return err
	}
	_, err = c.deployments().Patch(asking, w.name, types.StrategicMergePatchType, body, metav1.PatchOptions{FieldManager: t.opts.FieldManager, DryRun: only})
	return err
}

// patchOf writes the record, and a variable with it, if nothing has changed since
// the deployment was read: the API refuses a patch with an old resourceVersion.
func patchOf(s seen, next step) ([]byte, error) {
	annotations, err := next.record.annotations()
	if err != nil {
		return nil, err
	}
	patch := map[string]any{"metadata": map[string]any{
		"uid": s.UID, "resourceVersion": s.ResourceVersion, "annotations": annotations,
	}}
	if e := next.env; e != nil {
		variable := map[string]any{"name": e.Name}
		if e.Value == nil {
			variable["$patch"] = "delete"
		} else {
			variable["value"] = *e.Value
		}
		container := map[string]any{"name": e.Container, "env": []any{variable}}
		patch["spec"] = map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{container}}}}
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return nil, fmt.Errorf("change of deployment %s: %w", s.Name, err)
	}
	return body, nil
}

// dryRun has the cluster judge a change without making it: admission refuses there
// what it would refuse later.
func (t *Target) dryRun(ctx context.Context, w writing) error {
	for try := 1; ; try++ {
		s, there, err := t.again(ctx, w)
		if err != nil {
			return err
		}
		next := step{do: stepLeave}
		if there {
			next = t.next(s, w, knows{})
		}
		if next.do != stepPatch {
			return problemf("Deployment %s in Kubernetes %s changed while the plan was worked out: make a new preview.", w.name, t.opts.Place)
		}
		err = t.take(ctx, s, w, next, true)
		if n := w.want.Replicas; err == nil && n != nil {
			next = step{do: stepScale, replicas: *n}
			err = t.take(ctx, s, w, next, true)
		}
		if err == nil {
			return nil
		}
		if !apierrors.IsConflict(err) || try >= writeTries {
			return t.refusal(ctx, next.act(w.name), err)
		}
		if err := pause(ctx, rand.N(longestPause)); err != nil { //nolint:gosec // nobody gains from guessing it
			return fmt.Errorf("kubernetes %s: trying the change of deployment %s: %w", t.opts.Name, w.name, err)
		}
	}
}
