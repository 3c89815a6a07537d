package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	goredis "github.com/redis/go-redis/v9"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// act is what was tried when an error came, for its sentence.
type act struct {
	doing   string // for the log: scanning keys
	command string // in the words of ACLs: scan
	key     string // of the key, if it is about one: only how it begins is named
	pattern string // of keys such as that, if it is known
	clears  bool   // done by who removes, not by who looks
}

func problemf(format string, args ...any) error {
	return &check.Problem{Sentence: fmt.Sprintf(format, args...)}
}

// problem makes a sentence for people of a client's error. The end of the caller's
// own context is handed on as it is: it is no fault of Redis.
func (t *Target) problem(ctx context.Context, a act, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("redis %s: %s: %w", t.opts.Name, a.doing, context.Cause(ctx))
	}
	var known *check.Problem
	if errors.As(err, &known) {
		return err
	}
	return &check.Problem{Sentence: t.sentence(a, err), Err: fmt.Errorf("redis %s: %s: %w", t.opts.Name, a.doing, err)}
}

// sentence says what did not answer and what to do, without a secret and without
// what stands in values.
func (t *Target) sentence(a act, err error) string {
	if strings.Contains(err.Error(), "all sentinels specified in configuration are unreachable") {
		return t.noSentinel(err)
	}
	var answered goredis.Error
	if errors.As(err, &answered) && !errors.Is(err, goredis.Nil) {
		return t.answered(a, answered.Error())
	}
	if s := t.unencrypted(err); s != "" {
		return s
	}
	var name *net.DNSError
	place, at := t.opts.Place, strings.Join(t.opts.Addrs, ", ")
	switch {
	case errors.As(err, &name):
		return fmt.Sprintf("The name of a server of Redis %s is not known here: %s. Is it right in the config?", place, name.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("Redis %s refused the connection at %s: is it running, and is the address right?", place, addressOf(err, at))
	case dialing(err):
		return fmt.Sprintf("Redis %s did not answer at %s in %s: is the address right, and does a firewall let us through?", place, addressOf(err, at), phrase.Duration(t.opts.DialTimeout))
	case timedOut(err):
		return fmt.Sprintf("Redis %s did not answer in %s: is it overloaded, or busy with a slow command?", place, phrase.Duration(t.opts.ReadTimeout))
	case errors.Is(err, goredis.ErrPoolTimeout):
		return fmt.Sprintf("Redis %s is busy with earlier questions of the bot. Try again in a minute.", place)
	}
	return fmt.Sprintf("The connection to Redis %s broke off.", place)
}

func (t *Target) noSentinel(err error) string {
	place, at := t.opts.Place, strings.Join(t.opts.Addrs, ", ")
	switch text := err.Error(); {
	case strings.Contains(text, "No such master"), strings.Contains(text, "redis: nil"):
		return fmt.Sprintf("The sentinels of Redis %s know no primary called %s: correct master in the config.", place, t.opts.Master)
	case strings.Contains(text, "unknown command"):
		return fmt.Sprintf("What answers at %s is no sentinel: name the sentinels of Redis %s in the config, or write mode: standalone.", at, place)
	case strings.Contains(text, "NOAUTH"), strings.Contains(text, "WRONGPASS"):
		return fmt.Sprintf("The sentinels of Redis %s refused our login: check sentinel_user and sentinel_password.", place)
	}
	return fmt.Sprintf("No sentinel of Redis %s answered at %s: are they running, and are the addresses right?", place, at)
}

// addressOf is where a connection was tried, if the error tells.
func addressOf(err error, otherwise string) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Addr != nil {
		return op.Addr.String()
	}
	return otherwise
}

func dialing(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// unencrypted says what is wrong with TLS; empty when that is not the trouble.
func (t *Target) unencrypted(err error) string {
	var plainText tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	place := t.opts.Place
	switch {
	case errors.As(err, &plainText):
		return fmt.Sprintf("Redis %s does not speak TLS at its address: take tls out of the config, or name the port for TLS.", place)
	case errors.As(err, &authority):
		return fmt.Sprintf("The certificate of Redis %s is signed by an authority that is not known here: name it in tls.ca_file.", place)
	case errors.As(err, &host):
		return fmt.Sprintf("The certificate of Redis %s is not for the address that we know: correct the address, or tls.server_name.", place)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("The certificate of Redis %s has expired, or is not valid yet: renew it, or correct a clock.", place)
	case errors.As(err, &invalid):
		return fmt.Sprintf("The certificate of Redis %s is not valid.", place)
	case strings.Contains(err.Error(), "remote error: tls"):
		return fmt.Sprintf("Redis %s refused our TLS: does it want a client certificate (tls.cert_file and tls.key_file)?", place)
	}
	return ""
}
