// Package reconcile is what needs two targets: whether what a cache holds agrees with
// the rows that it was made from.
//
// It only looks; what is to be removed is frozen in a plan and carried out by the
// cache's own target. A value that was refreshed, or a row that was changed, while
// they were compared is never reported, and what could not be judged is counted and
// said, never passed.
package reconcile

import (
	"context"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// Row is the columns of one row as text; nil is NULL.
type Row = []*string

// From says which rows of a database are read: by one column that tells them apart. A
// column in parentheses is an expression over the row.
type From struct {
	Target, Table, Key string
	Columns            []string
}

// Pace is how they are read: at full speed, or politely, with pauses that are told of.
type Pace struct {
	Full   bool
	Paused func(why string) // empty: the pause is over; nil: nobody wants to know
}

// Rows reads rows of the databases that caches are made from: of the database itself,
// and not of a replica, which would not know yet what a cached value does.
type Rows interface {
	// Reader prepares to read rows, and looks whether that can be done. Errors are
	// Problems.
	Reader(ctx context.Context, from From, pace Pace) (RowReader, error)
}

// RowReader reads rows of one table.
type RowReader interface {
	// Types are those of the columns.
	Types() []string
	// Rows reads the rows of keys, in their order; nil: there is none. now is the
	// database's clock before it looked. Errors are Problems.
	Rows(ctx context.Context, keys []string) (rows []Row, now time.Time, err error)
	// All hands over the rows of the whole table with their keys, if it has about so many
	// at most and they can be read faster than they are looked up. What each gets is its
	// own until it returns. Rows may come twice, or not at all.
	All(ctx context.Context, most int64, each func(key []byte, row [][]byte) error) (read bool, err error)
}

// Declaration is what the config says about one check of a cache.
type Declaration interface {
	// Validate tries the declaration on a live cache and database: columns, rights.
	// Errors are Problems. It leaves no trace.
	Validate(ctx context.Context, cache *redis.Target, rows Rows) error
	// Detector makes the detector that carries the check out.
	Detector(cache *redis.Target, rows Rows) check.Detector
	// Targets are the databases that the check asks, by the word that names them.
	Targets() map[string]string
}

// Cache is a check of a cache with what it compares.
type Cache struct {
	Check       check.Check
	Declaration Declaration
	Target      *redis.Target // nil: the target is off
	Rows        Rows
}

// Planner makes the planner of this fix for a check. others are the other checks of
// the same cache: what belongs to none of them is said before a flush.
func (f Fix) Planner(cache *redis.Target, rows Rows, c check.Check, others ...Declaration) fix.Planner {
	return &planner{words: f.words, cache: cache, rows: rows, check: c, others: others}
}
