package postgres

import (
	"context"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
)

// The ways of a fix of locks.
const (
	wayCancel    = "cancel"    // end the statement that a session runs
	wayTerminate = "terminate" // end the session
)

// mostSessions is how many sessions one plan ends if its config does not say. More
// of them are an outage, and no fix.
const mostSessions = 20

// locksFix ends what others wait for.
type locksFix struct {
	declare.Fix `yaml:",inline"`

	check *Blocking
}

// Ways implements declare.FixWords.
func (w *locksFix) Ways() []string { return []string{wayCancel, wayTerminate} }

// Faults implements declare.Words.
func (w *locksFix) Faults(declare.Bad) {}

// Rules are those of every fix, with a cap that suits sessions.
func (w *locksFix) Rules() fix.Rules {
	rules := w.Fix.Rules()
	if w.MaxRows == nil {
		rules.Caps.Rows = mostSessions
	}
	if w.MaxShare == nil {
		rules.Caps.Share = 1 // of all sessions: it is their number that is capped
	}
	rules.Ways = map[string]fix.Way{wayTerminate: {
		Right:  authz.Permission("locks:terminate"),
		Second: "ending a session always needs a second person",
	}}
	return rules
}

// draft implements fixWords: it makes a plan of who blocks others now.
func (w *locksFix) draft(ctx context.Context, d *drafting) error {
	e := &sessionPlan{drafting: d, words: w, target: d.target.itself()}
	return e.work(ctx)
}

// signals tells whether a plan is about sessions and not about rows.
func signals(forms []fix.Form) bool {
	for _, f := range forms {
		if f.Op == fix.Interrupt || f.Op == fix.Terminate {
			return true
		}
	}
	return false
}

// finds implements finder.
func (w *locksFix) finds() {}

// signalSpec is what a form of a plan about sessions says beside its operation.
type signalSpec struct {
	// Roles are whose sessions these are, so that missing grants are seen before
	// anybody decides.
	Roles []string `json:"roles"`
	// Blocking: only who still blocks somebody is ended.
	Blocking bool `json:"blocking,omitempty"`
}

// sessionID tells one session's transaction, or its statement, from all others,
// also from one that gets the same pid later. Times are in the server's text form.
type sessionID struct {
	Backend     string  `json:"backend"`     // when the session began
	Transaction *string `json:"transaction"` // nil: there was none
	// Statement is when the statement began that is cancelled; nil where the session is
	// ended whatever it runs.
	Statement *string `json:"statement,omitempty"`
}

// endedForGood says why there is no way back.
const endedForGood = "what a session was doing cannot be brought back"
