package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// TLSMode says how a mail server is talked to.
type TLSMode string

// The modes.
const (
	StartTLS    TLSMode = "starttls" // plain at first, encrypted before anything is said; never without
	ImplicitTLS TLSMode = "tls"      // encrypted from the first byte
	NoTLS       TLSMode = "none"
)

// MailOptions of a Mail. Addr and From are required.
type MailOptions struct {
	Addr    string // host:port
	From    string // "Integrity Bot <bot@example.com>"
	ReplyTo string // empty: From
	TLS     TLSMode
	// User and Password, if the server wants them. They are never sent unencrypted, but to
	// this machine.
	User, Password string
	// CAs are whose certificates are believed; nil: the system's.
	CAs *x509.CertPool
	// Hello is the name that is given to the server; empty: this machine's.
	Hello string
	// Timeout bounds one letter, from dialling to the answer; default 20 s.
	Timeout time.Duration
}

// Validate names everything that is wrong.
func (o MailOptions) Validate() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	host, port, err := net.SplitHostPort(o.Addr)
	if n, portErr := strconv.Atoi(port); err != nil || host == "" || portErr != nil || n < 1 || n > 65535 {
		bad("addr: %q is no host:port, such as mail.example.com:587", o.Addr)
	}
	if _, err := netmail.ParseAddress(o.From); err != nil {
		bad("from: %q is no email address", o.From)
	}
	if _, err := netmail.ParseAddress(o.ReplyTo); o.ReplyTo != "" && err != nil {
		bad("reply_to: %q is no email address", o.ReplyTo)
	}
	switch o.TLS {
	case "", StartTLS, ImplicitTLS:
	case NoTLS:
		if o.User != "" && !loopback(host) {
			bad("tls: none would send the password unencrypted to %s; use starttls or tls", host)
		}
	default:
		bad("tls: %q is none of starttls, tls, none", o.TLS)
	}
	if (o.User == "") != (o.Password == "") {
		bad("user and password belong together")
	}
	if strings.ContainsAny(o.Hello+o.User+o.Password, "\r\n\x00") {
		bad("hello, user and password are of one line each")
	}
	if o.Timeout < 0 {
		bad("timeout: %s is negative", o.Timeout)
	}
	return errors.Join(problems...)
}

// Mail sends letters by SMTP, each over a connection of its own.
type Mail struct {
	options MailOptions
	host    string
	port    int
	domain  string // of Message-IDs
}

// NewMail makes a Mail. It connects to nothing yet.
func NewMail(o MailOptions) (*Mail, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	host, port, _ := net.SplitHostPort(o.Addr)
	number, _ := strconv.Atoi(port)
	from, _ := netmail.ParseAddress(o.From)
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second
	}
	return &Mail{options: o, host: host, port: number, domain: from.Address[strings.LastIndex(from.Address, "@")+1:]}, nil
}

// compose makes the email: one recipient, plain text, and marked as sent by a program so
// that nobody's holiday answers it.
func (m *Mail) compose(l Letter) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithCharset(mail.CharsetUTF8), mail.WithEncoding(mail.EncodingQP), mail.WithNoDefaultUserAgent())
	if err := msg.From(m.options.From); err != nil {
		return nil, err
	}
	if m.options.ReplyTo != "" {
		if err := msg.ReplyTo(m.options.ReplyTo); err != nil {
			return nil, err
		}
	}
	if err := msg.To(l.To); err != nil {
		return nil, err
	}
	msg.SetMessageIDWithValue(l.ID + "@" + m.domain)
	msg.SetDateWithValue(l.At)
	msg.Subject(l.Subject)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetBodyString(mail.TypeTextPlain, l.Body)
	return msg, nil
}

// check refuses what could become another header or another recipient.
func (l Letter) check() *Error {
	to, err := netmail.ParseAddress(l.To)
	switch {
	case err != nil || to.Name != "" || strings.ContainsAny(l.To, "\r\n"):
		return &Error{Final: true, Sentence: "This is no email address.", Err: errors.New("no address")}
	case strings.ContainsAny(l.Subject, "\r\n\x00"):
		return &Error{Final: true, Sentence: "The subject has more than one line, so it was not sent.", Err: errors.New("line end in the subject")}
	case l.ID == "" || strings.ContainsAny(l.ID, "\r\n\x00<>@ "):
		return &Error{Final: true, Sentence: "The letter has no id that an email could carry, so it was not sent.", Err: errors.New("bad id")}
	}
	return nil
}

// Send sends one letter and tells what became of it: nil, it was taken; else an *Error.
func (m *Mail) Send(ctx context.Context, l Letter) error {
	if problem := l.check(); problem != nil {
		return problem
	}
	msg, err := m.compose(l)
	if err != nil {
		return &Error{Final: true, Sentence: "No email can be made of this letter.", Err: fmt.Errorf("compose mail: %w", err)}
	}
	ctx, cancel := context.WithTimeout(ctx, m.options.Timeout)
	defer cancel()
	return m.talk(ctx, msg)
}

// client knows how the server is talked to.
func (m *Mail) client(dial mail.DialContextFunc) (*mail.Client, error) {
	options := []mail.Option{
		mail.WithPort(m.port), mail.WithTimeout(m.options.Timeout), mail.WithDialContextFunc(dial),
		mail.WithTLSConfig(m.tls()),
	}
	switch m.options.TLS {
	case NoTLS:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	case ImplicitTLS: // the dialling does it
		options = append(options, mail.WithSSL())
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if m.options.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.options.User), mail.WithPassword(m.options.Password))
		if m.options.TLS == NoTLS { // on this machine alone: see Validate
			options = append(options, mail.WithSMTPAuth(mail.SMTPAuthPlainNoEnc))
		}
	}
	if m.options.Hello != "" {
		options = append(options, mail.WithHELO(m.options.Hello))
	}
	return mail.NewClient(m.host, options...)
}

func (m *Mail) tls() *tls.Config {
	return &tls.Config{ServerName: m.host, RootCAs: m.options.CAs, MinVersion: tls.VersionTLS12}
}

// loopback tells whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
