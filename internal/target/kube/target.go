package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
)

// What options are that are not set. The pattern of errors is the runbook's
// (steps 1 and "Log Patterns"), with what frameworks call an error; that of
// events is the runbook's step 3.
const (
	defaultManager  = "integritybot"
	defaultErrors   = `(?i)inconsisten|mismatch|duplicate|constraint|reconciliation failed|error|exception|panic|fatal`
	defaultEvents   = `(?i)event.*(failed|error)`
	defaultSince    = time.Hour
	defaultStreams  = 20
	defaultMaxLines = 2_000_000
	defaultTimeout  = 10 * time.Second
)

// withDefaults fills what is not set.
func (o Options) withDefaults() Options {
	o.Place = cmp.Or(o.Place, o.Name)
	o.FieldManager = cmp.Or(o.FieldManager, defaultManager)
	o.WriteKubeconfig = cmp.Or(o.WriteKubeconfig, o.Kubeconfig)
	o.Logs.Errors = cmp.Or(o.Logs.Errors, defaultErrors)
	o.Logs.Events = cmp.Or(o.Logs.Events, defaultEvents)
	o.Logs.Since = cmp.Or(o.Logs.Since, defaultSince)
	o.Logs.Streams = cmp.Or(o.Logs.Streams, defaultStreams)
	o.Logs.MaxLines = cmp.Or(o.Logs.MaxLines, defaultMaxLines)
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Validate names everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.Name == "" {
		bad("a Kubernetes target needs a name")
	}
	if o.Namespace == "" {
		bad("Kubernetes target %s needs a namespace", o.Name)
	} else if len(validation.IsDNS1123Label(o.Namespace)) > 0 {
		bad("%q cannot be the name of a namespace: lower-case letters, digits and hyphens only", o.Namespace)
	}
	for what, names := range map[string][]string{"deployment": o.Deployments, "config map": o.ConfigMaps, "secret": o.Secrets} {
		for _, n := range names {
			if len(validation.IsDNS1123Subdomain(n)) > 0 {
				bad("%q cannot be the name of a %s: lower-case letters, digits, hyphens and dots only", n, what)
			}
		}
	}
	for field, pattern := range map[string]string{"errors": o.Logs.Errors, "events": o.Logs.Events} {
		if _, err := regexp.Compile(pattern); err != nil {
			bad("logs.%s is no regular expression: %w", field, err)
		}
	}
	if o.Logs.Since < 0 || o.Logs.Streams < 0 || o.Logs.MaxLines < 0 {
		bad("logs.since, logs.streams and logs.max_lines must not be negative")
	}
	if o.Timeout < 0 {
		bad("timeout is %s: it must not be negative", o.Timeout)
	}
	return errors.Join(errs...)
}

// Target is one namespace of one cluster.
type Target struct {
	opts Options
	// slots bound how many logs are read at once, by all looks together.
	slots chan struct{}
	// between lies between two looks at writers.
	between time.Duration

	mu      sync.Mutex
	reader  *clients // nil: not made yet, or its credentials were refused
	writer  *clients
	retired []*clients
}

// Open prepares a target. It connects to nothing: a cluster that is down, a
// kubeconfig that is missing or a context that it does not have is said when it
// is looked at, and does not stop the bot. An error is a mistake in the options,
// or a kubeconfig that does not parse.
func Open(o Options) (*Target, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("kubernetes target: %w", err)
	}
	t := &Target{opts: o.withDefaults(), between: betweenLooks}
	t.slots = make(chan struct{}, t.opts.Logs.Streams)
	for _, file := range []string{t.opts.Kubeconfig, t.opts.WriteKubeconfig} {
		if err := readable(file); err != nil {
			return nil, fmt.Errorf("kubernetes target %s: %w", o.Name, err)
		}
	}
	return t, nil
}

// Close ends all connections. Runs must have ended before.
func (t *Target) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.retire(&t.reader)
	t.retire(&t.writer)
	for _, c := range t.retired {
		c.close()
	}
	t.retired = nil
}

// retirees is how many clients are kept that are out of use: who reads and who writes,
// for what is under way when they are renewed. Those before have long ended.
const retirees = 2

// retire takes clients out of use. Whoever still holds them may end first.
func (t *Target) retire(c **clients) {
	if *c == nil {
		return
	}
	(*c).close()
	t.retired = append(t.retired, *c)
	if old := len(t.retired) - retirees; old > 0 {
		for _, one := range t.retired[:old] {
			one.close()
		}
		t.retired = slices.Delete(t.retired, 0, old)
	}
	*c = nil
}

// Name is the target's name in the config.
func (t *Target) Name() string { return t.opts.Name }

// Place says where the target is, for people.
func (t *Target) Place() string { return t.opts.Place }

// reading is how the cluster is looked at. An error is a check.Problem: nothing
// was asked.
func (t *Target) reading() (*clients, error) {
	return t.connected(&t.reader, t.opts.Kubeconfig)
}

// writing is how the cluster is changed.
func (t *Target) writing() (*clients, error) {
	return t.connected(&t.writer, t.opts.WriteKubeconfig)
}

func (t *Target) connected(c **clients, kubeconfig string) (*clients, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if *c != nil {
		return *c, nil
	}
	made, err := t.connect(kubeconfig)
	if err != nil {
		return nil, t.unconfigured(kubeconfig, err)
	}
	*c = made
	return made, nil
}

// forget has the kubeconfig read again at the next question: its credentials were
// refused, and perhaps somebody renews them there.
func (t *Target) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.retire(&t.reader)
	t.retire(&t.writer)
}

// ask bounds one question to the API.
func (t *Target) ask(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, t.opts.Timeout)
}
