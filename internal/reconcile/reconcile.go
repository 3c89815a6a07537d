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

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// Row is the columns of one row as text; nil is NULL.
type Row []*string

// Rows reads rows of the databases that caches are made from.
type Rows interface {
	// Lookup reads rows of a table in a target by one column that tells them apart. The
	// text of a key that was asked for comes back; what has no row is not in the result.
	// A column in parentheses is an expression over the row. Without keys it gives the
	// types of the columns as the row of the empty key. Errors are Problems.
	Lookup(ctx context.Context, target, table, key string, columns, keys []string) (map[string]Row, error)
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
