package check

import (
	"time"

	"github.com/shopspring/decimal"
)

// MaxExamples is how many rows a finding shows; the complete list is a file.
const MaxExamples = 10

// Finding is what one run of a check found. Its numbers are exact.
type Finding struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	// Reason says for UNKNOWN what did not answer, in a sentence for people.
	Reason string `json:"reason,omitempty"`
	// Cause is the error behind it, for the log. Never shown.
	Cause    string        `json:"-"`
	Tally    Tally         `json:"tally"`
	Result   Result        `json:"result"`
	Started  time.Time     `json:"started"`
	Duration time.Duration `json:"duration"` // nanoseconds in JSON
}

// Tally sums up the rows found so far. It is saved with the cursor, so that a
// continued run counts nothing twice.
type Tally struct {
	Rows     int64                      `json:"rows"`
	Classes  map[string]int64           `json:"classes,omitempty"`
	Money    map[string]decimal.Decimal `json:"money,omitempty"` // by currency
	First    time.Time                  `json:"first,omitzero"`  // first bad time known
	Last     time.Time                  `json:"last,omitzero"`
	Recent   Recent                     `json:"recent,omitzero"`
	Columns  []Column                   `json:"columns,omitempty"`
	Examples []Example                  `json:"examples,omitempty"` // masked
}

// RecentWithin is how long before a run began a row went bad for it to be recent.
const RecentWithin = 24 * time.Hour

// Recent are the rows that went bad lately: what happened today is not to be dated
// by a row that nobody noticed for a year.
type Recent struct {
	Rows  int64     `json:"rows"`
	First time.Time `json:"first,omitzero"`
}

// Example is one failing row as it may be shown: masked.
type Example struct {
	Class  string   `json:"class,omitempty"`
	Values []string `json:"values"`
}
