package reconcile

import (
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/target/redis"
)

// difference is one field that does not agree with its column.
type difference struct {
	field  int // in the config's order
	cached cell
	row    *string
	shown  [2]string // both as they may be shown, of a verdict that is slim
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
	changed  time.Time // when the row was, as far as it tells
	signed   string    // of one that is slim
}

// wrong tells whether there is something to report.
func (v verdict) wrong() bool { return v.class != "" || v.expiry != "" }

// gone tells that there is no such key any more.
func (v verdict) gone() bool { return v.value.Kind == redis.None }

// slim is a verdict without the value and its row: with what is reported, and what tells
// whether another look saw the same. Many are kept until the end of a check.
func (j *judge) slim(v verdict) verdict {
	if v.value.Kind == redis.String || v.value.Kind == redis.Hash {
		v.value = v.value.Slim()
	}
	v.signed = v.sign()
	if !v.wrong() {
		v.differs = nil
	}
	differs := make([]difference, len(v.differs))
	for i, d := range v.differs {
		differs[i] = difference{field: d.field}
		differs[i].shown[0], differs[i].shown[1] = d.sides(j)
	}
	if v.differs = differs; v.changed.IsZero() {
		v.changed, _ = j.changedAt(v.row)
	}
	v.id, v.row = "", nil
	return v
}

// sides are the cached field and its column as they may be shown.
func (d difference) sides(j *judge) (cached, row string) {
	if d.shown != [2]string{} {
		return d.shown[0], d.shown[1]
	}
	return strings.Clone(j.masked(d.field, d.cached)), strings.Clone(j.maskedColumn(d.field, d.row))
}

// Why values are not compared.
const (
	unjudgedYoung = "young" // the row was changed a moment ago
	unjudgedLarge = "large"
	unjudgedSince = "since" // older than what was asked for
)
