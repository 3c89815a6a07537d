package cluster

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sort"
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

// logStream is a log being read.
type logStream struct {
	c       *Cluster
	w       http.ResponseWriter
	r       *http.Request
	options logOptions
	left    int64 // bytes, or -1
	cut     <-chan struct{}
	out     *bufio.Writer
	buffer  []byte
}

// logTime is how kubelets write the time of a line: always with nine digits.
const logTime = "2006-01-02T15:04:05.000000000Z07:00"

// streamChunk is how many lines are written between two looks at whether the client is still there.
const streamChunk = 500

func (s *logStream) run(key logKey) error {
	s.w.Header().Set("Content-Type", "text/plain")
	s.w.WriteHeader(http.StatusOK)
	s.out = bufio.NewWriterSize(s.w, 64<<10)
	v, changed, over := s.look(key)
	if s.options.previous {
		return s.finish(s.write(v, s.first(v)))
	}
	l := s.c.logs.of(key)
	next := v.first + s.first(v)
	for {
		if err := s.write(v, max(next-v.first, 0)); err != nil || s.left == 0 {
			return s.finish(err)
		}
		next = max(next, v.end)
		if !s.options.follow || over {
			return s.finish(nil)
		}
		if err := s.flush(); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-s.cut:
			return errStreamEnded
		case <-s.c.done:
			return errStreamEnded
		case <-s.r.Context().Done():
			return errStreamEnded
		}
		v, changed, over = s.c.logs.viewOf(l)
	}
}

func (s *logStream) look(key logKey) (v logView, changed <-chan struct{}, over bool) {
	if s.options.previous {
		return s.c.logs.previousOf(key), nil, true
	}
	return s.c.logs.viewOf(s.c.logs.of(key))
}

// of is the log of a container; one that has written nothing has an empty one.
func (b *logbook) of(key logKey) *containerLog {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.get(key)
}

func (b *logbook) viewOf(l *containerLog) (logView, <-chan struct{}, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return l.view(), l.changed, l.over
}

func (b *logbook) previousOf(key logKey) logView {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.get(key).previous
	if p == nil {
		return logView{}
	}
	return logView{given: p, split: p.Len(), end: p.Len()}
}

// first is the line with which a stream begins.
func (s *logStream) first(v logView) int {
	from := 0
	if !s.options.since.IsZero() {
		from = sort.Search(v.Len(), func(i int) bool {
			at, _ := v.Line(i)
			return !at.Before(s.options.since)
		})
	}
	if s.options.tail >= 0 {
		from = max(from, v.Len()-int(min(s.options.tail, int64(v.Len()))))
	}
	return from
}

func (s *logStream) write(v logView, from int) error {
	for i := from; i < v.Len() && s.left != 0; i++ {
		if i%streamChunk == 0 {
			select {
			case <-s.cut:
				_ = s.out.Flush() // what was written may arrive
				return errStreamEnded
			case <-s.r.Context().Done():
				return errStreamEnded
			default:
			}
		}
		at, line := v.Line(i)
		s.buffer = s.buffer[:0]
		if s.options.timestamps {
			s.buffer = append(at.UTC().AppendFormat(s.buffer, logTime), ' ')
		}
		s.buffer = append(append(s.buffer, line...), '\n')
		if s.left > 0 {
			s.buffer = s.buffer[:min(int64(len(s.buffer)), s.left)]
			s.left -= int64(len(s.buffer))
		}
		if _, err := s.out.Write(s.buffer); err != nil {
			return errStreamEnded
		}
	}
	return nil
}

func (s *logStream) flush() error {
	if err := s.out.Flush(); err != nil {
		return errStreamEnded
	}
	if err := http.NewResponseController(s.w).Flush(); err != nil {
		return errStreamEnded
	}
	return nil
}

func (s *logStream) finish(err error) error {
	if err != nil {
		return err
	}
	return s.flush()
}
