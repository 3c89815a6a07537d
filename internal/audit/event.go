// Package audit says what a recorded event is and how events are chained, so
// that a changed, removed, reordered or cut-off record is noticed.
//
// It never holds secrets or row data beyond keys, and it does no I/O: the
// store appends, this package computes and checks.
package audit

import "time"

// ActorKind tells what kind of actor did something.
type ActorKind string

// The kinds of actor.
const (
	Person   ActorKind = "person"
	Schedule ActorKind = "schedule"
	Alert    ActorKind = "alert"
	CLI      ActorKind = "cli"
	System   ActorKind = "system"
)

// Actor is who did something. Ids are immutable Slack ids, never names.
type Actor struct {
	Kind       ActorKind `json:"kind"`
	Enterprise string    `json:"enterprise,omitempty"`
	Team       string    `json:"team,omitempty"`
	User       string    `json:"user,omitempty"` // Slack user id, or the OS user for CLI
}

// Source is the way a request came in.
type Source string

// The sources of a request.
const (
	FromSlash    Source = "slash"
	FromMention  Source = "mention"
	FromButton   Source = "button"
	FromModal    Source = "modal"
	FromShortcut Source = "shortcut"
	FromSchedule Source = "schedule"
	FromAlert    Source = "alert"
	FromCLI      Source = "cli"
	FromSystem   Source = "system"
)

// Outcome is how an event ended.
type Outcome string

// The outcomes. Intended is written before the act, the others after it.
const (
	Intended Outcome = "intended"
	Done     Outcome = "done"
	Refused  Outcome = "refused"
	Failed   Outcome = "failed"
)

// Event is one thing that was asked, refused, done or told. The store gives it
// its time, sequence number and hashes.
type Event struct {
	Request  string            `json:"request"` // request id, shared by all events of one request
	Actor    Actor             `json:"actor"`
	Source   Source            `json:"source"`
	Channel  string            `json:"channel,omitempty"`
	Thread   string            `json:"thread,omitempty"`
	Incident string            `json:"incident,omitempty"`
	Action   string            `json:"action"`           // "check", "check.run", "stop", "config.load", …
	Target   string            `json:"target,omitempty"` // what it acts on: R-1042, a check, a target
	Args     map[string]string `json:"args,omitempty"`
	Decision string            `json:"decision,omitempty"` // "allowed" or "refused"
	Rule     string            `json:"rule,omitempty"`     // the rule that decided
	Plan     string            `json:"plan,omitempty"`
	PlanHash string            `json:"plan_hash,omitempty"`
	Before   string            `json:"before,omitempty"` // value or digest
	After    string            `json:"after,omitempty"`
	Outcome  Outcome           `json:"outcome"`
	Error    string            `json:"error,omitempty"`
	Duration time.Duration     `json:"duration,omitempty"` // nanoseconds
	Version  string            `json:"version"`            // of the bot
}

// Entry is an event as it stands in the chain.
type Entry struct {
	Seq  int64     // 1, 2, 3, … without a gap
	At   time.Time // UTC, microseconds
	Body []byte    // the exact bytes that were hashed: canonical JSON of seq, time and event
	Prev [32]byte  // hash of the entry before; zero for the first
	Hash [32]byte  // SHA-256 of Prev and Body
	Event
}
