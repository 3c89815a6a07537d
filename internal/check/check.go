// Package check knows what a check is, what a run of it may say, and how a set
// of checks is run: side by side, each with its own deadline, resumable, with
// progress. It imports no driver; how a kind of check looks at its target is
// the target's business.
//
// It never turns "did not answer" into PASS: a verdict is PASS only when the
// detector finished and reported no row.
package check

import (
	"context"
	"encoding/json"
	"time"
)

// Verdict is what one run of a check says.
type Verdict string

// The verdicts. Unknown is never Pass.
const (
	Pass    Verdict = "PASS"
	Fail    Verdict = "FAIL"
	Unknown Verdict = "UNKNOWN"
)

// Check is a named statement about data that must hold.
type Check struct {
	Name     string // as people type it: orphaned-orders
	Title    string // as people read it: Orphaned orders
	Domain   string // orders, customers, inventory, payments, …
	Severity string // P0 … P3
	Kind     string // orphans, duplicates, totals, …
	Target   string // the target's name in the config
	Place    string // where it looks, for people: production/shop
	Owner    string // who answers for this data; may be empty
	// Means says in one clause what a failing row is, to follow a number:
	// "orders belong to a customer that does not exist".
	Means string
	// Likely says in one sentence how such rows usually come about.
	Likely string
	// Noun is what is counted, in the plural: orders.
	Noun string
	// Currency is the ISO code of the money at stake; empty when there is none.
	Currency string
	// OnRequest keeps it out of "all": it runs when it or its domain is named.
	OnRequest bool
	// Off: the config gives no address for its target. "all" leaves it out and says so;
	// asked for by name it is UNKNOWN.
	Off bool
	// Fixable: the config declares how what it finds may be repaired.
	Fixable bool
	// Timeout bounds one run of this check.
	Timeout  time.Duration
	Detector Detector
}

// Options of one run.
type Options struct {
	// Full reads as fast as the target allows, two sessions side by side,
	// without the load governor. The default is polite.
	Full bool
	// Since restricts the run to rows whose time column is younger; 0 is all.
	Since time.Duration
	// GroupBy is by what findings are sorted into classes, where a kind knows more
	// than one way; empty: its own.
	GroupBy string `json:",omitempty"`
	// Overview asks for the table of everything that was looked at, and not only
	// of what is wrong; see Result.
	Overview bool `json:",omitempty"`
	// Match restricts the run to what matches, in the kind's own words: a pattern of
	// keys. Only a run of a check whose kind knows it is asked for with one.
	Match string `json:",omitempty"`
}

// Detector looks for failing rows. Implementations read only, honour ctx
// within one statement, and never hold a snapshot longer than a chunk.
type Detector interface {
	// Detect examines the data from the cursor on (nil: from the beginning)
	// and hands confirmed rows and progress to rec. An error is a source that
	// did not answer, and makes the verdict UNKNOWN; wrap it in a Problem to
	// say in a sentence what did not answer and what to do.
	Detect(ctx context.Context, opts Options, from Cursor, rec Recorder) (Result, error)
}

// Cursor is where a detector can go on after a crash: its own JSON, opaque to
// everybody else.
type Cursor = json.RawMessage

// Recorder receives what a detector finds. A detector calls it from one
// goroutine at a time.
type Recorder interface {
	// Columns names the columns of the rows that follow. Called before Found.
	Columns(cols []Column)
	// Found hands over confirmed failing rows. They are kept in memory until
	// Save, so call Save at least every few thousand rows.
	Found(rows ...Row)
	// Save makes the rows found since the last Save durable together with the
	// cursor that continues behind them.
	Save(ctx context.Context, next Cursor) error
	// Progress tells how far it is. It may be called often.
	Progress(p Progress)
}

// Progress is how far a detector is.
type Progress struct {
	Done, Total int64  // in rows read, estimated
	Reading     string // the table being read
	// Paused says why it waits, when it does: "replica lag 12 s (limit 5 s)".
	Paused string
}

// Result is what a detector knows at its end beside the rows.
type Result struct {
	// Scanned is how many rows were judged: the "of" in "30 of 3,000,000".
	// It is exact.
	Scanned int64
	// Read is how many rows were read in all tables, for the small print.
	Read int64
	// Plan says in a few words how it was read: "key ranges", "bucket sums".
	Plan string
	// Position is the source position the finding speaks of (an LSN, an offset).
	Position string
	// Says is the outcome in a clause, where a number of rows says little: "2 of 12
	// partitions are behind: 48,210 records, the oldest 14 min old". It holds no row
	// data. Empty: the numbers say it.
	Says string `json:",omitempty"`
	// Overview is a table worth seeing even where nothing is wrong: the lag of
	// every partition. Its cells are fit to be shown. nil: none.
	Overview *Overview `json:"Overview,omitempty"`
	// Notes are sentences worth knowing: "12 orders have no customer at all
	// (NULL): not judged", "an index on … would make this faster".
	Notes []string
}

// MaxOverview is how many rows an overview has at most.
const MaxOverview = 100

// Overview is a table of what was looked at.
type Overview struct {
	Columns []Column   `json:"columns"`
	Rows    [][]string `json:"rows"`
	// Total is how many rows there would be without the limit.
	Total int64 `json:"total"`
}

// Problem is an error that has a sentence for people. The sentence holds
// nothing secret and no row data.
type Problem struct {
	Sentence string // "Postgres production/shop did not answer in 5 s."
	Err      error  // for the log
}

func (p *Problem) Error() string {
	if p.Err == nil {
		return p.Sentence
	}
	return p.Sentence + ": " + p.Err.Error()
}

func (p *Problem) Unwrap() error { return p.Err }
