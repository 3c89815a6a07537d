package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
)

// ErrSplit is what a walk's read function returns to be called again with
// smaller ranges: too many suspects for one chunk. Not when Range.Whole is set.
var ErrSplit = errors.New("chunk holds too much")

// ErrSnapshot ends a Snapshot walk that cannot go on in one snapshot.
var ErrSnapshot = errors.New("the shared snapshot was given up")

// part is one range that was read, with what was read from it.
type part[T any] struct {
	span  Range
	value T
}

// Walk reads a table chunk by chunk. read gets a session and a range and must
// have no effect but its result: it runs side by side with itself at full
// speed, and is called again with halves when it times out. accept gets the
// results in the order of the ranges, from one goroutine, together with the
// position to put into a cursor.
func Walk[T any](ctx context.Context, r *Reader, span Span,
	read func(context.Context, *Session, Range) (T, error),
	accept func(context.Context, T, Position) error,
) error {
	if span.From.Done {
		return nil
	}
	if err := span.check(r.t); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &walk[T]{r: r, span: &span, read: read, pace: newPace(r, &span)}
	defer w.close()
	defer cancel() // first: readers end before their sessions are given back
	if err := w.open(ctx); err != nil {
		return err
	}
	return w.run(ctx, accept)
}

// check refuses what cannot be walked.
func (s Span) check(t *Target) error {
	if len(s.Key) > 0 {
		return nil
	}
	t.mu.Lock()
	version := t.version
	t.mu.Unlock()
	switch {
	case version != 0 && version < 140000:
		return &check.Problem{Sentence: fmt.Sprintf("Table %s on Postgres %s can only be read by physical pages, which needs version 14 or later.", s.Table, t.opts.Place)}
	case s.Table.Kind == "p" || s.Table.Inherited:
		return &check.Problem{Sentence: fmt.Sprintf("Table %s on Postgres %s is partitioned and has no usable key: name one in key.", s.Table, t.opts.Place)}
	}
	return nil
}

// walk is one walk under way.
type walk[T any] struct {
	r     *Reader
	span  *Span
	read  func(context.Context, *Session, Range) (T, error)
	pace  *pace
	queue []chan outcome[T] // ranges being read, in order

	next   Position   // where the next range begins
	shared []*Session // one per worker in a Snapshot walk
	idle   chan *Session
}

type outcome[T any] struct {
	parts []part[T]
	err   error
}

func (w *walk[T]) open(ctx context.Context) error {
	w.next = w.span.From
	if !w.snapshot() {
		return nil
	}
	shared, err := w.r.t.together(ctx, w.r.slots(), w.r.workers(), w.r.timeout())
	if err != nil {
		return err
	}
	w.shared = shared
	w.idle = make(chan *Session, len(shared))
	for _, s := range shared {
		w.idle <- s
	}
	return nil
}

func (w *walk[T]) snapshot() bool { return w.span.Snapshot && len(w.span.Key) == 0 }

// close waits for the readers that are still under way.
func (w *walk[T]) close() {
	for _, q := range w.queue {
		<-q
	}
	w.queue = nil
	if w.shared != nil {
		w.r.t.apart(w.shared)
	}
}

func (w *walk[T]) run(ctx context.Context, accept func(context.Context, T, Position) error) error {
	w.r.Reading(w.span.Table)
	for {
		for len(w.queue) < w.r.workers() && !w.next.Done {
			if err := w.begin(ctx); err != nil {
				return err
			}
		}
		if len(w.queue) == 0 {
			return nil
		}
		got := <-w.queue[0]
		w.queue = w.queue[1:]
		for _, p := range got.parts {
			if err := accept(ctx, p.value, p.span.end(w.pace.rows())); err != nil {
				return err
			}
		}
		if got.err != nil {
			return got.err
		}
		w.r.tell()
		if !w.r.opts.Full {
			if err := w.r.gov.after(ctx, w.pace.last(), w.r.aim()); err != nil {
				return err
			}
		}
	}
}

// begin finds the next range and reads it beside those under way.
func (w *walk[T]) begin(ctx context.Context) error {
	next, err := w.following(ctx, w.next, Range{to: -1}, w.pace.rows())
	if err != nil {
		return err
	}
	w.next = next.end(0)
	done := make(chan outcome[T], 1)
	w.queue = append(w.queue, done)
	go func() {
		parts, err := w.attempt(ctx, next)
		done <- outcome[T]{parts, err}
	}()
	return nil
}

// following is the range of about that many rows behind a position, not beyond
// the end of within.
func (w *walk[T]) following(ctx context.Context, at Position, within Range, rows int64) (Range, error) {
	if len(w.span.Key) == 0 {
		return w.followingPages(ctx, at, within, rows)
	}
	for {
		next, err := w.probe(ctx, at, within, rows)
		if rows <= 1 || !timedOut(err) {
			return next, err
		}
		w.pace.shrink()
		rows /= 2
	}
}

// probe finds the key that many rows further on. It is an index-only scan of at
// most one chunk.
func (w *walk[T]) probe(ctx context.Context, at Position, within Range, rows int64) (Range, error) {
	next := Range{span: w.span, lo: at.After, hi: within.hi, to: -1, Whole: rows <= 1}
	lower, args := Range{span: w.span, lo: at.After, hi: within.hi}.Where("t", 1)
	err := w.r.Each(ctx, rows <= 1, fmt.Sprintf("SELECT %s FROM %s t WHERE %s ORDER BY %s OFFSET %d LIMIT 1",
		texts("t", w.span.Key), w.span.Table.SQL(), lower, list("t", w.span.Key), max(rows, 1)-1), args,
		func(found pgx.Rows) error {
			next.hi = make([]string, len(w.span.Key))
			return found.Scan(pointers(next.hi)...)
		})
	return next, err
}

// followingPages is the same for pages. The last range has no end, so that it
// sees what the table has grown by.
func (w *walk[T]) followingPages(ctx context.Context, at Position, within Range, rows int64) (Range, error) {
	next := Range{span: w.span, from: at.Page, to: within.to}
	pages := max(1, int64(float64(rows)/w.span.Table.RowsPerPage()))
	next.Whole = pages == 1
	end := within.to
	if end < 0 && !w.snapshot() {
		if err := w.r.Each(ctx, false, "SELECT pg_relation_size($1::oid) / current_setting('block_size')::bigint",
			[]any{w.span.Table.OID}, func(found pgx.Rows) error { return found.Scan(&end) }); err != nil {
			return next, err
		}
	} else if end < 0 {
		end = w.span.Table.Pages
	}
	if at.Page+pages+pages/4 < end {
		next.to = at.Page + pages
	}
	return next, nil
}

// attempt reads a range, in smaller and smaller ones when it times out or holds
// too much.
func (w *walk[T]) attempt(ctx context.Context, whole Range) ([]part[T], error) {
	value, err := w.once(ctx, whole, w.r.timeout())
	if err == nil {
		return []part[T]{{whole, value}}, nil
	}
	if !timedOut(err) && !errors.Is(err, ErrSplit) {
		return nil, err
	}
	if w.snapshot() {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if whole.Whole {
		return w.lastResort(ctx, whole, err)
	}
	w.pace.shrink()
	var parts []part[T]
	for at := whole.begin(); ; {
		next, err := w.following(ctx, at, whole, w.pace.rows())
		if err != nil {
			return parts, err
		}
		sub, err := w.attempt(ctx, next)
		parts = append(parts, sub...)
		if err != nil || next.endsWith(whole) {
			return parts, err
		}
		at = next.end(0)
	}
}

// lastResort gives a range that cannot be made smaller all the time there is.
func (w *walk[T]) lastResort(ctx context.Context, whole Range, err error) ([]part[T], error) {
	if errors.Is(err, ErrSplit) || w.r.timeout() >= w.r.t.opts.StatementTimeout {
		return nil, err
	}
	value, err := w.once(ctx, whole, w.r.t.opts.StatementTimeout)
	if err != nil {
		return nil, err
	}
	return []part[T]{{whole, value}}, nil
}

// once reads a range in one go and takes the time.
func (w *walk[T]) once(ctx context.Context, rng Range, timeout time.Duration) (value T, err error) {
	s, err := w.session(ctx, timeout)
	if err != nil {
		return value, err
	}
	defer w.done(s)
	began := w.r.t.opts.Now()
	value, err = w.read(ctx, s, rng)
	if err == nil {
		w.pace.took(w.r.t.opts.Now().Sub(began), rng)
	}
	return value, err
}

func (w *walk[T]) session(ctx context.Context, timeout time.Duration) (*Session, error) {
	if w.shared == nil {
		return w.r.t.session(ctx, w.r.slots(), timeout)
	}
	select {
	case s := <-w.idle:
		return s, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *walk[T]) done(s *Session) {
	if w.shared == nil {
		s.Release()
		return
	}
	w.idle <- s
}

// begin is the position before the range.
func (r Range) begin() Position { return Position{After: r.lo, Page: r.from} }

// endsWith tells whether both ranges have the same end.
func (r Range) endsWith(o Range) bool {
	if len(r.span.Key) == 0 {
		return r.to == o.to
	}
	if r.hi == nil || o.hi == nil {
		return r.hi == nil && o.hi == nil
	}
	return strings.Join(r.hi, "\x00") == strings.Join(o.hi, "\x00")
}
