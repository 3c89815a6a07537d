package check

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Order is a run as it was asked for. It is stored before it is acknowledged
// and never changes.
type Order struct {
	ID      int64
	Title   string   // what people asked for: "Orders", "Order totals", "All checks"
	Words   string   // the words that ask for the same again: "check orders --full"
	Checks  []string // names, in the order they are shown
	Options Options
	Channel string
	// Thread is the Slack timestamp of a thread to answer in; empty to begin one.
	Thread      string
	ResponseURL string
	AskedBy     string // Slack user id; empty for schedules
	AskedAt     time.Time
	Request     string // request id
	// Off names checks that were left out, because their targets are off.
	Off []string `json:",omitempty"`
	// NoRows forbids row data in messages and files: the channel is shared with
	// another organisation.
	NoRows bool
	// Step is what the run does beside or instead of running its checks.
	Step Step `json:",omitempty"`
	// Plan is the plan that it works out or applies; 0: none.
	Plan int64 `json:",omitempty"`
	// Select narrows an export down, in the target's words, such as key=o-17; all of
	// them must hold. Limit is how many records it gives at most; 0: all.
	Select []string `json:",omitempty"`
	Limit  int      `json:",omitempty"`
	// Look is the way of looking that a run of StepLook is for; see package look.
	// Select are then its words, and Checks and Domain what it is about. Grep is a
	// regular expression that lines must match.
	Look   string `json:",omitempty"`
	Domain string `json:",omitempty"`
	Grep   string `json:",omitempty"`
	// Right is what the asker must still be allowed when it begins, beside what its
	// checks need: look:logs.
	Right string `json:",omitempty"`
	// Incident is the one that it belongs to. 0: the one that holds the channel, or, for a
	// run that is there for a plan, that of the plan.
	Incident int64 `json:",omitempty"`
}

// Step is a kind of run.
type Step string

// The kinds of run. Most only look: their Step is empty.
const (
	StepPlan   Step = "plan"   // works a plan out, and changes nothing
	StepApply  Step = "apply"  // carries a plan out, then runs the check that led to it
	StepVerify Step = "verify" // only looks, and answers with the runbook's list
	StepExport Step = "export" // gives a file of what its one check looks at
	StepLook   Step = "look"   // looks at something that is no check
)

// Ref is how people name the run: R-1042.
func (o Order) Ref() string { return Ref(o.ID) }

// Ref makes the name of a run from its number.
func Ref(id int64) string { return "R-" + strconv.FormatInt(id, 10) }

// ParseRef reads R-1042, r-1042 or 1042.
func ParseRef(s string) (int64, error) {
	digits := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(s)), "R-")
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || id < 1 {
		return 0, fmt.Errorf("%q is not a run; runs look like R-1042", s)
	}
	return id, nil
}

// RunState is where a run stands.
type RunState string

// The states of a run: queued → running → done | stopped | failed.
const (
	Queued  RunState = "queued"
	Running RunState = "running"
	Done    RunState = "done"
	Stopped RunState = "stopped" // by a person
	Failed  RunState = "failed"  // gave up; says why
)

// Run is an order together with how far it has come.
type Run struct {
	Order
	State     RunState
	StoppedBy string // Slack user id
	Reason    string // why it failed, in a sentence for people
	Findings  []Finding
	Started   time.Time
	Finished  time.Time
}
