package kube

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/look"
)

// The annotations by which the deployment controller numbers rollouts: of a replica
// set that was used again, the second has the numbers that it had before.
const (
	revisionAnnotation = "deployment.kubernetes.io/revision"
	historyAnnotation  = "deployment.kubernetes.io/revision-history"
)

// writeLead is how long before the controller acts its client may have written.
const writeLead = 15 * time.Second

// history is that of one deployment.
type history struct {
	d         *appsv1.Deployment
	events    []corev1.Event
	revisions []revision // in their order
}

// revision is one rollout: a replica set that became the current one.
type revision struct {
	number int64
	set    *appsv1.ReplicaSet
	first  int64     // the number that the set was made for; less than number: a way back
	at     time.Time // zero: not known
}

func (r revision) back() bool { return r.first < r.number }

// read makes the history of the deployment's replica sets.
func (h *history) read(sets []appsv1.ReplicaSet) {
	for i := range sets {
		s := &sets[i]
		number, err := strconv.ParseInt(s.Annotations[revisionAnnotation], 10, 64)
		if err != nil || !metav1.IsControlledBy(s, h.d) {
			continue
		}
		numbers := []int64{number}
		for _, text := range strings.Split(s.Annotations[historyAnnotation], ",") {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				numbers = append(numbers, n)
			}
		}
		for _, n := range numbers {
			h.revisions = append(h.revisions, revision{number: n, set: s, first: slices.Min(numbers)})
		}
	}
	slices.SortFunc(h.revisions, func(a, b revision) int { return cmp.Compare(a.number, b.number) })
	last := time.Time{}
	for i := range h.revisions {
		r := &h.revisions[i]
		if made := r.set.CreationTimestamp.Time; !r.back() && made.Before(last) {
			r.first = 0 // older than the one before it: it was used again, and its first number is not kept
		}
		r.at = h.dated(*r, last, i == len(h.revisions)-1)
		last = latest(last, r.at)
	}
}

// dated is when a rollout began. A set that was used again is as old as its first
// use, so that its own time says nothing: what the client wrote, and events, do.
func (h *history) dated(r revision, after time.Time, current bool) time.Time {
	if !r.back() {
		return r.set.CreationTimestamp.UTC()
	}
	if current {
		for _, w := range writersOf(&h.d.ObjectMeta) {
			if w.has("spec", "template") && !w.at.IsZero() && !w.at.Before(after) {
				return w.at
			}
		}
	}
	var at time.Time
	for i := range h.events {
		if s, ok := scaledBy(&h.events[i], h.d.Name); ok && s.set == r.set.Name && s.up && !s.first.Before(after) {
			at = earliest(at, s.first)
		}
	}
	if at.IsZero() && current {
		if c := h.condition(appsv1.DeploymentProgressing); c != nil && !c.LastUpdateTime.Time.Before(after) {
			return c.LastUpdateTime.UTC()
		}
	}
	return at
}

func (h *history) condition(kind appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	for i := range h.d.Status.Conditions {
		if h.d.Status.Conditions[i].Type == kind {
			return &h.d.Status.Conditions[i]
		}
	}
	return nil
}

// rollouts are all whose time is known.
func (h *history) rollouts() []look.Change {
	var out []look.Change
	for i, r := range h.revisions {
		if r.at.IsZero() {
			continue
		}
		c := look.Change{At: r.at, Kind: look.Rollout, What: "deployment/" + h.d.Name, Who: h.rolledBy(i)}
		name := fmt.Sprintf("rollout %d", r.number)
		switch {
		case r.back() && r.first > 0:
			name += fmt.Sprintf(", back to revision %d", r.first)
		case r.back():
			name += ", back to an earlier revision"
		}
		switch {
		case i > 0:
			c.Differences = templateDifferences(&h.revisions[i-1].set.Spec.Template, &r.set.Spec.Template)
			c.Says = name + ": " + summary(c.Differences)
		case r.number == 1:
			c.Says = name + ": the first, " + imagesOf(r.set)
		default:
			c.Says = name + ": " + imagesOf(r.set)
			c.Differences = []string{"what was before is no longer kept (revisionHistoryLimit)"}
		}
		if i == len(h.revisions)-1 {
			h.state(&c)
		}
		out = append(out, c)
	}
	return out
}

// summary is the first difference and how many more there are.
func summary(differences []string) string {
	switch len(differences) {
	case 0:
		return "no difference that is known"
	case 1:
		return differences[0]
	}
	return fmt.Sprintf("%s, and %d more", differences[0], len(differences)-1)
}

func imagesOf(s *appsv1.ReplicaSet) string {
	var images []string
	for _, c := range s.Spec.Template.Spec.Containers {
		images = append(images, c.Image)
	}
	return "image " + strings.Join(images, ", ")
}

// rolledBy is the client that wrote the pod template just before a rollout began:
// the only one whose write is nearer to this rollout than to any other. Of
// several it is not known who it was.
func (h *history) rolledBy(i int) string {
	who := ""
	for _, w := range writersOf(&h.d.ObjectMeta) {
		if !w.has("spec", "template") || h.rolled(w.at) != i {
			continue
		}
		if who != "" {
			return ""
		}
		who = w.who()
	}
	return who
}

// rolled is the rollout that began when something was written at a time; -1: none.
func (h *history) rolled(at time.Time) int {
	best, distance := -1, writeLead
	for i, r := range h.revisions {
		if d := r.at.Sub(at); !r.at.IsZero() && d >= -time.Second && d.Abs() <= distance {
			best, distance = i, d.Abs()
		}
	}
	return best
}

// state adds how far the latest rollout came.
func (h *history) state(c *look.Change) {
	s, desired := h.d.Status, int32(1)
	if h.d.Spec.Replicas != nil {
		desired = *h.d.Spec.Replicas
	}
	progress := h.condition(appsv1.DeploymentProgressing)
	failure := h.condition(appsv1.DeploymentReplicaFailure)
	switch {
	case progress != nil && progress.Status == corev1.ConditionFalse:
		c.Failed = true
		c.Says += fmt.Sprintf("; it does not finish, %d of %d new pods are there", s.UpdatedReplicas, desired)
		c.Differences = append(c.Differences, "Kubernetes says: "+clipped(progress.Message))
	case failure != nil && failure.Status == corev1.ConditionTrue:
		c.Failed = true
		c.Says += "; its pods cannot be made"
		c.Differences = append(c.Differences, "Kubernetes says: "+clipped(maskLine(failure.Message)))
	case h.d.Spec.Paused:
		c.Says += "; the deployment is paused"
	case s.UpdatedReplicas < desired || s.AvailableReplicas < desired || s.Replicas > s.UpdatedReplicas:
		c.Says += fmt.Sprintf("; it is not finished, %d of %d new pods are there", s.UpdatedReplicas, desired)
	}
}

// paused tells that somebody paused the deployment, and what waits to be rolled out.
func (h *history) paused() []look.Change {
	if !h.d.Spec.Paused {
		return nil
	}
	c := look.Change{Kind: look.Rollout, What: "deployment/" + h.d.Name, Says: "paused: edits are not rolled out until it is resumed"}
	if p := h.condition(appsv1.DeploymentProgressing); p != nil && p.Reason == "DeploymentPaused" {
		c.At = p.LastUpdateTime.UTC()
	}
	for _, w := range writersOf(&h.d.ObjectMeta) {
		if w.has("spec", "paused") && !w.at.IsZero() {
			c.At, c.Who = w.at, w.who()
			break
		}
	}
	out := []look.Change{c}
	if len(h.revisions) == 0 {
		return out
	}
	waiting := templateDifferences(&h.revisions[len(h.revisions)-1].set.Spec.Template, &h.d.Spec.Template)
	if len(waiting) == 0 {
		return out
	}
	edited := look.Change{At: c.At, Kind: look.Rollout, What: c.What, Says: "edited while paused, and not rolled out: " + summary(waiting), Differences: waiting}
	for _, w := range writersOf(&h.d.ObjectMeta) {
		if w.has("spec", "template") && !w.at.Before(c.At) {
			edited.At, edited.Who = w.at, w.who()
			break
		}
	}
	return append(out, edited)
}

// undated says which ways back happened at a time that is not known, and may be
// young enough.
func (h *history) undated(since time.Time) []string {
	var out []string
	for i, r := range h.revisions {
		if r.at.IsZero() && (i+1 == len(h.revisions) || h.revisions[i+1].at.IsZero() || h.revisions[i+1].at.After(since)) {
			out = append(out, fmt.Sprintf("When rollout %d of %s was, which went back to an earlier revision: nothing is left that tells.", r.number, h.d.Name))
		}
	}
	return out
}
