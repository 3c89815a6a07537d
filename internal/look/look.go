// Package look knows the ways of looking at systems without changing them that
// are no checks: log lines, recent changes, one cached value, what every step of
// a diagnosis saw. How a way looks at its target is the target's business.
//
// It judges nothing: a look has no verdict. What was not seen is said as such
// and never as "nothing there".
package look

import (
	"context"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
)

// Look is one way of looking, as the config makes it possible.
type Look struct {
	Name  string // as orders name it: logs, changes, cache get
	Title string // as people read it: Error logs
	Place string // where it looks, for people: production
	// Timeout bounds one look; 0: only the run's own time does.
	Timeout time.Duration
	// Past: it is told since when data is wrong (Question.FirstBad).
	Past bool
	// Looker is nil if it cannot be looked; Off says why in a sentence for people.
	Looker Looker
	Off    string
}

// Catalog finds a look by its name.
type Catalog map[string]Look

// Looker looks. Implementations read only and honour ctx within one question to
// their target.
type Looker interface {
	// Look answers one question. An error means that nothing was seen; it is a
	// check.Problem. What was seen only in part is a report that says so in Missing.
	Look(ctx context.Context, q Question, tell func(check.Progress)) (Report, error)
}

// Question is what is to be looked at.
type Question struct {
	// Words are what it is about, in the look's own words: a key, a pattern.
	Words []string
	// Check is the check that it is about, where a look belongs to one; Domain is
	// the domain. Empty: all.
	Check, Domain string
	// Grep is a regular expression (RE2) that lines must match; empty: the look's own.
	Grep string
	// Since bounds what is looked at by its age; 0: the look's own bound.
	Since time.Duration
	// NoRows forbids row data: the channel is shared with another organisation.
	NoRows bool
	// At is when it was asked. FirstBad is since when data is wrong as far as checks
	// of rows have told that failed when they ran last; zero: not known, or not asked
	// for. FirstBadBy is the check that says so.
	At, FirstBad time.Time
	FirstBadBy   string
}

// Report is what was seen.
type Report struct {
	// Head is what stands in the channel: its first line is enough to act on. Whoever
	// posts it adds place, duration and asker to its context.
	Head message.Message
	// Thread is detail, in order. Each has a name of its own within the report, of
	// lower-case letters and hyphens, by which it is edited and not posted twice.
	Thread []Detail
	// Facts are the same for a diagnosis.
	Facts []Fact
	// Missing says what was not seen, one sentence each, and what to do: a permission
	// that is missing, a source that did not answer. The head has to say it, too.
	Missing []string
	// Outcome is what the audit trail keeps of it, by words in small letters: causes,
	// what was not known. No row data; empty: only that it was looked.
	Outcome map[string]string
}

// Detail is one message of a report's thread.
type Detail struct {
	Name    string
	Message message.Message
}
