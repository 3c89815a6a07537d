package kube

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/integritybot/integritybot/internal/look"
)

// near is how far apart the records of one scaling are in time: who wrote it, and
// what the controller said.
const near = 5 * time.Second

// rolloutSteps is how long after it began a rollout may still scale its own set up
// (the usual progressDeadlineSeconds).
const rolloutSteps = 10 * time.Minute

// scaled finds the numbers in the deployment controller's sentence, in its present
// form and the one before Kubernetes 1.28.
var scaled = regexp.MustCompile(`^Scaled (up|down) replica set (\S+)(?: from (\d+))? to (\d+)(?: from (\d+))?$`)

// scaling is a replica set that a deployment made greater or smaller.
type scaling struct {
	first, last time.Time
	set         string
	up          bool
	from, to    string // from is empty where it is not said
}

// scaledBy reads an event of a deployment's.
func scaledBy(e *corev1.Event, deployment string) (scaling, bool) {
	if e.Reason != "ScalingReplicaSet" || e.InvolvedObject.Kind != "Deployment" || e.InvolvedObject.Name != deployment {
		return scaling{}, false
	}
	m := scaled.FindStringSubmatch(e.Message)
	if m == nil {
		return scaling{}, false
	}
	first, last := eventTimes(e)
	return scaling{first: first, last: last, set: m[2], up: m[1] == "up", from: m[3] + m[5], to: m[4]}, true
}

// eventTimes are when an event was said first and last.
func eventTimes(e *corev1.Event) (first, last time.Time) {
	for _, at := range []time.Time{e.FirstTimestamp.Time, e.EventTime.Time, e.LastTimestamp.Time, e.CreationTimestamp.Time} {
		if !at.IsZero() && first.IsZero() {
			first = at.UTC()
		}
	}
	last = latest(first, e.LastTimestamp.UTC())
	if e.Series != nil {
		last = latest(last, e.Series.LastObservedTime.UTC())
	}
	return first, last
}

// scalings are what made the deployment greater or smaller that was no rollout.
func (h *history) scalings(autoscalers []autoscalingv2.HorizontalPodAutoscaler) []look.Change {
	out := h.autoscaled(autoscalers)
	known := func(at time.Time) bool {
		for _, c := range out {
			if c.At.Sub(at).Abs() <= near {
				return true
			}
		}
		return false
	}
	for i := range h.events {
		s, ok := scaledBy(&h.events[i], h.d.Name)
		if !ok || h.step(s) || known(s.last) {
			continue
		}
		out = append(out, look.Change{At: s.last, Kind: look.Scaling, What: "deployment/" + h.d.Name, Says: s.says(), Who: h.scaledWho(s.last)})
	}
	out = append(out, h.scaledBefore(known)...)
	h.attribute(out)
	return out
}

// attribute names who made the latest scaling. Whoever scales first is kept without
// a time, and is then the one who has the number of pods.
func (h *history) attribute(changes []look.Change) {
	newest := -1
	for i, c := range changes {
		if c.What == "deployment/"+h.d.Name && (newest < 0 || c.At.After(changes[newest].At)) {
			newest = i
		}
	}
	if newest < 0 || changes[newest].Who != "" {
		return
	}
	for _, w := range writersOf(&h.d.ObjectMeta) {
		if w.subresource == "scale" && w.at.IsZero() && w.has("spec", "replicas") {
			changes[newest].Who = w.who()
			return
		}
	}
	if h.d.Spec.Replicas != nil && *h.d.Spec.Replicas == 0 {
		changes[newest].Differences = append(changes[newest].Differences, "by which client is not kept: Kubernetes forgets who scales to 0")
	}
}

func (s scaling) says() string {
	switch {
	case s.from == "":
		return "scaled to " + s.to + " pods"
	case s.to == "0":
		return "scaled from " + s.from + " to 0 pods: nothing runs"
	}
	return "scaled from " + s.from + " to " + s.to + " pods"
}

// step tells that it was a rollout that scaled: an old set down, or the new one up.
func (h *history) step(s scaling) bool {
	var current *revision
	for i := range h.revisions {
		if r := &h.revisions[i]; !r.at.IsZero() && !r.at.After(s.last.Add(time.Second)) {
			current = r
		}
	}
	switch {
	case current == nil:
		return false
	case current.set.Name != s.set:
		return true
	}
	return s.up && s.last.Sub(current.at) < rolloutSteps
}

// scaledWho is the client that wrote the number of pods at that time.
func (h *history) scaledWho(at time.Time) string {
	for _, w := range writersOf(&h.d.ObjectMeta) {
		if w.has("spec", "replicas") && w.at.Sub(at).Abs() <= near {
			return w.who()
		}
	}
	return ""
}

// scaledBefore are the last scalings that no event tells of any more: those of
// which a client's entry has the time, and the last one, of which the replica set
// has it.
func (h *history) scaledBefore(known func(time.Time) bool) []look.Change {
	var times []time.Time
	who := map[time.Time]string{}
	for _, w := range writersOf(&h.d.ObjectMeta) {
		if w.subresource == "scale" && w.has("spec", "replicas") && !w.at.IsZero() && !known(w.at) {
			times, who[w.at] = append(times, w.at), w.who()
		}
	}
	apart := func(at time.Time) bool {
		return !slices.ContainsFunc(times, func(t time.Time) bool { return t.Sub(at).Abs() <= near })
	}
	if at := h.resized(); !at.IsZero() && !known(at) && apart(at) {
		times = append(times, at)
	}
	slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	var out []look.Change
	for i, at := range times {
		c := look.Change{At: at, Kind: look.Scaling, What: "deployment/" + h.d.Name, Says: "scaled; to how many is not known", Who: who[at]}
		if i == 0 && h.d.Spec.Replicas != nil {
			c.Says = "scaled, to " + strconv.Itoa(int(*h.d.Spec.Replicas)) + " pods"
		}
		c.Differences = []string{"its events are gone, and with them what was scaled before"}
		out = append(out, c)
	}
	return out
}

// resized is when the current replica set was last made greater or smaller, if it
// was no step of its rollout: the time at which the controller wrote its size.
func (h *history) resized() time.Time {
	if len(h.revisions) == 0 {
		return time.Time{}
	}
	current := h.revisions[len(h.revisions)-1]
	for _, w := range writersOf(&current.set.ObjectMeta) {
		if w.subresource == "" && w.has("spec", "replicas") && !current.at.IsZero() && w.at.Sub(current.at) >= rolloutSteps {
			return w.at
		}
	}
	return time.Time{}
}

// autoscaled is what autoscalers of this deployment did, and who edited them.
func (h *history) autoscaled(all []autoscalingv2.HorizontalPodAutoscaler) []look.Change {
	var out []look.Change
	for i := range all {
		a := &all[i]
		if !h.scales(a) {
			continue
		}
		what := "autoscaler/" + a.Name
		for j := range h.events {
			e := &h.events[j]
			if e.InvolvedObject.Kind != "HorizontalPodAutoscaler" || e.InvolvedObject.Name != a.Name || e.Reason != "SuccessfulRescale" {
				continue
			}
			_, last := eventTimes(e)
			out = append(out, look.Change{At: last, Kind: look.Scaling, What: "deployment/" + h.d.Name, Who: what, Says: "scaled by its autoscaler: " + clipped(e.Message)})
		}
		for _, w := range writersOf(&a.ObjectMeta) {
			if w.subresource == "" && w.has("spec") {
				out = append(out, look.Change{At: w.at, Kind: look.Scaling, What: what, Who: w.who(), Says: "edited: " + bounds(a)})
			}
		}
	}
	return out
}

// scales tells that an autoscaler is that of this deployment.
func (h *history) scales(a *autoscalingv2.HorizontalPodAutoscaler) bool {
	return a.Spec.ScaleTargetRef.Kind == "Deployment" && a.Spec.ScaleTargetRef.Name == h.d.Name
}

// scaledByItself tells that the deployment has an autoscaler.
func (h *history) scaledByItself(all []autoscalingv2.HorizontalPodAutoscaler) bool {
	for i := range all {
		if h.scales(&all[i]) {
			return true
		}
	}
	return false
}

// bounds is what an autoscaler may do now.
func bounds(a *autoscalingv2.HorizontalPodAutoscaler) string {
	least := int32(1)
	if a.Spec.MinReplicas != nil {
		least = *a.Spec.MinReplicas
	}
	return fmt.Sprintf("%d to %d pods now", least, a.Spec.MaxReplicas)
}
