// Package postgres reads one Postgres database for the checks that live in it,
// and promises not to hurt the database it looks at: every session is
// read-only, has time-outs, reads in chunks of a fraction of a second, and the
// number of statements under way is bounded for all checks together.
//
// It must never write (only a [Fixing] does, and only what a confirmed plan says,
// through sessions of its own), never hold a snapshot longer than one chunk (the one
// exception, at full speed, is bounded and described at Span.Snapshot), never
// turn a database that did not answer into an empty result, and never let a
// DSN into an error, a log or a message.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/semaphore"
)

// Secret is text that prints as a mask wherever it is printed.
type Secret string

// String is a mask.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[hidden]"
}

// GoString is a mask, for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText is a mask, for JSON, YAML and structured logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Options describe one database. The zero value of a field takes its default.
type Options struct {
	Name  string // the target's name in the config: shop
	Place string // where it is, for people: production/shop

	DSN     Secret // the database itself
	ReadDSN Secret // a replica to read from; empty: the database itself

	// Sessions is how many statements a full-speed check may have under way,
	// for all checks of this target together. Default 2. Polite checks share
	// one more.
	Sessions         int
	StatementTimeout time.Duration // of one statement; default 30 s
	LockTimeout      time.Duration // waiting for a lock; default 1 s
	ConnectTimeout   time.Duration // until a session stands; default 5 s
	WorkMem          string        // work_mem of a session; default 64MB

	// AllowSuperuser lets checks of kind query run as a superuser, which their
	// guard then cannot stop from reading everything.
	AllowSuperuser bool

	SecondLook time.Duration // how long a suspect is left alone; default 250 ms
	SaveEvery  time.Duration // how often a run without findings saves; default 2 s

	Polite Polite

	chunkRows int64 // rows of a chunk at most, so that tests see many; 0: no such limit

	Now   func() time.Time                           // default time.Now
	Sleep func(context.Context, time.Duration) error // default a timer
}

// Polite is how a check behaves towards a database that is busy serving
// people. Limits of 0 take their default; negative ones switch the look off.
type Polite struct {
	StatementTarget  time.Duration // how long one statement should take; default 250 ms
	StatementTimeout time.Duration // how long it may take at most; default 1 s
	// NiceRatio is how long to sleep after a chunk, as a share of the time the
	// chunk took. Default 0.5.
	NiceRatio float64
	// BusyRatio is the same while others are at work: half a session of others
	// on average or more. With less it is in between. Default 19, a twentieth
	// of the time; never less than NiceRatio.
	BusyRatio float64

	MaxReplicaLag      time.Duration // default 5 s
	MaxActive          int           // other sessions at work; default 40
	MaxLockWaits       int           // sessions waiting for a lock; default 5
	MaxArchiveFailing  time.Duration // how long WAL archiving may fail; default 1 min
	LongestTransaction time.Duration // of anybody else; default off
	LookEvery          time.Duration // how often these are looked at; default 1 s
	MaxPause           time.Duration // pauses of one run in all; default 10 min
}

// withDefaults fills what is not set.
func (o Options) withDefaults() Options {
	orInt(&o.Sessions, 2)
	orDuration(&o.StatementTimeout, 30*time.Second)
	orDuration(&o.LockTimeout, time.Second)
	orDuration(&o.ConnectTimeout, 5*time.Second)
	orDuration(&o.SecondLook, 250*time.Millisecond)
	orDuration(&o.SaveEvery, 2*time.Second)
	if o.WorkMem == "" {
		o.WorkMem = "64MB"
	}
	if o.Place == "" {
		o.Place = o.Name
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	p := &o.Polite
	orDuration(&p.StatementTarget, 250*time.Millisecond)
	orDuration(&p.StatementTimeout, time.Second)
	if p.NiceRatio == 0 {
		p.NiceRatio = 0.5
	}
	if p.BusyRatio == 0 {
		p.BusyRatio = 19
	}
	orDuration(&p.MaxReplicaLag, 5*time.Second)
	orInt(&p.MaxActive, 40)
	orInt(&p.MaxLockWaits, 5)
	orDuration(&p.MaxArchiveFailing, time.Minute)
	orDuration(&p.LookEvery, time.Second)
	orDuration(&p.MaxPause, 10*time.Minute)
	return o
}

func orDuration(d *time.Duration, def time.Duration) {
	if *d == 0 {
		*d = def
	}
}

func orInt(n *int, def int) {
	if *n == 0 {
		*n = def
	}
}

// Validate names everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.Name == "" {
		bad("a Postgres target needs a name")
	}
	if o.DSN == "" && o.ReadDSN == "" {
		bad("Postgres target %s has no DSN", o.Name)
	}
	if o.Sessions < 0 || o.Sessions > 16 {
		bad("sessions is %d: it must be between 1 and 16", o.Sessions)
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{
		{"statement_timeout", o.StatementTimeout},
		{"lock_timeout", o.LockTimeout},
		{"connect_timeout", o.ConnectTimeout},
		{"second_look", o.SecondLook},
		{"polite.statement_target", o.Polite.StatementTarget},
		{"polite.statement_timeout", o.Polite.StatementTimeout},
	} {
		if d.d < 0 {
			bad("%s is %s: it must not be negative", d.name, d.d)
		}
	}
	if o.Polite.NiceRatio < 0 {
		bad("polite.nice_ratio is %g: it must not be negative", o.Polite.NiceRatio)
	}
	if o.Polite.BusyRatio < 0 {
		bad("polite.busy_ratio is %g: it must not be negative", o.Polite.BusyRatio)
	}
	return errors.Join(errs...)
}

// Target is one database that checks read.
type Target struct {
	opts Options
	pool *pgxpool.Pool
	full *semaphore.Weighted // statements under way at full speed
	calm *semaphore.Weighted // and politely: one
	// primary is the database itself where this reads a replica; nil otherwise.
	primary *Target

	mu      sync.Mutex
	version int       // server_version_num, 0 until the first session
	rested  time.Time // until when nothing is read politely
	atWork  float64   // sessions of others at work, a moving average
}

// Open prepares a target. It does not connect: a database that is down makes
// the verdict of its checks UNKNOWN and does not stop the bot. An error is a
// mistake in the options.
func Open(ctx context.Context, o Options) (*Target, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("postgres target: %w", err)
	}
	t := &Target{opts: o.withDefaults()}
	t.full = semaphore.NewWeighted(int64(t.opts.Sessions))
	t.calm = semaphore.NewWeighted(1)
	config, err := t.poolConfig()
	if err != nil {
		return nil, err
	}
	// The pool outlives the caller's context; Close ends it.
	t.pool, err = pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("postgres target %s: pool: %w", o.Name, err)
	}
	if err := t.withItself(ctx, o); err != nil {
		t.pool.Close()
		return nil, err
	}
	return t, nil
}

// Close ends all sessions. Runs must have ended before.
func (t *Target) Close() {
	t.pool.Close()
	if t.primary != nil {
		t.primary.Close()
	}
}

// Name is the target's name in the config.
func (t *Target) Name() string { return t.opts.Name }

// Place says where the target is, for people.
func (t *Target) Place() string { return t.opts.Place }

// sleep waits unless the context ends first.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
