// Package redis looks at one Redis for the checks that compare a cache with a
// database, and removes cached values where a confirmed plan says so.
//
// It reads in pieces that no Redis feels: SCAN with a count, values pipelined, and of
// a value no more than a bound. It never sends KEYS, a DEL or a FLUSH that others
// would wait for. It removes only what a confirmed plan names, each value only if it
// is still what the plan saw, at most once, and together with a copy for the way
// back. It never turns a Redis that did not answer into an empty cache.
package redis

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

// Mode is how the servers of one Redis belong together.
type Mode string

// The modes. The zero value is Standalone.
const (
	Standalone Mode = "standalone" // one server
	Sentinel   Mode = "sentinel"   // a primary that the sentinels name
	Cluster    Mode = "cluster"    // many primaries, each with its slots
)

// Login is who the bot is in Redis. The zero value is the default user without a
// password.
type Login struct {
	User     string
	Password Secret
}

// Options describe one Redis. The zero value of a field takes its default.
type Options struct {
	Name  string // the target's name in the config: cache
	Place string // where it is, for people: production/cache

	// Addrs are host:port of the server, the sentinels, or some of the cluster.
	Addrs  []string
	Mode   Mode
	Master string // the sentinels' name of the primary
	DB     int    // a cluster has only 0

	Login         Login
	SentinelLogin Login
	TLS           *tls.Config // nil: plain TCP

	// Clears allows plans to remove values here. Clearer is who does it; the zero
	// value: the same as Login.
	Clears  bool
	Clearer Login
	// Prefix begins the names of the keys in which plans leave their record. Default
	// integritybot.
	Prefix string
	// Store is what the bot's store is called, so that two bots do not take each
	// other's plans for their own.
	Store string
	// Keep is how long a plan's copies of what it removed stay. Default 30 days.
	Keep time.Duration

	ScanCount int // keys that one SCAN looks at; default 1000
	MaxKeys   int // keys read a second at most; 0: as fast as it goes

	DialTimeout time.Duration // until a server answers; default 5 s
	ReadTimeout time.Duration // until a question is answered; default 5 s

	Now   func() time.Time                           // default time.Now
	Sleep func(context.Context, time.Duration) error // default a timer
}
