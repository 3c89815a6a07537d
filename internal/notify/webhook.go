package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// WebhookOptions of a Webhook. Name and URL are required.
type WebhookOptions struct {
	Name string // as people read it: the address may hold a secret
	// URL is https, or http to this machine. It is in no sentence.
	URL     string
	Token   string         // bearer token; empty: none
	CAs     *x509.CertPool // nil: the system's
	Timeout time.Duration  // of one letter; default 20 s
}

// Validate names everything that is wrong, without the address.
func (o WebhookOptions) Validate() error {
	var problems []error
	bad := func(text string) { problems = append(problems, errors.New(text)) }
	if o.Name == "" {
		bad("name: it has none")
	}
	u, err := url.Parse(o.URL)
	switch {
	case err != nil || u.Host == "":
		bad("url: it is no address, such as https://status.example.com/hook")
	case u.User != nil:
		bad("url: it holds a user; give a token instead")
	case u.Scheme == "http" && !loopback(u.Hostname()), u.Scheme != "http" && u.Scheme != "https":
		bad("url: it has to be https")
	}
	if strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		bad("token: it holds something that no header can carry")
	}
	if o.Timeout < 0 {
		bad("timeout: it is negative")
	}
	return errors.Join(problems...)
}

// Webhook posts letters as JSON to one address.
type Webhook struct {
	options WebhookOptions
	client  *http.Client
}

// NewWebhook makes a Webhook. It connects to nothing yet.
func NewWebhook(o WebhookOptions) (*Webhook, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("webhook %s: %w", o.Name, err)
	}
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second
	}
	return &Webhook{options: o, client: &http.Client{
		// What redirects may point anywhere, and would be asked again.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment,
			// A connection that was used before may be dead, and then the transport would send
			// once more by itself.
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{RootCAs: o.CAs, MinVersion: tls.VersionTLS12},
		},
	}}, nil
}

// payload is what a webhook gets.
type payload struct {
	ID string `json:"id"` // the same for every try
	About
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	At      time.Time `json:"at"`
}

// Send sends one letter and tells what became of it: nil, it was taken; else an *Error.
// What the address answers beside its status is not read.
func (w *Webhook) Send(ctx context.Context, l Letter) error {
	body, err := json.Marshal(payload{ID: l.ID, About: l.About, Subject: l.Subject, Text: l.Body, At: l.At.UTC()})
	if err != nil {
		return &Error{Final: true, Sentence: "No JSON can be made of this letter.", Err: fmt.Errorf("webhook: %w", err)}
	}
	ctx, cancel := context.WithTimeout(ctx, w.options.Timeout)
	defer cancel()
	var written atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(i httptrace.WroteRequestInfo) { written.Store(written.Load() || i.Err == nil) },
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.options.URL, bytes.NewReader(body))
	if err != nil {
		return &Error{Final: true, Sentence: w.sentence("has an address that cannot be used."), Err: errors.New("webhook: bad address")}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", l.ID)
	request.Header.Set("User-Agent", "integritybot")
	if w.options.Token != "" {
		request.Header.Set("Authorization", "Bearer "+w.options.Token)
	}
	answer, err := w.client.Do(request)
	if err != nil {
		return w.failed(err, written.Load())
	}
	_ = answer.Body.Close()
	return w.judge(answer.StatusCode, written.Load())
}

// judge says what a status means; written: of an answer to the whole text. What a gateway
// says tells nothing of what became of the text behind it.
func (w *Webhook) judge(status int, written bool) error {
	says := strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
	out := &Error{Err: fmt.Errorf("webhook %s: status %d", w.options.Name, status), Sentence: w.sentence("answered " + says + ".")}
	switch {
	case status >= 200 && status < 300:
		return nil
	case written && (status == http.StatusRequestTimeout || status > http.StatusNotImplemented):
		out.Unclear, out.Sentence = true, w.sentence("got the whole text and answered "+says+", so nobody knows whether it was taken.")
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
	case status >= 300 && status < 400:
		out.Final, out.Sentence = true, w.sentence("answered "+says+": it points somewhere else, and that is not followed.")
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		out.Final, out.Sentence = true, w.sentence("answered "+says+": its token is not accepted.")
	default:
		out.Final = true
	}
	return out
}

// failed is an error without an answer.
func (w *Webhook) failed(err error, written bool) *Error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) { // it holds the address
		err = wrapped.Err
	}
	out := &Error{Err: fmt.Errorf("webhook %s: %w", w.options.Name, err)}
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	late := errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.Canceled)
	switch {
	case errors.As(err, &certificate):
		out.Final, out.Sentence = true, w.sentence("has a certificate that cannot be trusted.")
	case written && late:
		out.Unclear, out.Sentence = true, w.sentence("got the whole text and did not answer in time, so nobody knows whether it took it.")
	case written:
		out.Unclear, out.Sentence = true, w.sentence("got the whole text and hung up without an answer, so nobody knows whether it took it.")
	case late:
		out.Sentence = w.sentence("did not take the text in time.")
	default:
		out.Sentence = w.sentence("cannot be reached.")
	}
	return out
}

func (w *Webhook) sentence(does string) string { return "The webhook " + w.options.Name + " " + does }
