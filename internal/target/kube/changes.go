package kube

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"golang.org/x/sync/errgroup"

	"github.com/integritybot/integritybot/internal/look"
)

// eventsLive is how long a cluster keeps events unless it is told otherwise (the
// API server's --event-ttl).
const eventsLive = time.Hour

// Chronicler tells what was changed here: rollouts, edits of config maps and
// secrets, scaling.
func (t *Target) Chronicler() look.Chronicler { return chronicler{t} }

type chronicler struct{ t *Target }

// chronicle is one look at what was changed.
type chronicle struct {
	t     *Target
	c     *clients
	since time.Time

	events      []corev1.Event
	autoscalers []autoscalingv2.HorizontalPodAutoscaler

	mu      sync.Mutex
	changes []look.Change
	missing []string
	failed  []error
	seen    int // parts that were seen
}

// Changes asks for everything side by side. What may not be read is said; the
// rest answers.
func (ch chronicler) Changes(ctx context.Context, since time.Time) ([]look.Change, []string, error) {
	t := ch.t
	o := t.opts
	if len(o.Deployments)+len(o.ConfigMaps)+len(o.Secrets) == 0 {
		return nil, nil, problemf("Nothing of Kubernetes %s is named in the config whose changes matter: name deployments, config_maps or secrets of target %s.", o.Place, o.Name)
	}
	c, err := t.reading()
	if err != nil {
		return nil, nil, err
	}
	unsure, err := t.inNamespace(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	k := &chronicle{t: t, c: c, since: since}
	k.together(ctx, k.scalers)
	parts := make([]func(context.Context), 0, len(o.Deployments)+len(o.ConfigMaps)+len(o.Secrets))
	for _, name := range o.Deployments {
		parts = append(parts, func(ctx context.Context) { k.deployment(ctx, name) })
	}
	for _, name := range o.ConfigMaps {
		parts = append(parts, func(ctx context.Context) { k.edits(ctx, configMap(), name) })
	}
	for _, name := range o.Secrets {
		parts = append(parts, func(ctx context.Context) { k.edits(ctx, secret(), name) })
	}
	k.together(ctx, parts...)
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("kubernetes %s: looking for changes: %w", o.Name, context.Cause(ctx))
	}
	return k.told(unsure)
}

// told is what was seen. Nothing at all is an error.
func (k *chronicle) told(unsure string) ([]look.Change, []string, error) {
	if k.seen == 0 {
		return nil, nil, k.failed[0]
	}
	if unsure != "" && len(k.changes) == 0 {
		k.missing = append(k.missing, unsure)
	}
	slices.Sort(k.missing)
	for i := range k.changes {
		k.changes[i].Place = k.t.opts.Place
	}
	return k.changes, slices.Compact(k.missing), nil
}

// atOnceAsked is how many questions are open at once.
const atOnceAsked = 6

// together does parts side by side.
func (k *chronicle) together(ctx context.Context, parts ...func(context.Context)) {
	var g errgroup.Group
	g.SetLimit(atOnceAsked)
	for _, part := range parts {
		g.Go(func() error {
			part(ctx)
			return nil
		})
	}
	_ = g.Wait() // what failed is kept in the chronicle
}

// scalers fetches what tells of scaling, for all deployments.
func (k *chronicle) scalers(ctx context.Context) {
	if len(k.t.opts.Deployments) == 0 {
		return
	}
	events := act{doing: "listing events", verb: "list", resource: "events"}
	var err error
	k.events, err = pages(ctx, k.t, events, func(ctx context.Context, o metav1.ListOptions) ([]corev1.Event, string, error) {
		list, err := k.c.events().List(ctx, o)
		if err != nil {
			return nil, "", err
		}
		return list.Items, list.Continue, nil
	})
	if err != nil {
		k.miss("Scaling", events, err)
	}
	hpas := act{doing: "listing autoscalers", verb: "list", resource: "horizontalpodautoscalers.autoscaling"}
	k.autoscalers, err = pages(ctx, k.t, hpas, func(ctx context.Context, o metav1.ListOptions) ([]autoscalingv2.HorizontalPodAutoscaler, string, error) {
		list, err := k.c.autoscalers().List(ctx, o)
		if err != nil {
			return nil, "", err
		}
		return list.Items, list.Continue, nil
	})
	if err != nil {
		k.miss("Edits of autoscalers", hpas, err)
	}
}

// miss keeps what could not be seen, and why.
func (k *chronicle) miss(what string, a act, err error) {
	why := saying(err)
	if apierrors.IsForbidden(err) {
		why = k.t.ungranted(a) + "."
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.missing = append(k.missing, what+": "+why)
	k.failed = append(k.failed, err)
}

// note keeps a sentence about what is not known.
func (k *chronicle) note(sentence string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.missing = append(k.missing, sentence)
}

// saw keeps what was changed in one part, as far as it is young enough.
func (k *chronicle) saw(changes ...look.Change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen++
	for _, c := range changes {
		if !c.At.Before(k.since) {
			c.At = c.At.UTC()
			k.changes = append(k.changes, c)
		}
	}
}

// deployment tells of one deployment's rollouts and scaling.
func (k *chronicle) deployment(ctx context.Context, name string) {
	d, err := k.t.deployment(ctx, k.c, name)
	if err != nil {
		k.miss("Deployment "+name, act{verb: "get", resource: "deployments.apps"}, err)
		return
	}
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		k.miss("Rollouts of "+name, act{}, problemf("The selector of deployment %s in Kubernetes %s cannot be read.", name, k.t.opts.Place))
		return
	}
	h := &history{d: d, events: k.events}
	sets, err := k.t.replicaSets(ctx, k.c, selector.String())
	if err != nil {
		k.miss("Rollouts of "+name, act{verb: "list", resource: "replicasets.apps"}, err)
	} else {
		h.read(sets)
		k.saw(h.rollouts()...)
		for _, sentence := range h.undated(k.since) {
			k.note(sentence)
		}
	}
	k.saw(h.paused()...)
	k.saw(h.scalings(k.autoscalers)...)
	if from := k.t.opts.Now().Add(-eventsLive); k.since.Before(from) && h.scaledByItself(k.autoscalers) {
		k.note(fmt.Sprintf("What the autoscaler of %s did before %s: the cluster keeps events for about an hour.", name, clock(from)))
	}
}
