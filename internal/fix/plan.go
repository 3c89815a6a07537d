package fix

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/check"
)

// State is where a plan stands.
type State string

// The states of a plan:
//
//	planning → waiting → approved → applying → applied | partly applied | failed
//
// A plan that waits may instead become expired, cancelled or refused (as stale:
// its check was declared differently meanwhile). One that is being worked out
// may fail. One that was applied, wholly or partly, may be undone.
const (
	Planning      State = "planning"
	Waiting       State = "waiting"
	Approved      State = "approved"
	Applying      State = "applying"
	Applied       State = "applied"
	PartlyApplied State = "partly applied" // some rows were left alone, or it was stopped
	Failed        State = "failed"
	Expired       State = "expired"
	Cancelled     State = "cancelled"
	Refused       State = "refused"
	Undone        State = "undone"
)

// Plan is one concrete, frozen repair and how far it has come.
type Plan struct {
	Order
	State State
	// Draft is what the preview shows; the content is kept apart, see Batch.
	Draft   Draft
	Hash    string // over the content, see Content.Hash
	Digest  string // of the check's declaration when the plan was made
	Batches int    // how many the content has
	Expires time.Time
	// Second: a second and different person has to approve, because of Why.
	Second bool
	Why    string

	DecidedBy string // who confirmed, approved or cancelled; a Slack user id
	DecidedAt time.Time
	// Reason says why it failed, was refused or was left unfinished, in a
	// sentence for people.
	Reason   string
	Outcome  Outcome // what an apply did; the zero value before
	Run      int64   // the run that applies it; 0 before it was confirmed
	UndoneBy int64   // the plan that took this one back
	Finished time.Time
}

// TakesBack tells whether a plan that was carried out took another one back, so
// that there is nothing left of it to undo.
func (p Plan) TakesBack() bool { return p.Undoes > 0 && p.State == Applied && !p.Draft.Partial }

// Draft is what is wrong now and how it would be repaired, for people to judge.
type Draft struct {
	// Does says in one clause what happens, to follow the plan's name and
	// precede its numbers' meaning: "delete 30 orders whose customer does not
	// exist".
	Does string `json:"does"`
	// Button is the short form for the confirming button: "change 30 orders".
	Button string `json:"button"`
	// Done is what has become of the repaired rows once it is applied, to follow
	// a number of them: "quarantined", "put back". Empty: "changed".
	Done   string `json:"done,omitempty"`
	Noun   string `json:"noun"` // what Rows counts, in the plural
	Target string `json:"target"`
	Place  string `json:"place"`
	Rows   int64  `json:"rows"`  // failing rows that are repaired
	Found  int64  `json:"found"` // failing rows when the plan was made
	Of     int64  `json:"of"`    // rows of their table
	Total  int64  `json:"total"` // changes in all, dependants too
	// Money at stake in the repaired rows, by currency.
	Money map[string]decimal.Decimal `json:"money,omitempty"`
	// Dependants are rows that refer to the repaired ones and change with them.
	Dependants []Dependant `json:"dependants,omitempty"`
	// Triggers that will fire and cascades that the target does by itself, each a
	// clause for people: "orders_audit on orders after each delete".
	Triggers []string `json:"triggers,omitempty"`
	Cascades []string `json:"cascades,omitempty"`
	// Plain: the target has no triggers and no rows that refer to each other, so
	// that there is nothing to say about them. Its Dependants are a part of Rows.
	Plain bool `json:"plain,omitempty"`
	// Uncounted: what changes are no failing rows of the check, so that the outcome
	// tells its verdict and no numbers before and after.
	Uncounted bool `json:"uncounted,omitempty"`
	// Typed is what whoever confirms has to type, so that nobody does it by a slip;
	// empty: a click is enough.
	Typed string `json:"typed,omitempty"`
	// Left are failing rows that this plan does not touch, and why.
	Left []Left `json:"left,omitempty"`
	// Partial: this way back leaves rows alone that its plan had changed, so that
	// another one may still be wanted.
	Partial bool `json:"partial,omitempty"`
	// Heads are the three heads of the table of samples; empty: the usual ones.
	Heads []string `json:"heads,omitempty"`
	// Columns and Samples are a few of the changes, masked.
	Columns []check.Column `json:"columns,omitempty"`
	Samples []Sample       `json:"samples,omitempty"`
	// Irreversible says why it cannot be undone; empty: it can.
	Irreversible string `json:"irreversible,omitempty"`
	// Risk is what else somebody should know before the click. May be empty.
	Risk string `json:"risk,omitempty"`
	// Content is what is carried out. It is not part of the preview's JSON.
	Content Content `json:"-"`
	// Listing is the complete plan as lines of CSV, header first, masked.
	Listing [][]string `json:"-"`
}

// Dependant is one kind of row that refers to the repaired ones.
type Dependant struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
	// Fate is what becomes of them: "deleted with them", "re-pointed to the kept
	// row".
	Fate string `json:"fate"`
}

// Left is failing rows that a plan leaves alone.
type Left struct {
	Rows int64  `json:"rows"`
	Why  string `json:"why"` // "their other columns differ: decide by hand"
	// Examples are a few of their keys.
	Examples []string `json:"examples,omitempty"`
}

// MaxSamples is how many changes a preview shows; the complete list is a file.
const MaxSamples = 5

// Sample is one change as it may be shown: masked.
type Sample struct {
	Key    string `json:"key"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Outcome is what an apply did.
type Outcome struct {
	Changed int64         `json:"changed"` // failing rows repaired
	Total   int64         `json:"total"`   // changes made in all, dependants too
	Skipped []Skip        `json:"skipped,omitempty"`
	Left    int64         `json:"left,omitempty"` // changes never tried, because it was stopped or failed
	Batches int           `json:"batches"`        // committed
	Took    time.Duration `json:"took"`
	// Unknown: the target did not tell what became of the last batch. The numbers
	// are the least that was done.
	Unknown bool `json:"unknown,omitempty"`
	// Taken counts how often another process had to go on with it.
	Taken int `json:"taken,omitempty"`
	// Verdict, Before and After are the originating check: failing rows at the
	// plan and after the apply. Verdict is empty when the check did not run.
	Verdict check.Verdict `json:"verdict,omitempty"`
	Before  int64         `json:"before"`
	After   int64         `json:"after"`
}

// Skip is a change that was not made.
type Skip struct {
	Table string   `json:"table"`
	Key   []string `json:"key"`
	Why   Why      `json:"why"`
}

// Why tells why a change was not made.
type Why string

// The reasons.
const (
	WhyChanged   Why = "changed since the preview"
	WhyGone      Why = "gone since the preview"
	WhyLocked    Why = "locked by somebody else"
	WhyUnless    Why = "right again"              // the form's own condition held
	WhyDependant Why = "a row still refers to it" // one that was itself left alone
	WhyTaken     Why = "its key is taken"         // an insert met another row
	// WhyGroup is of changes against which nothing speaks but that another one of
	// their group was left alone.
	WhyGroup Why = "goes with a row that was left alone"
)
