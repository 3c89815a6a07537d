package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/check"
)

// act is what was tried when an error came, for its sentence.
type act struct {
	doing     string // for the log: listing offsets
	operation string // the ACL that it needs: Read, Describe, Write, …
	kind      string // of the resource: topic, group, transactional-id, cluster
	name      string // of the resource
	sends     bool   // done by the sender, not by who looks
}

func problemf(format string, args ...any) error {
	return &check.Problem{Sentence: fmt.Sprintf(format, args...)}
}

// problem makes a sentence for people of a client's error. The end of the
// caller's own context is handed on as it is: it is no fault of the cluster.
func (t *Target) problem(ctx context.Context, a act, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("kafka %s: %s: %w", t.opts.Name, a.doing, context.Cause(ctx))
	}
	var known *check.Problem
	if errors.As(err, &known) {
		return err
	}
	return &check.Problem{Sentence: t.sentence(a, err), Err: fmt.Errorf("kafka %s: %s: %w", t.opts.Name, a.doing, err)}
}

// sentence says what did not answer and what to do, without a secret and
// without what stands in records.
func (t *Target) sentence(a act, err error) string {
	var answered *kerr.Error
	if errors.As(err, &answered) {
		return t.answered(a, answered)
	}
	if s := t.unconnected(err); s != "" {
		return s
	}
	// Perhaps connecting had a reason that did not come through.
	last := t.witness.said()
	if last != nil && broken(err) {
		if s := t.unconnected(last); s != "" {
			return s
		}
		if t.opts.TLS != nil {
			return t.unspoken()
		}
	}
	if timedOut(err) {
		return fmt.Sprintf("Kafka %s did not answer in time (%s to connect, %s for a request): is a broker of %s overloaded, or behind a firewall?",
			t.opts.Place, humane(t.opts.DialTimeout), humane(t.opts.RequestTimeout), t.addresses())
	}
	return fmt.Sprintf("The connection to Kafka %s broke off.", t.opts.Place)
}

func (t *Target) addresses() string { return strings.Join(t.opts.Brokers, ", ") }

// unconnected says why no connection came about; empty when that is not the
// trouble.
func (t *Target) unconnected(err error) string {
	if s := t.unencrypted(err); s != "" {
		return s
	}
	var first *kgo.ErrFirstReadEOF
	var name *net.DNSError
	switch {
	// The client's texts are all that it says of these; the tests hold them to it.
	case errors.As(err, &first) && strings.Contains(first.Error(), "immediately after a dial"):
		return t.unspoken()
	case errors.As(err, &first), strings.Contains(err.Error(), "tls alert record"):
		return t.hungUp()
	case strings.Contains(err.Error(), "HTTP response"):
		return fmt.Sprintf("What answers at %s speaks HTTP, not Kafka: correct the port of Kafka %s in the config.", t.addresses(), t.opts.Place)
	case errors.As(err, &name):
		return fmt.Sprintf("The name of a broker of Kafka %s is not known here: %s. Is it right in the config, and in the broker's advertised.listeners?", t.opts.Place, name.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("Kafka %s refused the connection at %s: is it running, and is the address right?", t.opts.Place, t.refusing(err))
	case dialing(err) && timedOut(err):
		return fmt.Sprintf("No broker of Kafka %s answered at %s in %s: is the address right, and does a firewall let us through?", t.opts.Place, t.refusing(err), humane(t.opts.DialTimeout))
	case dialing(err):
		return fmt.Sprintf("Kafka %s cannot be reached at %s.", t.opts.Place, t.refusing(err))
	}
	return ""
}

// unencrypted says what is wrong with TLS.
func (t *Target) unencrypted(err error) string {
	var plainText tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var alert tls.AlertError
	place := t.opts.Place
	switch {
	case errors.As(err, &plainText):
		return fmt.Sprintf("Kafka %s does not speak TLS at %s: take tls out of the config, or name the port for TLS.", place, t.refusing(err))
	case errors.As(err, &authority):
		return fmt.Sprintf("The certificate of Kafka %s is signed by an authority that is not known here: name it in tls.ca_file.", place)
	case errors.As(err, &host):
		return fmt.Sprintf("The certificate of Kafka %s is not for the address that we know: it names %s. Correct the brokers, or tls.server_name.", place, names(host.Certificate))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("The certificate of Kafka %s has expired, or is not valid yet: renew it, or correct a clock.", place)
	case errors.As(err, &invalid):
		return fmt.Sprintf("The certificate of Kafka %s is not valid.", place)
	case errors.As(err, &alert), strings.Contains(err.Error(), "remote error: tls"):
		return fmt.Sprintf("Kafka %s refused our TLS: does it want a client certificate (tls.cert_file and tls.key_file)?", place)
	}
	return ""
}

// names are those that a certificate is for.
func names(c *x509.Certificate) string {
	if c == nil {
		return "another one"
	}
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// unspoken is a port that does not speak TLS.
func (t *Target) unspoken() string {
	return fmt.Sprintf("Kafka %s did not answer our TLS at %s: does this port speak TLS? If not, take tls out of the config.", t.opts.Place, t.addresses())
}

// hungUp is a broker that ends a connection without a word.
func (t *Target) hungUp() string {
	switch {
	case t.opts.TLS == nil && t.opts.Login.Mechanism == "":
		return fmt.Sprintf("Kafka %s hung up at once: does it want TLS or a login? The config names neither tls nor sasl.", t.opts.Place)
	case t.opts.TLS == nil:
		return fmt.Sprintf("Kafka %s hung up at once: does it want TLS? The config names no tls.", t.opts.Place)
	case t.opts.Login.Mechanism == "":
		return fmt.Sprintf("Kafka %s hung up at once: does it want a login or a client certificate? The config names no sasl.", t.opts.Place)
	}
	return fmt.Sprintf("Kafka %s hung up at once: does this port speak Kafka, and does it know sasl mechanism %s?", t.opts.Place, t.opts.Login.Mechanism)
}

// refusing is the address that an error is about, or all that we know.
func (t *Target) refusing(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Addr != nil {
		return op.Addr.String()
	}
	return t.addresses()
}

func dialing(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func timedOut(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}

// broken tells that it was the way to the broker that failed.
func broken(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || kgo.IsRetryableBrokerErr(err) || timedOut(err)
}
