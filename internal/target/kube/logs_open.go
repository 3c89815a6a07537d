package kube

import (
	"context"
	"errors"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var errQuiet = errors.New("the log was silent for too long")

// openLog is one log that is being read. It ends by itself if nothing comes for
// as long as a question may take: a log that is not followed is sent at once.
type openLog struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	quiet  *time.Timer
	limit  time.Duration
	body   io.ReadCloser
}

// logFrom says which part of a log is asked for.
type logFrom struct {
	previous bool
	since    time.Time
	limit    *int64 // bytes; nil: all
}

// open asks for a log.
func (s *search) open(ctx context.Context, one *stream, from logFrom) (*openLog, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	l := &openLog{ctx: ctx, cancel: cancel, limit: s.t.opts.Timeout}
	l.quiet = time.AfterFunc(l.limit, func() { cancel(errQuiet) })
	since := metav1.NewTime(from.since)
	body, err := s.c.log(ctx, one.pod, &corev1.PodLogOptions{
		Container: one.container, Previous: from.previous, SinceTime: &since, Timestamps: true, LimitBytes: from.limit,
	})
	if err != nil {
		err = l.cause(err)
		l.quiet.Stop()
		cancel(nil)
		return nil, err
	}
	l.body = body
	return l, nil
}

// Read gives what has come.
func (l *openLog) Read(p []byte) (int, error) {
	l.quiet.Reset(l.limit)
	return l.body.Read(p)
}

// cause is why it ended: an end of ours, or the error itself.
func (l *openLog) cause(err error) error {
	if ours := context.Cause(l.ctx); ours != nil {
		return ours
	}
	return err
}

func (l *openLog) close() {
	l.quiet.Stop()
	l.cancel(nil)
	_ = l.body.Close() // it is read, or given up
}

// unopened says what it means that a log was not given.
func (s *search) unopened(ctx context.Context, one *stream, previous bool, err error) fault {
	f := fault{stream: one, kind: refused}
	switch {
	case context.Cause(ctx) != nil:
		f.kind, f.err = unread, context.Cause(ctx)
		return f
	case apierrors.IsNotFound(err) && !previous:
		f.kind = vanished
	case previous && (apierrors.IsNotFound(err) || apierrors.IsBadRequest(err)):
		f.kind = gone
	case errors.Is(err, errQuiet):
		err = context.DeadlineExceeded
	}
	f.err = s.t.problem(ctx, act{doing: "reading a log", verb: "get", resource: "pods/log", name: one.pod}, err)
	return f
}

// How it is made sure that a log was given to its end: what is younger than skew is
// not judged, because the clocks of nodes differ, and so much is read again at most.
const (
	skew      = 10 * time.Second
	rereadMax = 1 << 20
)

// goesOn tells that a log goes on behind what was read of it, with lines that were
// there when it was opened. When a node breaks off, the API server ends its
// answer as if that were all (it ignores the error of its copy), so that only
// asking again tells.
func (s *search) goesOn(ctx context.Context, one *stream, previous bool, sp span, opened time.Time) bool {
	if !sp.last.Before(opened.Add(-skew)) {
		return false
	}
	limit := int64(rereadMax)
	log, err := s.open(ctx, one, logFrom{previous: previous, since: latest(s.since, sp.last), limit: &limit})
	if err != nil {
		return false // it is gone: there is nothing to compare with
	}
	defer log.close()
	for r := newLineReader(log); ; {
		l, err := r.next()
		if err != nil {
			return false
		}
		if at := l.at(); at.After(sp.last) {
			return at.Before(opened.Add(-skew))
		}
	}
}
