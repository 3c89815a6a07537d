package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// What a check of locks takes for too long when its config does not say.
const (
	defaultMaxWait = 5 * time.Second
	defaultMaxIdle = 5 * time.Minute
)

// Blocking declares that no session waits for a lock for longer than so long, and
// that none keeps a transaction open without working. It judges the sessions of
// the target's own database, and whoever they wait for.
type Blocking struct {
	MaxWait *declare.Duration `yaml:"max_wait"` // default 5 s
	// MaxTransaction is how old a transaction may be; default off.
	MaxTransaction *declare.Duration `yaml:"max_transaction"`
	// MaxIdle is how long a session may sit inside of one; 0: off. Default 5 min.
	MaxIdle *declare.Duration `yaml:"max_idle_in_transaction"`
	// Tables are those of which the overview shows who writes to them just now.
	Tables declare.Names `yaml:"tables"`
	// Ignore are applications whose sessions may wait and sit. One that blocks
	// others still counts.
	Ignore declare.Names `yaml:"ignore"`
}

// Faults implements declare.Words.
func (w *Blocking) Faults(bad declare.Bad) {
	for _, one := range []struct {
		word string
		d    *declare.Duration
	}{{"max_wait", w.MaxWait}, {"max_transaction", w.MaxTransaction}, {"max_idle_in_transaction", w.MaxIdle}} {
		if one.d != nil && *one.d < 0 {
			bad(one.word, "%s is %s: it must not be negative", one.word, one.d.Std())
		}
	}
	if slices.Contains(w.Tables, "") {
		bad("tables", "tables has an empty name")
	}
	if slices.Contains(w.Ignore, ApplicationName) {
		bad("ignore", "ignore names %s: the bot's own sessions are never judged", ApplicationName)
	}
}

// Validate implements Declaration.
func (w *Blocking) Validate(ctx context.Context, t *Target) error {
	t = t.itself()
	for _, name := range w.Tables {
		if _, err := t.unlocked(ctx, name); err != nil {
			return err
		}
	}
	look, err := t.lookAtLocks(ctx)
	if err != nil {
		return err
	}
	if w.needsStates() {
		return look.blind()
	}
	return nil
}

// Detector implements Declaration.
func (w *Blocking) Detector(t *Target) check.Detector { return &blockingDetector{w, t.itself()} }

// needsStates tells whether the check judges what only pg_read_all_stats shows.
func (w *Blocking) needsStates() bool { return w.maxIdle() > 0 || w.maxTransaction() > 0 }

func (w *Blocking) maxWait() time.Duration        { return durationOr(w.MaxWait, defaultMaxWait) }
func (w *Blocking) maxIdle() time.Duration        { return durationOr(w.MaxIdle, defaultMaxIdle) }
func (w *Blocking) maxTransaction() time.Duration { return durationOr(w.MaxTransaction, 0) }

func durationOr(d *declare.Duration, otherwise time.Duration) time.Duration {
	if d == nil {
		return otherwise
	}
	return d.Std()
}
