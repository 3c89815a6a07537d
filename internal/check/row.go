package check

import (
	"time"

	"github.com/shopspring/decimal"
)

// Class tells what kind of data a column holds, and so how it is masked.
type Class string

// The classes of column. Keys, numbers, times and codes are shown; the rest is
// masked unless the config says otherwise.
const (
	Key    Class = "key"
	Number Class = "number"
	Time   Class = "time"
	Code   Class = "code" // a short word from a fixed set: a status, a currency
	Email  Class = "email"
	Name   Class = "name"
	Phone  Class = "phone"
	Free   Class = "text" // free text
)

// Column describes one column of the failing rows.
type Column struct {
	Name  string `json:"name"`
	Class Class  `json:"class"`
}

// Row is one failing row.
type Row struct {
	// Key identifies the row in its table: the primary key, or the match key.
	Key []string
	// Values stand in the order of the columns. nil is SQL NULL.
	Values []*string
	// Class sorts findings inside one check: unpaid, paid twice. May be empty.
	Class string
	// Money is what is at stake in this row, in major units, never negative.
	// Currency overrides the check's currency when not empty.
	Money    decimal.NullDecimal
	Currency string
	// At is when the row went bad as far as the data tells; zero if it does not.
	At time.Time
}
