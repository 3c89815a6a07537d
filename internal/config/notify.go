package config

import (
	"strings"

	"github.com/integritybot/integritybot/internal/notify"
)

// Notify is how people are told outside of Slack.
type Notify struct {
	SMTP     SMTP               `yaml:"smtp"`
	Webhooks map[string]Webhook `yaml:"webhooks"`
}

// SMTP is a mail server.
type SMTP struct {
	Addr     string `yaml:"addr"` // host:port; empty: email is off
	From     string `yaml:"from"`
	TLS      string `yaml:"tls"` // starttls (default), tls or none
	User     string `yaml:"user"`
	Password Secret `yaml:"password"`
	CAFile   string `yaml:"ca_file"` // empty: the system's authorities
}

// On tells whether email is.
func (s SMTP) On() bool { return s.Addr != "" }

// Options are those of who sends, less the authorities, which are in a file.
func (s SMTP) Options() notify.MailOptions {
	return notify.MailOptions{Addr: s.Addr, From: s.From, TLS: notify.TLSMode(s.TLS), User: s.User, Password: s.Password.Reveal()}
}

// Webhook is an address that is told by POST.
type Webhook struct {
	URL   Secret `yaml:"url"`   // empty: it is off; it may hold a secret
	Token Secret `yaml:"token"` // sent as a bearer token
}

// On tells whether there is an address.
func (w Webhook) On() bool { return w.URL != "" }

// Options are those of who sends.
func (w Webhook) Options(name string) notify.WebhookOptions {
	return notify.WebhookOptions{Name: name, URL: w.URL.Reveal(), Token: w.Token.Reveal()}
}

func (n *Notify) defaults() {
	orString(&n.SMTP.TLS, string(notify.StartTLS))
	orString(&n.SMTP.From, "integrity-bot@localhost")
}

func (n *Notify) validate(t tree, p *Problems) {
	mail := n.SMTP.Options()
	if !n.SMTP.On() { // what is wrong with the rest is said before somebody needs it
		mail.Addr = "localhost:25"
	}
	byKey(mail.Validate(), func(key, problem string) { p.add(t.line("notify", "smtp", key), "notify.smtp: %s", problem) })
	for _, name := range t.keys("notify", "webhooks") {
		if !nameForm.MatchString(name) {
			p.add(t.line("notify", "webhooks", name), "webhook %q: a name has lower-case letters, digits and hyphens", name)
		}
		if one := n.Webhooks[name]; one.On() {
			byKey(one.Options(name).Validate(), func(key, problem string) {
				p.add(t.line("notify", "webhooks", name, key), "webhook %s: %s", name, problem)
			})
		}
	}
}

// byKey takes problems apart that begin with the key they are about.
func byKey(err error, problem func(key, text string)) {
	if err == nil {
		return
	}
	for text := range strings.SplitSeq(err.Error(), "\n") {
		key, _, _ := strings.Cut(text, ":")
		problem(key, text)
	}
}
