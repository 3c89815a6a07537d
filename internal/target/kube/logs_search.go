package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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
	opened := time.Now()
	log, err := s.open(ctx, one, logFrom{previous: previous, since: s.since})
	if err != nil {
		s.fault(s.unopened(ctx, one, previous, err))
		return
	}
	s.began(one, previous)
	span, err := s.drain(log, one, seq)
	log.close()
	switch {
	case err != nil && context.Cause(ctx) != nil:
		s.fault(fault{stream: one, kind: half, err: context.Cause(ctx)})
	case err != nil:
		s.fault(fault{stream: one, kind: broken, err: log.cause(err), lines: span.lines, at: span.last})
	case s.full.Load() && !span.whole:
		s.fault(fault{stream: one, kind: half})
	case span.open, s.goesOn(ctx, one, previous, span, opened):
		s.fault(fault{stream: one, kind: broken, lines: span.lines, at: span.last})
	case !previous && span.rotated(s.since, one.started):
		s.fault(fault{stream: one, kind: rotated, at: span.first})
	}
}

// began counts a log that could be opened.
func (s *search) began(one *stream, previous bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	s.read[one.podIndex] = true
	if previous {
		s.before++
	}
}

// span is what was read of one log.
type span struct {
	lines       int64
	first, last time.Time
	whole       bool // it was read to its end
	open        bool // its last line has no end
}

// drain reads lines until the log ends, breaks, or enough is read.
func (s *search) drain(log *openLog, one *stream, seq *int64) (span, error) {
	r := newLineReader(log)
	d := drain{s: s, one: one, m: matcher{filter: s.filter}, seq: seq}
	defer d.sum()
	for {
		l, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			d.whole = true
			return d.ended(), nil
		case err != nil:
			return d.ended(), err
		case l.open && len(l.stamp) == 0:
			d.open = true // the beginning of a time is no line
		case !d.take(l):
			return d.ended(), nil
		}
	}
}

// drain is one log that is being counted.
type drain struct {
	span
	s    *search
	one  *stream
	m    matcher
	seq  *int64 // within the container
	last []byte // the time of the last line

	bytes, matched, long int64
}

// take counts one line, unless enough lines were read.
func (d *drain) take(l line) bool {
	if d.s.lines.Add(1) > d.s.t.opts.Logs.MaxLines {
		d.s.lines.Add(-1)
		d.s.full.Store(true)
		return false
	}
	*d.seq++
	d.lines++
	d.open = l.open
	d.bytes += l.size
	d.last = append(d.last[:0], l.stamp...)
	if d.lines == 1 {
		d.first = l.at()
	}
	if l.size > keptBytes {
		d.long++
	}
	if d.m.match(l.text) {
		d.matched++
		d.s.tally.hit(d.one, *d.seq, l)
	}
	return true
}

func (d *drain) ended() span {
	d.span.last = line{stamp: d.last}.at()
	return d.span
}

// sum adds what was counted to what others count.
func (d *drain) sum() {
	d.s.bytes.Add(d.bytes)
	d.s.matched.Add(d.matched)
	d.s.long.Add(d.long)
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
	out.Missing = slices.Concat(from.missing, s.faults.sentences(s, len(from.streams)))
	return out
}
