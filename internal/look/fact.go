package look

import "time"

// Fact is one thing that was seen, for whoever weighs causes. It holds no row
// data.
type Fact struct {
	Kind Kind
	// Subject tells which one: deployment/ecommerce-backend, a table, an error.
	// Foreign text.
	Subject string
	// Count is how many, Of of how many; 0 where there is nothing to count.
	Count, Of int64
	// At is when it happened or began; zero: not known.
	At time.Time
	// Failed: it was tried and did not succeed.
	Failed bool
	// Says is the fact as a line of evidence: "rollout 41 of ecommerce-backend (image
	// 1.8.2 → 1.8.3)". It does not repeat At.
	Says string
}

// Kind tells what a Fact is about.
type Kind string

// The kinds of fact. A fact with Count 0 is that something was looked for and is
// not there.
const (
	LogErrors   Kind = "log errors"   // lines of one pattern of errors; Subject is the pattern
	EventErrors Kind = "event errors" // the same of lines about events
	Rollout     Kind = "rollout"
	ConfigEdit  Kind = "config edit" // a ConfigMap or Secret was changed
	Scaling     Kind = "scaling"
	Migration   Kind = "migration"
	Blocked     Kind = "blocked sessions"
	Writers     Kind = "concurrent writers" // sessions that write to the same table; Subject is the table
	Deadlocks   Kind = "deadlocks"
	Checksums   Kind = "checksum failures"
	Rollbacks   Kind = "rollbacks"
	Conflicts   Kind = "recovery conflicts"
)
