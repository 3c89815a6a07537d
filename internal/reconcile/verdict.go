package reconcile

import (
	"github.com/integritybot/integritybot/internal/target/redis"
)

// difference is one field that does not agree with its column.
type difference struct {
	field  int // in the config's order
	cached cell
	row    *string
}

// verdict is what one look at one key showed.
type verdict struct {
	value redis.Value
	row   Row // nil: there is none
	id    string
	// class says what is wrong with the value, expiry what with its expiry; empty:
	// nothing.
	class, expiry string
	why           string // more about class, as for unreadable
	differs       []difference
	// unjudged says why the value was not compared; empty: it was.
	unjudged string
}

// wrong tells whether there is something to report.
func (v verdict) wrong() bool { return v.class != "" || v.expiry != "" }

// gone tells that there is no such key any more.
func (v verdict) gone() bool { return v.value.Kind == redis.None }

// Why values are not compared.
const (
	unjudgedYoung = "young" // the row was changed a moment ago
	unjudgedLarge = "large"
	unjudgedSince = "since" // older than what was asked for
)
