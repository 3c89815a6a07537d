package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// What options are that are not set.
const (
	defaultPrefix      = "integritybot"
	defaultKeep        = 30 * 24 * time.Hour
	defaultScanCount   = 1000
	mostScanCount      = 10_000 // some ms of one SCAN
	defaultDialTimeout = 5 * time.Second
	defaultReadTimeout = 5 * time.Second
)

// Quiet keeps the client's library from writing to standard error by itself: what
// goes wrong is in the errors. It is for the whole process.
func Quiet() { logging.Disable() }

// withDefaults fills what is not set.
func (o Options) withDefaults() Options {
	o.Mode = cmp.Or(o.Mode, Standalone)
	o.Place = cmp.Or(o.Place, o.Name)
	o.Prefix = cmp.Or(o.Prefix, defaultPrefix)
	o.Keep = cmp.Or(o.Keep, defaultKeep)
	o.ScanCount = cmp.Or(o.ScanCount, defaultScanCount)
	o.DialTimeout = cmp.Or(o.DialTimeout, defaultDialTimeout)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, defaultReadTimeout)
	if o.Clearer == (Login{}) {
		o.Clearer = o.Login
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	return o
}

// Validate names everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.Name == "" {
		bad("a Redis target needs a name")
	}
	if len(o.Addrs) == 0 {
		bad("Redis target %s has no address", o.Name)
	}
	for _, a := range o.Addrs {
		if host, port, err := net.SplitHostPort(a); err != nil || host == "" || port == "" {
			bad("address %q is not host:port, such as redis-1.example.org:6379", a)
		}
	}
	o.validateMode(bad)
	if o.DB < 0 {
		bad("db is %d: it must not be negative", o.DB)
	}
	if o.ScanCount < 0 || o.MaxKeys < 0 {
		bad("scan_count and max_keys must not be negative")
	}
	if o.ScanCount > mostScanCount {
		bad("scan_count is %d: with more than %d one SCAN holds others up", o.ScanCount, mostScanCount)
	}
	if o.DialTimeout < 0 || o.ReadTimeout < 0 || o.Keep < 0 {
		bad("time-outs must not be negative")
	}
	return errors.Join(errs...)
}

func (o Options) validateMode(bad func(format string, args ...any)) {
	mode := cmp.Or(o.Mode, Standalone)
	switch {
	case !slices.Contains([]Mode{Standalone, Sentinel, Cluster}, mode):
		bad("mode is %q: it must be %s, %s or %s", string(o.Mode), Standalone, Sentinel, Cluster)
	case mode == Standalone && len(o.Addrs) > 1:
		bad("mode is standalone, and there are %d addresses: name one, or another mode", len(o.Addrs))
	case mode == Sentinel && o.Master == "":
		bad("mode sentinel needs master: the name that the sentinels have for the primary")
	case mode == Cluster && o.DB != 0:
		bad("db is %d: a cluster has only database 0", o.DB)
	}
}

// Target is one Redis.
type Target struct {
	opts Options
	// cl only looks. It belongs to Login and is shared by all checks.
	cl goredis.UniversalClient
	// tags are those of [slotTags], made when they are first needed.
	tags func() []string

	mu      sync.Mutex
	clearer goredis.UniversalClient // nil until a plan needs it
	closed  bool
	paced   pace
}

// Open prepares a target. It connects to nothing: a Redis that is down makes the
// verdict of its checks UNKNOWN and does not stop the bot. An error is a mistake in
// the options.
func Open(o Options) (*Target, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("redis target: %w", err)
	}
	t := &Target{opts: o.withDefaults(), tags: sync.OnceValue(slotTags)}
	t.cl = t.dial(t.opts.Login)
	return t, nil
}

// Close ends all connections. Runs must have ended before.
func (t *Target) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	var errs []error
	if t.clearer != nil && t.clearer != t.cl {
		errs = append(errs, t.clearer.Close())
	}
	t.clearer = nil
	return errors.Join(append(errs, t.cl.Close())...)
}

// Keep is how long copies of what plans removed stay.
func (t *Target) Keep() time.Duration { return t.opts.Keep }

// Name is the target's name in the config.
func (t *Target) Name() string { return t.opts.Name }

// Place says where the target is, for people.
func (t *Target) Place() string { return t.opts.Place }

// Now is the target's clock.
func (t *Target) Now() time.Time { return t.opts.Now() }

// Sleep waits by the target's clock unless the context ends first.
func (t *Target) Sleep(ctx context.Context, d time.Duration) error { return t.opts.Sleep(ctx, d) }

// patience is how long one question may take, with making a connection in it.
func (t *Target) patience() time.Duration { return t.opts.DialTimeout + 2*t.opts.ReadTimeout }

// ask bounds one question to Redis.
func (t *Target) ask(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, t.patience())
}

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
