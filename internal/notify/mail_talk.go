package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// talk goes through the dialogue by hand, step by step, because only the step tells what
// an error means: until the last byte of the text was handed over the letter is not
// taken, and behind it nobody knows until the server has answered.
func (m *Mail) talk(ctx context.Context, msg *mail.Msg) error {
	var text bytes.Buffer // as a whole, so that writing it can only fail with the connection
	if _, err := msg.WriteTo(&text); err != nil {
		return &Error{Final: true, Sentence: "No email can be made of this letter.", Err: fmt.Errorf("write mail: %w", err)}
	}
	sender, err := msg.GetSender(false)
	recipients, toErr := msg.GetRecipients()
	if err != nil || toErr != nil || len(recipients) != 1 {
		return &Error{Final: true, Sentence: "No email can be made of this letter.", Err: errors.Join(err, toErr)}
	}
	// Whatever happens the connection is closed, and never by QUIT while a text is under
	// way: what was written of it would be taken for the whole.
	var line net.Conn
	stop := func() bool { return true }
	defer func() {
		if stop(); line != nil {
			_ = line.Close()
		}
	}()
	client, err := m.client(func(within context.Context, network, address string) (net.Conn, error) {
		made, err := m.dial(within, network, address)
		if err == nil {
			line, stop = made, context.AfterFunc(ctx, func() { _ = made.Close() })
		}
		return made, err
	})
	if err != nil {
		return &Error{Final: true, Sentence: "The mail settings cannot be used.", Err: err}
	}
	greeted, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return m.notGreeted(err, line != nil)
	}
	return m.hand(greeted, line, sender, recipients[0], text.Bytes())
}

// hand goes from the sender's name to the server's answer.
func (m *Mail) hand(client *smtp.Client, line net.Conn, sender, to string, text []byte) error {
	if err := client.Mail(sender); err != nil {
		return m.notTaken("the sender's address", err)
	}
	if err := client.Rcpt(to); err != nil {
		return m.notTaken("the address", err)
	}
	w, err := client.Data()
	if err != nil {
		return m.notTaken("the mail", err)
	}
	if _, err := w.Write(text); err != nil {
		return m.notTaken("the mail", err)
	}
	err = w.Close()
	var answer *textproto.Error
	switch {
	case err == nil, errors.As(err, &answer) && answer.Code >= 200 && answer.Code < 300:
		_ = line.SetDeadline(time.Now().Add(time.Second)) // it is taken: the rest is politeness
		_ = client.Quit()
		return nil
	case errors.As(err, &answer):
		return m.notTaken("the mail", err)
	}
	return &Error{
		Unclear: true, Err: fmt.Errorf("mail: after the text: %w", err),
		Sentence: fmt.Sprintf("The mail server %s got the whole mail and then %s without saying whether it took it.", m.options.Addr, silence(err)),
	}
}

func (m *Mail) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if m.options.TLS == ImplicitTLS {
		return (&tls.Dialer{Config: m.tls()}).DialContext(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// notGreeted is an error before the letter was mentioned.
func (m *Mail) notGreeted(err error, connected bool) *Error {
	out := &Error{Err: fmt.Errorf("mail: greet: %w", err)}
	var answer *textproto.Error
	var certificate *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &certificate), errors.As(err, &unknown):
		out.Final, out.Sentence = true, fmt.Sprintf("The certificate of the mail server %s cannot be trusted.", m.options.Addr)
	case strings.Contains(err.Error(), "does not support STARTTLS"):
		out.Final, out.Sentence = true, fmt.Sprintf("The mail server %s offers no encryption, and without it nothing is sent.", m.options.Addr)
	case errors.As(err, &answer) && m.options.User != "" && answer.Code/10 == 53:
		out.Final, out.Sentence = true, fmt.Sprintf("The mail server %s does not accept the bot's user and password (%d).", m.options.Addr, answer.Code)
	case errors.As(err, &answer):
		out.Final, out.Sentence = answer.Code >= 500, fmt.Sprintf("The mail server %s refuses to talk to the bot (%d).", m.options.Addr, answer.Code)
	case strings.Contains(err.Error(), "AUTH"):
		out.Final, out.Sentence = true, fmt.Sprintf("The mail server %s has no way to log in that the bot knows.", m.options.Addr)
	case connected:
		out.Sentence = fmt.Sprintf("The mail server %s was reached and then %s.", m.options.Addr, silence(err))
	default:
		out.Sentence = fmt.Sprintf("The mail server %s cannot be reached.", m.options.Addr)
	}
	return out
}

// notTaken is an error of a step before the letter was handed over, or a refusal of the
// letter itself.
func (m *Mail) notTaken(what string, err error) *Error {
	out := &Error{Err: fmt.Errorf("mail: %s: %w", what, err)}
	var answer *textproto.Error
	if !errors.As(err, &answer) {
		out.Sentence = fmt.Sprintf("The mail server %s %s before it had the mail.", m.options.Addr, silence(err))
		return out
	}
	out.Final = answer.Code >= 500
	verb := "refused"
	if !out.Final {
		verb = "did not accept yet"
	}
	out.Sentence = fmt.Sprintf("The mail server %s %s %s: %d %s", m.options.Addr, verb, what, answer.Code, said(answer.Msg))
	return out
}

// silence says how a connection ended.
func silence(err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, net.ErrClosed) { // we closed it, in time
		return "did not answer in time"
	}
	return "hung up"
}

// mailbox is what looks like an email address in what a server says: <ceo@example.com>.
var mailbox = regexp.MustCompile(`("[^"@]*"|[^\s<>"'(),;:@\[\]]+)@([^\s<>"'(),;:@]+)`)

// unnamed masks the addresses in what a server says, as they are masked everywhere else.
func unnamed(s string) string {
	return mailbox.ReplaceAllStringFunc(s, func(address string) string {
		name, host, _ := strings.Cut(address, "@")
		first, _ := utf8.DecodeRuneInString(strings.TrimPrefix(name, `"`))
		return string(first) + "…@" + host
	})
}

// said is what a server said, for a sentence: one short line that names nobody and ends
// in a full stop.
func said(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	s = unnamed(strings.Join(strings.Fields(s), " "))
	if runes := []rune(s); len(runes) > 160 {
		s = string(runes[:159]) + "…"
	}
	return strings.TrimRight(s, ".") + "."
}
