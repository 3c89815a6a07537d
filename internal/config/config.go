// Package config reads the one file that says what this bot is: where its
// Slack, store and targets are, who may do what, and which checks there are.
//
// It reports every problem at once, each with its line, and never prints a
// secret. It looks nothing up: whether a database answers is not its business.
package config

import (
	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// Config is the whole file, after defaults.
type Config struct {
	Slack   Slack             `yaml:"slack"`
	Store   Store             `yaml:"store"`
	Audit   Audit             `yaml:"audit"`
	HTTP    HTTP              `yaml:"http"`
	Worker  Worker            `yaml:"worker"`
	Targets map[string]Target `yaml:"targets"`
	// Roles are looked at in the order of the file.
	Roles map[string]authz.Role `yaml:"roles"`
	// Incidents is how incidents are dealt with, Notify how people are told of them
	// outside of Slack.
	Incidents Incidents `yaml:"incidents"`
	Notify    Notify    `yaml:"notify"`
	// Checks are declared by name; see Declared.
	Checks yaml.Node `yaml:"checks"`

	declared []Declared
	policy   authz.Policy
	rules    incidents.Rules
	digest   string
}

// Slack is how the bot reaches Slack.
type Slack struct {
	AppToken Secret `yaml:"app_token"` // xapp-…, scope connections:write
	BotToken Secret `yaml:"bot_token"` // xoxb-…
	// APIURL is Slack's unless a workspace simulator is meant.
	APIURL      string `yaml:"api_url"`
	Command     string `yaml:"command"`     // default /integrity
	Connections int    `yaml:"connections"` // of Socket Mode, 1 to 9; default 2
}

// Store is the bot's own Postgres.
type Store struct {
	DSN Secret `yaml:"dsn"` // the runtime role
	// OwnerDSN is used by migrate alone; empty: the same as DSN.
	OwnerDSN Secret `yaml:"owner_dsn"`
	// MaxConns bounds the connections of one replica; default 10.
	MaxConns int `yaml:"max_conns"`
	// KeepRows is how long the complete lists of failing rows are kept.
	KeepRows Duration `yaml:"keep_rows"`
	// KeepImages is how long the targets keep what plans changed, and so how
	// long a plan can be undone.
	KeepImages Duration `yaml:"keep_images"`
}

// Audit is where checkpoints of the audit go.
type Audit struct {
	// SigningKey is a note signer key (integritybot audit keygen); empty: the
	// chain is kept and checked, but without signed checkpoints.
	SigningKey     Secret `yaml:"signing_key"`
	CheckpointFile string `yaml:"checkpoint_file"`
	// CheckpointChannel is a Slack channel id that receives each checkpoint.
	CheckpointChannel string `yaml:"checkpoint_channel"`
}

// HTTP is the address of /healthz, /readyz, /metrics and /alerts.
type HTTP struct {
	Listen string `yaml:"listen"` // default 127.0.0.1:8080; "off" for none
}

// Worker bounds what one replica does at a time.
type Worker struct {
	Runs int `yaml:"runs"` // runs side by side; default 2
}

// Target is a system outside the bot. Exactly one kind is given.
type Target struct {
	Place    string    `yaml:"place"` // for people: production/shop
	Postgres *Postgres `yaml:"postgres"`
	Kafka    *Kafka    `yaml:"kafka"`
	Redis    *Redis    `yaml:"redis"`
	// Kubernetes is one namespace of a cluster.
	Kubernetes *Kubernetes `yaml:"kubernetes"`
}

// Postgres is a database to check.
type Postgres struct {
	DSN              Secret   `yaml:"dsn"`      // empty: the target is off
	ReadDSN          Secret   `yaml:"read_dsn"` // a replica to read from
	FixDSN           Secret   `yaml:"fix_dsn"`  // the role that applies plans; empty: fixes are off
	Sessions         int      `yaml:"sessions"` // at full speed; default 2
	StatementTimeout Duration `yaml:"statement_timeout"`
	LockTimeout      Duration `yaml:"lock_timeout"`
	ConnectTimeout   Duration `yaml:"connect_timeout"`
	Polite           Polite   `yaml:"polite"`
}

// Polite is how checks behave towards a busy database. Negative limits switch
// a look off.
type Polite struct {
	StatementTarget    Duration `yaml:"statement_target"`
	StatementTimeout   Duration `yaml:"statement_timeout"`
	NiceRatio          float64  `yaml:"nice_ratio"`
	BusyRatio          float64  `yaml:"busy_ratio"`
	MaxReplicaLag      Duration `yaml:"max_replica_lag"`
	MaxActive          int      `yaml:"max_active"`
	MaxLockWaits       int      `yaml:"max_lock_waits"`
	LongestTransaction Duration `yaml:"longest_transaction"`
	MaxPause           Duration `yaml:"max_pause"`
}

// Declared is one check as the file declares it: what all kinds share, and the
// rest, which its kind reads.
type Declared struct {
	Check check.Check // without its Detector
	Line  int
	// Declaration is what its kind reads of it; it makes the Detector.
	Declaration Declaration
	// Fix is how what it finds may be repaired; nil if the file declares none.
	Fix Fix
	// Digest is a fingerprint of the whole declaration.
	Digest string

	node *yaml.Node // the keys of its kind
	fix  *yaml.Node // what stands under fix
}

// Declaration is what a kind of check reads of a declaration: a
// postgres.Declaration or a kafka.Declaration, as its target is.
type Declaration any

// Fix is what a kind of check reads of how its findings are repaired: a
// postgres.Fix or a kafka.Fix.
type Fix interface {
	Rules() fix.Rules
}

// Declared lists the checks in the order of the file.
func (c *Config) Declared() []Declared { return c.declared }

// Digest is the SHA-256 of the file as it was read, in hexadecimal: secrets
// that come from the environment are not in it.
func (c *Config) Digest() string { return c.digest }

// Policy is the roles in the order of the file.
func (c *Config) Policy() authz.Policy { return c.policy }
