package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/integritybot/integritybot/internal/fix"
)

// FixOptions describe how one database may be changed. The zero value of a field
// takes its default.
type FixOptions struct {
	Name  string // the target's name in the config: shop
	Place string // where it is, for people: production/shop

	// DSN is of a role as deploy/sql/target.sql makes it, on the database itself.
	DSN Secret
	// Store is an id of the bot's store, so that two bots that repair one
	// database do not take each other's plans for their own.
	Store string

	LockTimeout      time.Duration // waiting for one lock; default 1 s, and never longer
	StatementTimeout time.Duration // of one statement; default 30 s
	ConnectTimeout   time.Duration // until a session stands; default 5 s
	// ValidateTimeout bounds the proof of a foreign key, which reads the whole
	// table and blocks neither readers nor writers. Default 30 min.
	ValidateTimeout time.Duration

	// Polite holds the limits above which [Fixing.Busy] asks to wait.
	Polite Polite

	Now   func() time.Time                           // default time.Now
	Sleep func(context.Context, time.Duration) error // default a timer
}

// Validate names everything that is wrong with the options.
func (o FixOptions) Validate() error {
	var errs []error
	if o.Name == "" {
		errs = append(errs, errors.New("a Postgres target needs a name"))
	}
	if o.DSN == "" {
		errs = append(errs, fmt.Errorf("target %s has no fix_dsn", o.Name))
	}
	if o.Store == "" {
		errs = append(errs, fmt.Errorf("target %s: the id of the bot's store is missing", o.Name))
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{
		{"lock_timeout", o.LockTimeout},
		{"statement_timeout", o.StatementTimeout},
		{"connect_timeout", o.ConnectTimeout},
		{"validate_timeout", o.ValidateTimeout},
	} {
		if d.d < 0 {
			errs = append(errs, fmt.Errorf("%s is %s: it must not be negative", d.name, d.d))
		}
	}
	return errors.Join(errs...)
}

// Fixing changes one database as confirmed plans say, and remembers there what
// it did. It is the only part of this package that writes.
type Fixing struct {
	// t has the pool, the catalog and the words for errors. Its sessions are
	// read-write, unlike those of every other Target.
	t        *Target
	store    string
	validate time.Duration
}

var _ fix.Applier = (*Fixing)(nil)

// fixSessions is how many statements may be under way: plans are applied one
// batch after another, and a preview may read beside them.
const fixSessions = 2

// longestLockWait is how long a change may wait for one lock: whoever waits makes
// others wait behind it.
const longestLockWait = time.Second

// OpenFixing prepares the way to change a database. It does not connect: see
// [Fixing.Ready]. An error is a mistake in the options and shows nothing of the
// DSN.
func OpenFixing(_ context.Context, o FixOptions) (*Fixing, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("postgres target: %w", err)
	}
	orDuration(&o.ValidateTimeout, 30*time.Minute)
	o.LockTimeout = min(o.LockTimeout, longestLockWait)
	x := &Fixing{store: o.Store, validate: o.ValidateTimeout, t: &Target{opts: Options{
		Name: o.Name, Place: o.Place, DSN: o.DSN, Sessions: fixSessions,
		LockTimeout: o.LockTimeout, StatementTimeout: o.StatementTimeout, ConnectTimeout: o.ConnectTimeout,
		Polite: o.Polite, Now: o.Now, Sleep: o.Sleep,
	}.withDefaults()}}
	config, err := x.t.poolConfig()
	if err != nil {
		return nil, err
	}
	config.AfterConnect = x.prepareSession
	// The pool outlives the caller's context; Close ends it.
	x.t.pool, err = pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("postgres target %s: pool: %w", o.Name, err)
	}
	return x, nil
}

// Close ends all sessions. Applies must have ended before.
func (x *Fixing) Close() { x.t.pool.Close() }

// idleInTransaction is how long a session of ours may hold its locks while we
// are silent: shorter than a lease, so that whoever takes over need not wait.
const idleInTransaction = 10 * time.Second

// prepareSession gives a new connection the limits and the pinned text forms of
// every session, and then lets it write.
func (x *Fixing) prepareSession(ctx context.Context, conn *pgx.Conn) error {
	if err := x.t.prepareSession(ctx, conn); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, x.t.opts.ConnectTimeout)
	defer cancel()
	batch := &pgx.Batch{}
	// Not "off": whoever made the whole database read-only meant us too.
	batch.Queue("RESET default_transaction_read_only")
	batch.Queue("SELECT set_config('idle_in_transaction_session_timeout', $1, false)", millis(idleInTransaction))
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("prepare session: %w", err)
	}
	return nil
}

// Busy implements fix.Patient: it says why the database should be left alone for a
// moment. After the last batch there is nothing to wait for, nor is there where
// waiting is what the plan is to end. Errors are Problems.
func (x *Fixing) Busy(ctx context.Context, _ fix.Plan, forms []fix.Form, next *fix.Batch) (why string, err error) {
	if next == nil || signals(forms) {
		return "", nil
	}
	now, err := (&governor{t: x.t}).look(ctx)
	if err != nil {
		return "", err
	}
	return x.t.opts.Polite.reason(now), nil
}
