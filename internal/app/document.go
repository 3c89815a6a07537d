package app

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/check/report"
)

// document is a run as `check --output json` prints it. Scripts read it, so it
// is a shape of its own: what the store keeps may change without it.
type document struct {
	Verdict  check.Verdict `json:"verdict"` // the worst of the findings
	Title    string        `json:"title"`
	Started  time.Time     `json:"started"`
	Finished time.Time     `json:"finished"`
	Findings []documented  `json:"findings"`
}

// documented is one check's finding. Numbers are exact.
type documented struct {
	Check    string        `json:"check"`
	Title    string        `json:"title"`
	Domain   string        `json:"domain"`
	Severity string        `json:"severity"`
	Target   string        `json:"target"`
	Verdict  check.Verdict `json:"verdict"`
	Reason   string        `json:"reason,omitempty"` // of UNKNOWN, in a sentence
	Says     string        `json:"says,omitempty"`   // the outcome in a clause, where numbers say little
	Rows     int64         `json:"rows"`             // that fail
	Scanned  int64         `json:"scanned"`          // that were judged
	Read     int64         `json:"read"`             // in all tables
	// Classes counts the failing rows by kind of failure.
	Classes map[string]int64 `json:"classes,omitempty"`
	// Money at stake by currency, as decimal text: a float would round it.
	Money    map[string]decimal.Decimal `json:"money,omitempty"`
	FirstBad time.Time                  `json:"first_bad,omitzero"`
	LastBad  time.Time                  `json:"last_bad,omitzero"`
	Columns  []string                   `json:"columns,omitempty"`
	Examples []check.Example            `json:"examples,omitempty"` // masked unless asked otherwise
	Plan     string                     `json:"plan,omitempty"`
	Position string                     `json:"position,omitempty"` // of the source: an LSN
	Notes    []string                   `json:"notes,omitempty"`
	Started  time.Time                  `json:"started"`
	Seconds  float64                    `json:"seconds"`
}

func documentOf(run check.Run, checks report.Checks) document {
	d := document{
		Verdict: worst(run.Findings), Title: run.Title, Started: run.Started.UTC(), Finished: run.Finished.UTC(),
		Findings: []documented{},
	}
	for _, f := range run.Findings {
		c := checks[f.Check]
		one := documented{
			Check: f.Check, Title: c.Title, Domain: c.Domain, Severity: c.Severity, Target: c.Target,
			Verdict: f.Verdict, Reason: f.Reason,
			Says: f.Result.Says, Rows: f.Tally.Rows, Scanned: f.Result.Scanned, Read: f.Result.Read,
			Classes: f.Tally.Classes, Money: f.Tally.Money, FirstBad: f.Tally.First.UTC(), LastBad: f.Tally.Last.UTC(),
			Examples: f.Tally.Examples, Plan: f.Result.Plan, Position: f.Result.Position, Notes: f.Result.Notes,
			Started: f.Started.UTC(), Seconds: f.Duration.Seconds(),
		}
		for _, column := range f.Tally.Columns {
			one.Columns = append(one.Columns, column.Name)
		}
		d.Findings = append(d.Findings, one)
	}
	return d
}
