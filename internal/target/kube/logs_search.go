package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/integritybot/integritybot/internal/check"
)

// LogQuery says which lines are looked for.
type LogQuery struct {
	// Grep is a regular expression (RE2); empty: the configured one of errors, or of
	// errors in events.
	Grep   string
	Events bool
	Since  time.Time
	// NoLines forbids that lines are kept to be shown: only patterns are.
	NoLines bool
}

// LogResult is what was found. Its counts are exact for what was read.
type LogResult struct {
	Pattern       string // the regular expression that was used
	Pods          int    // whose log was read
	Streams       int    // logs that were read, those of instances before with them
	Before        int    // of those, logs of instances before
	Lines, Bytes  int64  // read
	Matched, Long int64  // lines; Long are longer than what is searched of a line
	Groups        []LogGroup
	// Other are the lines of patterns beyond the bound; nil: there is none.
	Other *LogGroup
	// Missing says what was not read, one sentence each.
	Missing []string

	names []string
	pods  []podSeen
	kept  kept
}

var errTimeOver = errors.New("the time for reading is over")

// search is one search in one cluster.
type search struct {
	t      *Target
	c      *clients
	filter filter
	since  time.Time
	tally  *tally
	tell   func(check.Progress)

	lines, bytes, matched, long atomic.Int64
	done                        atomic.Int64
	full                        atomic.Bool // as many lines as may be were read

	mu     sync.Mutex
	read   map[int]bool // pods whose log was read
	opened int
	before int
	faults faults
}

// SearchLogs reads the logs of all pods of the configured deployments and counts
// the lines that match, by what they say. An error is a check.Problem: nothing
// was read.
func (t *Target) SearchLogs(ctx context.Context, q LogQuery, tell func(check.Progress)) (LogResult, error) {
	pattern := t.pattern(q)
	matching, err := newFilter(pattern)
	if err != nil {
		return LogResult{}, &check.Problem{Sentence: fmt.Sprintf("%s is no regular expression (%s).", clipped(pattern), clipped(err.Error())), Err: err}
	}
	c, err := t.reading()
	if err != nil {
		return LogResult{}, err
	}
	unsure, err := t.inNamespace(ctx, c)
	if err != nil {
		return LogResult{}, err
	}
	from, err := t.findPods(ctx, c, q.Since)
	if err != nil {
		return LogResult{}, err
	}
	if len(from.streams) == 0 {
		return LogResult{}, t.nothing(unsure, from)
	}
	s := &search{t: t, c: c, filter: matching, since: q.Since, tell: tell, read: map[int]bool{}, tally: newTally(from.pods, !q.NoLines)}
	if err := s.run(ctx, from.streams); err != nil {
		return LogResult{}, err
	}
	out := s.result(from)
	out.Pattern = pattern
	return out, nil
}

func (t *Target) pattern(q LogQuery) string {
	switch {
	case q.Grep != "":
		return q.Grep
	case q.Events:
		return t.opts.Logs.Events
	}
	return t.opts.Logs.Errors
}

// nothing is the problem that there is no log at all.
func (t *Target) nothing(unsure string, from source) error {
	why := unsure
	if len(from.missing) > 0 {
		why = from.missing[0]
	}
	return problemf("There is no log to read in Kubernetes %s. %s", t.opts.Place, why)
}

// run reads all logs. It ends a little before the time for the look is over, so
// that what was read until then can be told.
func (s *search) run(ctx context.Context, streams []stream) error {
	reading, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		timer := time.AfterFunc(left-min(left/10, 5*time.Second), func() { cancel(errTimeOver) })
		defer timer.Stop()
	}
	var g errgroup.Group
	g.SetLimit(s.t.opts.Logs.Streams)
	for i := range streams {
		one := &streams[i]
		g.Go(func() error {
			s.container(reading, one)
			s.tell(check.Progress{Done: s.done.Add(1), Total: int64(len(streams)), Reading: "logs"})
			return nil
		})
	}
	_ = g.Wait() // what a log did not say is among the faults
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("kubernetes %s: reading logs: %w", s.t.opts.Name, context.Cause(ctx))
	}
	if s.opened == 0 {
		return s.faults.problem(s.t.opts.Place)
	}
	return nil
}

// container reads the logs of one container, the instance before first: if it is
// started again meanwhile, nothing is read twice.
func (s *search) container(ctx context.Context, one *stream) {
	select {
	case s.t.slots <- struct{}{}:
		defer func() { <-s.t.slots }()
	case <-ctx.Done():
		s.fault(fault{stream: one, kind: unread, err: context.Cause(ctx)})
		return
	}
	seq := int64(0)
	if one.previous {
		s.instance(ctx, one, true, &seq)
	}
	if one.current {
		s.instance(ctx, one, false, &seq)
	}
	s.tally.ended(one.podIndex, seq)
}

// instance reads one log to its end.
func (s *search) instance(ctx context.Context, one *stream, previous bool, seq *int64) {
	if s.full.Load() {
		s.fault(fault{stream: one, kind: unread})
		return
	}
	log, err := s.open(ctx, one, previous)
	if err != nil {
		s.fault(s.unopened(ctx, one, previous, err))
		return
	}
	defer log.close()
	s.mu.Lock()
	s.opened++
	s.read[one.podIndex] = true
	if previous {
		s.before++
	}
	s.mu.Unlock()
	span, err := s.drain(log, one, seq)
	switch {
	case err != nil && context.Cause(ctx) != nil:
		s.fault(fault{stream: one, kind: half, err: context.Cause(ctx)})
	case err != nil:
		s.fault(fault{stream: one, kind: broken, err: log.cause(err), lines: span.lines, at: span.last})
	case s.full.Load() && !span.whole:
		s.fault(fault{stream: one, kind: half})
	case !previous && span.rotated(s.since, one.started):
		s.fault(fault{stream: one, kind: rotated, at: span.first})
	}
}

// span is what was read of one log.
type span struct {
	lines       int64
	first, last time.Time
	whole       bool
}

// drain reads lines until the log ends, breaks, or enough is read.
func (s *search) drain(log *openLog, one *stream, seq *int64) (sp span, err error) {
	r, m := newLineReader(log), matcher{filter: s.filter}
	var bytes, matched, long int64
	var last []byte
	defer func() {
		s.bytes.Add(bytes)
		s.matched.Add(matched)
		s.long.Add(long)
		sp.last = line{stamp: last}.at()
	}()
	for {
		l, err := r.next()
		if err != nil {
			sp.whole = errors.Is(err, io.EOF)
			if sp.whole {
				err = nil
			}
			return sp, err
		}
		if s.lines.Add(1) > s.t.opts.Logs.MaxLines {
			s.lines.Add(-1)
			s.full.Store(true)
			return sp, nil
		}
		*seq++
		sp.lines++
		bytes += l.size
		last = append(last[:0], l.stamp...)
		if sp.lines == 1 {
			sp.first = l.at()
		}
		if l.size > keptBytes {
			long++
		}
		if m.match(l.text) {
			matched++
			s.tally.hit(one, *seq, l)
		}
	}
}

// rotated tells that a log probably lost its beginning: it was written to before,
// at a steady pace, and yet begins well after the time that was asked for. The
// kubelet gives only the file that is being written.
func (sp span) rotated(since, started time.Time) bool {
	if sp.lines < 100 || sp.first.IsZero() || started.IsZero() || !started.Before(since) {
		return false
	}
	pace := sp.last.Sub(sp.first) / time.Duration(sp.lines-1)
	return sp.first.Sub(since) > 20*pace+time.Minute
}

func (s *search) fault(f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

func (s *search) result(from source) LogResult {
	out := LogResult{
		Pods: len(s.read), Streams: s.opened, Before: s.before,
		Lines: s.lines.Load(), Bytes: s.bytes.Load(), Matched: s.matched.Load(), Long: s.long.Load(),
		names: from.pods, pods: s.tally.pods, kept: s.tally.kept,
	}
	out.Groups, out.Other = s.tally.ranking()
	out.Missing = append(from.missing, s.faults.sentences(s, len(from.streams))...)
	return out
}
