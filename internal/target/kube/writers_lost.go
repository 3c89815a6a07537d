package kube

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// remember completes a look with what the deployment's replica sets know of plans.
// Kubernetes copies a deployment's annotations onto its current replica set and takes
// none away there (pkg/controller/deployment/util, SetNewReplicaSetAnnotations). So
// what a plan wrote outlives what takes it off the deployment: kubectl rollout undo
// puts those of an older replica set in its place, kubectl replace and delivery tools
// that replace put none. The newest record counts.
func (t *Target) remember(ctx context.Context, c *clients, s seen) (seen, error) {
	kept, err := t.keptBySets(ctx, c, s)
	switch {
	case apierrors.IsForbidden(err):
		a := act{verb: "list", resource: "replicasets.apps"}
		s.unsure = "Whether somebody took off " + s.Name + " what plans have written there is not known (" + t.ungranted(a) + ")."
		return s, nil
	case err != nil:
		return s, t.problem(ctx, act{doing: "listing replica sets", verb: "list", resource: "replicasets.apps"}, err)
	case !kept.newer(s.record):
		return s, nil
	}
	// A plan may have written between the two questions.
	d, err := t.getDeployment(ctx, c, s.Name)
	if err != nil {
		return s, t.problem(ctx, act{doing: "getting deployment " + s.Name, verb: "get", resource: "deployments.apps", name: s.Name}, err)
	}
	if s = seenAs(s.writer, d); kept.newer(s.record) {
		s.record = kept
		s.unsure = "What plans had written on " + s.Name + " was taken off it (rollout undo, replace); it is known from a replica set, and the next plan writes it there again."
	}
	return s, nil
}

// keptBySets is the newest record that a replica set of the deployment has.
func (t *Target) keptBySets(ctx context.Context, c *clients, s seen) (record, error) {
	selector, err := metav1.LabelSelectorAsSelector(s.Spec.Selector)
	if err != nil {
		return record{}, err
	}
	asking, cancel := t.ask(ctx)
	defer cancel()
	list, err := c.replicaSets().List(asking, metav1.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return record{}, err
	}
	var newest record
	for i := range list.Items {
		if one := t.recordOfSet(s, &list.Items[i]); one.newer(newest) {
			newest = one
		}
	}
	return newest, nil
}

// recordOfSet is what a replica set has of its deployment's record. What was taken away
// there may be on it still: how the deployment was before is written whenever it is
// not meant to run, and that a plan has begun is taken back where it was refused.
func (t *Target) recordOfSet(s seen, rs *appsv1.ReplicaSet) record {
	if by := metav1.GetControllerOf(rs); by == nil || by.UID != s.UID {
		return record{}
	}
	r := recordOf(rs.Annotations)
	if r.broken != nil {
		return record{}
	}
	if rs.Annotations[meantKey] == meantRunning {
		r.kept = former{}
	}
	if last := r.last(); last.Plan != "" && !last.done() {
		if made, _ := t.made(s, last); !made {
			r = r.without()
		}
	}
	return r
}

// newer tells whether a record was written after another one. Each holds its last few
// plans, so that clocks seldom have to tell.
func (r record) newer(than record) bool {
	last, other := r.last(), than.last()
	if last.Plan == "" || than.broken != nil {
		return false
	}
	if known, ok := than.of(last.Plan); ok {
		return last.Plan == other.Plan && last.done() && !known.done()
	}
	_, has := r.of(other.Plan)
	return other.Plan == "" || has || last.written().After(other.written())
}

// written is when an entry was written last.
func (e entry) written() time.Time {
	if e.done() {
		return e.At
	}
	return e.Begun
}
