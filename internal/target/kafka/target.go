package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What options are that are not set.
const (
	defaultClientID       = "integritybot"
	defaultPrefix         = "integritybot"
	defaultDialTimeout    = 5 * time.Second
	defaultRequestTimeout = 10 * time.Second
)

// withDefaults fills what is not set.
func (o Options) withDefaults() Options {
	o.ClientID = cmp.Or(o.ClientID, defaultClientID)
	o.Prefix = cmp.Or(o.Prefix, defaultPrefix)
	o.Place = cmp.Or(o.Place, o.Name)
	o.DialTimeout = cmp.Or(o.DialTimeout, defaultDialTimeout)
	o.RequestTimeout = cmp.Or(o.RequestTimeout, defaultRequestTimeout)
	if o.Sender == (Login{}) {
		o.Sender = o.Login
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
		bad("a Kafka target needs a name")
	}
	if len(o.Brokers) == 0 {
		bad("Kafka target %s has no brokers", o.Name)
	}
	for _, b := range o.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			bad("broker %q is not host:port, such as kafka-1.example.org:9092", b)
		}
	}
	for _, l := range []Login{o.Login, o.Sender} {
		if _, err := l.sasl(); err != nil {
			errs = append(errs, err)
		}
	}
	if o.DialTimeout < 0 {
		bad("dial_timeout is %s: it must not be negative", o.DialTimeout)
	}
	if o.RequestTimeout < 0 {
		bad("request_timeout is %s: it must not be negative", o.RequestTimeout)
	}
	return errors.Join(errs...)
}

// Target is one cluster.
type Target struct {
	opts Options
	// cl only looks. It belongs to Login and is shared by all checks.
	cl      *kgo.Client
	adm     *kadm.Client
	witness *witness

	mu      sync.Mutex
	closers []func()
}

// Open prepares a target. It connects to nothing: a cluster that is down makes
// the verdict of its checks UNKNOWN and does not stop the bot. An error is a
// mistake in the options.
func Open(o Options) (*Target, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("kafka target: %w", err)
	}
	t := &Target{opts: o.withDefaults(), witness: &witness{}}
	cl, err := t.dial(t.opts.Login, t.witness)
	if err != nil {
		return nil, err
	}
	t.cl, t.adm = cl, kadm.NewClient(cl)
	return t, nil
}

// Close ends all connections. Runs must have ended before.
func (t *Target) Close() {
	t.mu.Lock()
	closers := t.closers
	t.closers = nil
	t.mu.Unlock()
	for _, end := range closers {
		end()
	}
	t.cl.Close()
}

// onClose has something ended when the target is closed.
func (t *Target) onClose(end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closers = append(t.closers, end)
}

// Name is the target's name in the config.
func (t *Target) Name() string { return t.opts.Name }

// Place says where the target is, for people.
func (t *Target) Place() string { return t.opts.Place }

// patience is how long one question may take, with another attempt of the
// client in it.
func (t *Target) patience() time.Duration {
	return t.opts.DialTimeout + 2*t.opts.RequestTimeout
}

// ask bounds one question to the cluster.
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
