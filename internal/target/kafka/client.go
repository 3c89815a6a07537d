package kafka

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// sasl is how a login is proved; nil for nobody.
func (l Login) sasl() (sasl.Mechanism, error) {
	if l.Mechanism == "" {
		if l.User != "" || l.Password != "" {
			return nil, fmt.Errorf("sasl names a user, but no mechanism: %s, %s or %s", Plain, ScramSHA256, ScramSHA512)
		}
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	if l.User == "" {
		return nil, fmt.Errorf("sasl mechanism %s needs a user", l.Mechanism)
	}
	switch l.Mechanism {
	case Plain:
		return plain.Auth{User: l.User, Pass: string(l.Password)}.AsMechanism(), nil
	case ScramSHA256:
		return scram.Auth{User: l.User, Pass: string(l.Password)}.AsSha256Mechanism(), nil
	case ScramSHA512:
		return scram.Auth{User: l.User, Pass: string(l.Password)}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("sasl mechanism is %q: it must be %s, %s or %s", string(l.Mechanism), Plain, ScramSHA256, ScramSHA512)
}

// principal is who ACLs mean by a login.
func (t *Target) principal(l Login) string {
	switch {
	case l.User != "":
		return "User:" + l.User
	case t.opts.TLS != nil && (len(t.opts.TLS.Certificates) > 0 || t.opts.TLS.GetClientCertificate != nil):
		return "User:<the certificate's subject>"
	}
	return "User:ANONYMOUS"
}

// sender makes a client that may produce. The caller closes it.
func (t *Target) sender(_ context.Context, opts ...kgo.Opt) (*kgo.Client, error) {
	return t.dial(t.opts.Sender, t.witness, opts...)
}

// dial makes a client. It connects to nothing yet.
func (t *Target) dial(who Login, w *witness, opts ...kgo.Opt) (*kgo.Client, error) {
	mechanism, err := who.sasl()
	if err != nil {
		return nil, fmt.Errorf("kafka target %s: %w", t.opts.Name, err)
	}
	all := []kgo.Opt{
		kgo.SeedBrokers(t.opts.Brokers...),
		kgo.ClientID(t.opts.ClientID),
		kgo.DialTimeout(t.opts.DialTimeout),
		kgo.RequestTimeoutOverhead(t.opts.RequestTimeout),
		// The client would go on for minutes; whoever waits here wants to know.
		kgo.RequestRetries(3),
		kgo.RetryTimeout(t.opts.RequestTimeout),
		kgo.RetryBackoffFn(backoff),
		kgo.DisableClientMetrics(),
		kgo.WithHooks(w),
	}
	if t.opts.TLS != nil {
		all = append(all, kgo.DialTLSConfig(t.opts.TLS.Clone()))
	}
	if mechanism != nil {
		all = append(all, kgo.SASL(mechanism))
	}
	cl, err := kgo.NewClient(append(all, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka target %s: %w", t.opts.Name, err)
	}
	return cl, nil
}

// backoff is how long to wait before another attempt.
func backoff(attempt int) time.Duration {
	return min(50*time.Millisecond<<min(attempt, 10), time.Second)
}

// witness keeps what connecting said last: where a question ends with its
// deadline, that is the reason.
type witness struct {
	mu   sync.Mutex
	last error
}

// OnBrokerConnect implements kgo.HookBrokerConnect.
func (w *witness) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, conn net.Conn, err error) {
	_ = conn
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = err
}

func (w *witness) said() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}
