// Package kafka looks at one Kafka cluster for the checks that live in it, and
// sends dead letters and stored events on where a confirmed plan says so.
//
// It reads committed records only, joins no consumer group and commits nothing
// for anybody: looking leaves no trace. It sends only what a confirmed plan
// names, each record at most once, as it is to the byte, in transactions that
// also hold the record of what was sent. It never resets a group's offsets, and
// never turns a cluster that did not answer into an empty topic.
package kafka

import (
	"context"
	"crypto/tls"
	"time"
)

// Secret is text that prints as a mask wherever it is printed.
type Secret string

// String is a mask.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[hidden]"
}

// GoString is a mask, for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText is a mask, for JSON, YAML and structured logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Mechanism is how a client proves who it is (SASL).
type Mechanism string

// The mechanisms.
const (
	Plain       Mechanism = "plain"
	ScramSHA256 Mechanism = "scram-sha-256"
	ScramSHA512 Mechanism = "scram-sha-512"
)

// Login is who the bot is in the cluster. The zero value is nobody.
type Login struct {
	Mechanism Mechanism
	User      string
	Password  Secret
}

// Options describe one cluster. The zero value of a field takes its default.
type Options struct {
	Name  string // the target's name in the config: events
	Place string // where it is, for people: production/events

	Brokers  []string // host:port; none: the target is off
	ClientID string   // default integritybot
	Login    Login
	TLS      *tls.Config // nil: plain TCP

	// Sends allows plans to produce here. Sender is who does it; the zero value:
	// the same as Login.
	Sends  bool
	Sender Login
	// Prefix begins the names of the transactions and groups in which plans leave
	// their record, for the cluster's ACLs. Default integritybot.
	Prefix string
	// Store is what the bot's store is called, so that two bots do not take each
	// other's plans for their own.
	Store string

	DialTimeout    time.Duration // until a broker answers; default 5 s
	RequestTimeout time.Duration // until a request is answered; default 10 s

	Now   func() time.Time                           // default time.Now
	Sleep func(context.Context, time.Duration) error // default a timer
}
