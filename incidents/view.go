package incidents

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
)

// View is everything that is stored about an incident, read as of one moment. The
// summary, the notices, the timeline and the export are functions of it alone.
type View struct {
	Incident Incident
	// Checks are those that were run for it or, if it was declared under a run, in that
	// run, in the order in which they were first run.
	Checks  []Checked
	Repairs []Repair // in the order of their ids
	Notices []Sent   // in the order of their ids
	Entries []Entry  // all revisions, by key and revision
	// Events are the audit events of the incident, the oldest first.
	Events []audit.Entry
	// Runs are under way: what people wait for.
	Runs []Underway
	// Ended are the runs of the checklist's steps that are over, by their numbers. A run
	// that is not here is not known to be over.
	Ended map[int64]Ended
	Now   time.Time // of the database
}

// Checked is what was found of one check in the runs of an incident.
type Checked struct {
	Name  string
	First Measure // the first run that gave PASS or FAIL
	Last  Measure // the latest run, whatever it gave
	// Failed is the last that failed, Passed the last that passed; zero if none did.
	Failed, Passed Measure
	// Grew is the last time at which a run found more than the run before; zero: never.
	Grew time.Time
}

// Measure is one finding in numbers. It never holds row data.
type Measure struct {
	Run     int64
	Verdict check.Verdict
	Reason  string // for UNKNOWN
	Rows    int64  // wrong
	Of      int64  // looked at
	Money   map[string]decimal.Decimal
	// First and Last bad time known.
	First, Last time.Time
	// Began is when its reading began at the earliest, by the clock of the database: when
	// its run was begun or, for the check with which a plan ends, when that plan had ended.
	// Measures are in this order. Started and At are of the process that measured: they
	// are to be shown, not to be compared.
	Began   time.Time
	Started time.Time
	At      time.Time // it was known
}

// Ended is how a run ended.
type Ended struct {
	State   check.RunState
	Verdict check.Verdict // the worst of its findings; empty: it has none, as what only looks
}

// Known tells whether there is such a measure.
func (m Measure) Known() bool { return m.Run > 0 }

// Repair is a plan of the incident.
type Repair struct {
	ID                       int64
	Ref                      string // P-77
	Check                    string
	Mode                     string // delete, replay, stop, …
	Target                   string // where: production/shop
	State                    string // as package fix names it: waiting, applying, applied, …
	Does                     string // in a clause, without row data
	Rows                     int64
	AskedBy, DecidedBy       string // Slack user ids
	Asked, Decided, Finished time.Time
	// Before and After are the failing rows, if it was verified.
	Verdict       check.Verdict
	Before, After int64
	Undoes        int64 // the plan that it takes back
	UndoneBy      int64
}

// Active tells whether it is under way, so that nothing may end.
func (r Repair) Active() bool { return r.State == "approved" || r.State == "applying" }

// Applied tells whether it changed something.
func (r Repair) Applied() bool { return r.State == "applied" || r.State == "partly applied" }

// Underway is a run that is not over.
type Underway struct {
	Run   int64
	Title string
	By    string
	Since time.Time
}

// Sent is a notice with what became of it.
type Sent struct {
	Notice
	Deliveries []Delivery
}

// Opened is a line of the list of incidents.
type Opened struct {
	Incident Incident
	Checks   []Checked // of its runs
}
