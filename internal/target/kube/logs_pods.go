package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/integritybot/integritybot/internal/check"
)

// pageSize is how many objects one answer to a list has at most.
const pageSize = 500

// stream is the log of one instance of a container, or of two instances: the one
// before and the one that runs.
type stream struct {
	pod, container string
	podIndex       int
	// previous and current are which instances have a log.
	previous, current bool
	restarts          int32
	// started is when the instance began that runs, earlier that of the one before;
	// zero: not known.
	started, earlier time.Time
}

// source is whose logs are looked for.
type source struct {
	pods    []string
	streams []stream
	missing []string
}

// findPods finds the pods of the configured deployments and which logs they have.
// An error is a check.Problem: there is nothing to read.
func (t *Target) findPods(ctx context.Context, c *clients, since time.Time) (source, error) {
	if len(t.opts.Deployments) == 0 {
		return source{}, problemf("No deployments of Kubernetes %s are named in the config: name those whose logs matter under kubernetes.deployments of target %s.", t.opts.Place, t.opts.Name)
	}
	var s source
	var errs []error
	seen := map[types.UID]bool{}
	for _, name := range t.opts.Deployments {
		pods, missing, err := t.podsOf(ctx, c, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s.missing = append(s.missing, missing...)
		if len(pods) == 0 {
			s.missing = append(s.missing, fmt.Sprintf("Deployment %s has no pods: is it scaled to 0?", name))
		}
		for i := range pods {
			if !seen[pods[i].UID] {
				seen[pods[i].UID] = true
				s.add(&pods[i], since)
			}
		}
	}
	if len(errs) == len(t.opts.Deployments) {
		return source{}, errs[0]
	}
	for _, err := range errs {
		s.missing = append(s.missing, saying(err))
	}
	return s, ctx.Err()
}

// add adds the containers of one pod. Init containers do their work before there
// is data to be wrong about, and are left out.
func (s *source) add(pod *corev1.Pod, since time.Time) {
	index := len(s.pods)
	s.pods = append(s.pods, pod.Name)
	states := pod.Status.ContainerStatuses
	for _, c := range pod.Spec.Containers {
		i := slices.IndexFunc(states, func(cs corev1.ContainerStatus) bool { return cs.Name == c.Name })
		if i < 0 {
			s.missing = append(s.missing, fmt.Sprintf("Pod %s has not started yet: it has no log.", pod.Name))
			return
		}
		one := instances(states[i], since)
		one.pod, one.container, one.podIndex = pod.Name, c.Name, index
		switch {
		case one.previous || one.current:
			s.streams = append(s.streams, one)
		case states[i].State.Waiting != nil:
			s.missing = append(s.missing, fmt.Sprintf("Container %s of pod %s has not started (%s): it has no log.", c.Name, pod.Name, clipped(states[i].State.Waiting.Reason)))
		}
		if one.restarts > 1 && one.earlier.After(since) {
			s.missing = append(s.missing, fmt.Sprintf("Container %s of pod %s was restarted %d times: only the logs of its last two starts are kept, the earliest from %s.",
				c.Name, pod.Name, one.restarts, clock(one.earlier)))
		}
	}
}

// instances are those of a container that have a log. For one that waits to be
// started again, "the current log" is that of the instance before; it must not be
// read twice. (validateContainerLogStatus in the kubelet.)
func instances(cs corev1.ContainerStatus, since time.Time) stream {
	s := stream{restarts: cs.RestartCount}
	last := cs.LastTerminationState.Terminated
	switch ended := cs.State.Terminated; {
	case cs.State.Running != nil:
		s.current, s.started = true, cs.State.Running.StartedAt.Time
	case ended != nil && (ended.ContainerID != "" || last == nil):
		s.current, s.started = true, ended.StartedAt.Time
	}
	if last == nil || s.current && last.ContainerID != "" && last.ContainerID == cs.ContainerID {
		return s
	}
	s.earlier = last.StartedAt.Time
	// What ended before the time that is asked about has nothing to say.
	s.previous = last.FinishedAt.IsZero() || !last.FinishedAt.Time.Before(since)
	return s
}

// podsOf are the pods of one deployment: those that its selector finds, and that
// one of its replica sets owns.
func (t *Target) podsOf(ctx context.Context, c *clients, name string) (pods []corev1.Pod, missing []string, err error) {
	d, err := t.deployment(ctx, c, name)
	if err != nil {
		return nil, nil, err
	}
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return nil, nil, problemf("The selector of deployment %s in Kubernetes %s cannot be read.", name, t.opts.Place)
	}
	pods, err = t.pods(ctx, c, selector.String())
	if err != nil {
		return nil, nil, err
	}
	sets, err := t.replicaSets(ctx, c, selector.String())
	if err != nil {
		return pods, []string{fmt.Sprintf("Whether all pods with the labels of deployment %s belong to it is not known: %s", name, saying(err))}, nil
	}
	ours := map[types.UID]bool{}
	for i := range sets {
		ours[sets[i].UID] = metav1.IsControlledBy(&sets[i], d)
	}
	return slices.DeleteFunc(pods, func(p corev1.Pod) bool {
		owner := metav1.GetControllerOf(&p)
		return owner == nil || !ours[owner.UID]
	}), nil, nil
}

// deployment gets one; of one that does not exist the problem names another that
// may be meant.
func (t *Target) deployment(ctx context.Context, c *clients, name string) (*appsv1.Deployment, error) {
	asking, cancel := t.ask(ctx)
	defer cancel()
	d, err := c.deployments().Get(asking, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, t.noDeployment(ctx, c, name)
	}
	if err != nil {
		return nil, t.problem(ctx, act{doing: "getting the deployment", verb: "get", resource: "deployments.apps", name: name}, err)
	}
	return d, nil
}

func (t *Target) pods(ctx context.Context, c *clients, selector string) ([]corev1.Pod, error) {
	a := act{doing: "listing pods", verb: "list", resource: "pods"}
	return pages(ctx, t, a, func(ctx context.Context, o metav1.ListOptions) ([]corev1.Pod, string, error) {
		o.LabelSelector = selector
		list, err := c.pods().List(ctx, o)
		if err != nil {
			return nil, "", err
		}
		return list.Items, list.Continue, nil
	})
}

func (t *Target) replicaSets(ctx context.Context, c *clients, selector string) ([]appsv1.ReplicaSet, error) {
	a := act{doing: "listing replica sets", verb: "list", resource: "replicasets.apps"}
	return pages(ctx, t, a, func(ctx context.Context, o metav1.ListOptions) ([]appsv1.ReplicaSet, string, error) {
		o.LabelSelector = selector
		list, err := c.replicaSets().List(ctx, o)
		if err != nil {
			return nil, "", err
		}
		return list.Items, list.Continue, nil
	})
}

// pages lists everything, page by page.
func pages[T any](ctx context.Context, t *Target, a act, page func(context.Context, metav1.ListOptions) ([]T, string, error)) ([]T, error) {
	var all []T
	o := metav1.ListOptions{Limit: pageSize}
	for {
		asking, cancel := t.ask(ctx)
		items, next, err := page(asking, o)
		cancel()
		if err != nil {
			return nil, t.problem(ctx, a, err)
		}
		all = append(all, items...)
		if next == "" {
			return all, nil
		}
		o.Continue = next
	}
}

// clock is a moment in a sentence.
func clock(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }

// saying is what an error tells people: the sentence of its problem.
func saying(err error) string {
	var p *check.Problem
	if errors.As(err, &p) {
		return p.Sentence
	}
	return "It was stopped before an answer came."
}
