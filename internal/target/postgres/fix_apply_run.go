package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/internal/fix"
)

const (
	// waits is how many lock time-outs a batch may spend waiting in all.
	waits = 3
	// longAtom is what the changes of an atom take at most when nothing is in their
	// way; what takes longer counts as waiting.
	longAtom = 50 * time.Millisecond
	// noWait is how long to wait for a lock when patience is over.
	noWait = 5 * time.Millisecond
)

// run makes what can be made of the batch.
func (w *work) run(ctx context.Context) error {
	alone := false
	err := w.guarded(ctx, "ib_all", func() error { return w.attempt(ctx, w.atoms, false) })
	switch {
	case err == nil:
	case refusedRow(err):
		// One row stands in the way of all: find it by making one after another.
		for _, i := range w.open(w.atoms) {
			w.again(w.fates[i].atom)
		}
		alone = true
	default:
		return err
	}
	return w.singles(ctx, func(a *atom) bool { return (alone && w.wanted(a)) || (w.pass > 1 && w.retryable(a)) })
}

// singles makes atoms one after another. When they have waited for locks for long
// enough in all, the rest must do without waiting.
func (w *work) singles(ctx context.Context, again func(*atom) bool) error {
	w.alone = true
	defer func() { w.alone = false }()
	patience := waits * w.x.t.opts.LockTimeout
	for i, a := range w.atoms {
		if !again(a) {
			continue
		}
		if w.waited >= patience {
			rest := w.atoms[i:]
			return w.withLockTimeout(ctx, noWait, func() error {
				for _, a := range rest {
					if !again(a) {
						continue
					}
					if err := w.single(ctx, a, false); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := w.single(ctx, a, w.pass > 1); err != nil {
			return err
		}
	}
	return nil
}

// wanted tells whether nothing speaks against an atom so far.
func (w *work) wanted(a *atom) bool { return len(w.open([]*atom{a})) > 0 }

// retryable tells whether an atom was left alone for what may pass.
func (w *work) retryable(a *atom) bool {
	found := false
	for _, i := range a.changes {
		switch f := w.fates[i]; f.why {
		case fix.WhyLocked, fix.WhyDependant:
			found = true
		case fix.WhyGroup:
			if !f.tried {
				return false
			}
		case "":
		default:
			return false
		}
	}
	return found
}

// single makes one atom, waiting for its locks in the second pass. A row that the
// database refuses costs nothing but its atom.
func (w *work) single(ctx context.Context, a *atom, wait bool) error {
	began := w.x.t.opts.Now()
	w.again(a)
	err := w.guarded(ctx, "ib_atom", func() error { return w.attempt(ctx, []*atom{a}, wait) })
	if took := w.x.t.opts.Now().Sub(began); took > longAtom {
		w.waited += took
	}
	switch {
	case err == nil:
		return nil
	case lockNotAvailable(err):
		w.leave(a, fix.WhyLocked)
		return nil
	case refusedRow(err):
		w.leave(a, fix.WhyTaken)
		return nil
	}
	return err
}

// attempt judges and then makes atoms together. What turns out to be held by rows
// that are left, or to need locks that others have, is taken out and the rest
// is made anew: each round has fewer changes. What was held only by rows that are
// gone now is made then.
func (w *work) attempt(ctx context.Context, atoms []*atom, wait bool) error {
	if err := w.judge(ctx, w.open(atoms), wait); err != nil {
		return err
	}
	for changes := w.open(atoms); len(changes) > 0; changes = w.open(atoms) {
		clean, err := w.round(ctx, changes)
		if err != nil {
			return err
		}
		if clean && slices.ContainsFunc(changes, func(i int) bool { return w.fates[i].made }) {
			for _, i := range changes {
				if w.fates[i].why == fix.WhyDependant {
					w.again(w.fates[i].atom)
				}
			}
		}
	}
	return nil
}

// errUnclean ends a round whose writes have to be taken back.
var errUnclean = errors.New("some of it was left alone")

// round writes changes. If one of an atom is left alone, it takes all back, and
// says that it was not clean.
func (w *work) round(ctx context.Context, changes []int) (clean bool, err error) {
	err = w.guarded(ctx, "ib_round", func() error { return w.writeAll(ctx, changes) })
	for _, i := range changes {
		if f := &w.fates[i]; err != nil {
			f.made, f.before, f.after = false, nil, nil
		}
	}
	for _, i := range changes {
		if f := &w.fates[i]; f.why != "" {
			w.leave(f.atom, fix.WhyGroup)
		}
	}
	if errors.Is(err, errUnclean) {
		return false, nil
	}
	return err == nil, err
}

func (w *work) writeAll(ctx context.Context, changes []int) error {
	unclean := false
	for _, step := range w.steps(changes) {
		left, err := w.write(ctx, step)
		if lockNotAvailable(err) && !w.alone {
			// At least one waits for a lock on a row that refers to it, or that it
			// refers to. The second pass finds out which.
			for _, i := range step {
				w.fates[i].why = fix.WhyLocked
			}
			return errUnclean
		}
		if err != nil {
			return err
		}
		for _, i := range left {
			unclean = unclean || len(w.fates[i].atom.changes) > 1
		}
	}
	if unclean {
		return errUnclean
	}
	return nil
}

// guarded does something as if it were a transaction of its own.
func (w *work) guarded(ctx context.Context, name string, do func() error) error {
	if err := w.exec(ctx, "SAVEPOINT "+name); err != nil {
		return err
	}
	err := do()
	if err == nil {
		return w.exec(ctx, "RELEASE "+name)
	}
	var refused *pgconn.PgError
	if errors.Is(err, errUnclean) || (errors.As(err, &refused) && !ended(refused)) {
		if back := w.exec(ctx, "ROLLBACK TO "+name+"; RELEASE "+name); back != nil {
			return back
		}
	}
	return err
}
