package cluster

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// logOptions are those of PodLogOptions.
type logOptions struct {
	container                    string
	follow, previous, timestamps bool
	since                        time.Time
	tail, limit                  int64 // -1: all
}

func (c *Cluster) logOptions(a *ask) (logOptions, error) {
	o := logOptions{
		container: a.query.Get("container"), follow: a.flag("follow"), previous: a.flag("previous"), timestamps: a.flag("timestamps"),
		tail: -1, limit: -1,
	}
	var errs field.ErrorList
	number := func(name string, least int64, text string, to func(int64)) {
		v := a.query.Get(name)
		if v == "" {
			return
		}
		n, err := strconv.ParseInt(v, 10, 64)
		switch {
		case err != nil:
			errs = append(errs, field.Invalid(field.NewPath(name), v, err.Error()))
		case n < least:
			errs = append(errs, field.Invalid(field.NewPath(name), n, text))
		default:
			to(n)
		}
	}
	number("tailLines", 0, "must be greater than or equal to 0", func(n int64) { o.tail = n })
	number("limitBytes", 1, "must be greater than 0", func(n int64) { o.limit = n })
	number("sinceSeconds", 1, "must be greater than 0", func(n int64) { o.since = c.Now().Add(-time.Duration(n) * time.Second) })
	errs = append(errs, o.sinceTime(a.query)...)
	if len(errs) > 0 {
		return o, apierrors.NewInvalid(schema.GroupKind{Kind: "PodLogOptions"}, a.name, errs)
	}
	return o, nil
}

func (o *logOptions) sinceTime(query url.Values) field.ErrorList {
	v := query.Get("sinceTime")
	if v == "" {
		return nil
	}
	if query.Has("sinceSeconds") {
		return field.ErrorList{field.Forbidden(field.NewPath(""), "at most one of `sinceTime` or `sinceSeconds` may be specified")}
	}
	since, err := time.Parse(time.RFC3339, v)
	if err != nil {
		return field.ErrorList{field.Invalid(field.NewPath("sinceTime"), v, err.Error())}
	}
	o.since = since.Truncate(time.Second) // as it is passed on to the kubelet
	return nil
}

func (c *Cluster) serveLog(w http.ResponseWriter, r *http.Request, a *ask, k *kind) error {
	o, err := c.logOptions(a)
	if err != nil {
		return err
	}
	c.mu.Lock()
	found, err := c.get(k, a.place())
	c.mu.Unlock()
	if err != nil {
		return err
	}
	p, _ := found.(*corev1.Pod)
	if o.container, err = containerOf(p, o.container); err != nil {
		return err
	}
	if err := readable(p, o); err != nil {
		return err
	}
	c.logs.stream(1)
	defer c.logs.stream(-1)
	s := &logStream{c: c, w: w, r: r, options: o, left: o.limit, cut: c.faults.cut()}
	return s.run(logKey{a.place(), o.container})
}

func containerOf(p *corev1.Pod, name string) (string, error) {
	var names []string
	for _, container := range p.Spec.Containers {
		names = append(names, container.Name)
	}
	if name == "" && len(names) == 1 {
		return names[0], nil
	}
	if name == "" {
		if usual := p.Annotations["kubectl.kubernetes.io/default-container"]; slices.Contains(names, usual) {
			return usual, nil
		}
		return "", apierrors.NewBadRequest(fmt.Sprintf("a container name must be specified for pod %s, choose one of: [%s]", p.Name, strings.Join(names, " ")))
	}
	if !slices.Contains(names, name) {
		return "", apierrors.NewBadRequest(fmt.Sprintf("container %s is not valid for pod %s", name, p.Name))
	}
	return name, nil
}

// readable refuses, in the kubelet's words, logs of containers that have not started.
func readable(p *corev1.Pod, o logOptions) error {
	if p.Spec.NodeName == "" {
		return nil // there is no kubelet to ask: the real one answers with nothing
	}
	for _, s := range p.Status.ContainerStatuses {
		if s.Name != o.container {
			continue
		}
		if o.previous && s.LastTerminationState.Terminated == nil {
			return apierrors.NewBadRequest(fmt.Sprintf("previous terminated container %q in pod %q not found", o.container, p.Name))
		}
		if !o.previous && s.State.Waiting != nil && s.LastTerminationState.Terminated == nil {
			if s.State.Waiting.Message != "" && s.State.Waiting.Reason != "ContainerCreating" {
				return apierrors.NewBadRequest(fmt.Sprintf("container %q in pod %q is waiting to start: trying and failing to pull image", o.container, p.Name))
			}
			return apierrors.NewBadRequest(fmt.Sprintf("container %q in pod %q is waiting to start: %s", o.container, p.Name, s.State.Waiting.Reason))
		}
		return nil
	}
	return apierrors.NewBadRequest(fmt.Sprintf("container %q in pod %q is not available", o.container, p.Name))
}
