package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// The classes of finding.
const (
	classStale      = "stale"       // a field differs from its column
	classGone       = "missing row" // there is no such row
	classUnreadable = "unreadable"  // it is not what the config says that it is
	classForever    = "no expiry"
	classLong       = "expiry beyond policy"
	classTogether   = "expire together"
)

// judge knows what a check needs to judge cached values.
type judge struct {
	words *cacheWords
	cache *redis.Target
	rows  Rows
	shape shape
	paths []path // of JSON, in the order of the fields

	columns  []string
	at       []int // of each field's column in columns
	families []family
	masks    []check.Class // of each field's column
	time     int           // of the row's time in columns; -1: there is none
	where    int
}

// judge looks the columns up. Errors are Problems.
func (w *cacheWords) judge(ctx context.Context, cache *redis.Target, rows Rows) (*judge, error) {
	shape, err := parseShape(w.Pattern)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", w.Pattern, err)
	}
	j := &judge{words: w, cache: cache, rows: rows, shape: shape, columns: w.columns()}
	types, err := j.lookup(ctx, nil)
	if err != nil {
		return nil, err
	}
	kinds := types[""]
	if len(kinds) != len(j.columns) {
		return nil, fmt.Errorf("%s has %d types of %d columns", w.Rows.Table, len(kinds), len(j.columns))
	}
	for _, f := range w.Fields {
		at := slices.Index(j.columns, f.Column)
		kind := familyOf(*kinds[at])
		if kind == unequal {
			return nil, &check.Problem{Sentence: fmt.Sprintf(
				"Column %s of table %s is of type %s, with which no cached field can be compared: leave it out of fields.", f.Column, w.Rows.Table, *kinds[at])}
		}
		if w.Value == valueJSON {
			p, err := parsePath(f.Field)
			if err != nil {
				return nil, fmt.Errorf("fields: %w", err)
			}
			j.paths = append(j.paths, p)
		}
		j.at, j.families = append(j.at, at), append(j.families, kind)
		j.masks = append(j.masks, w.classify(f.Column, *kinds[at]))
	}
	j.time, j.where = slices.Index(j.columns, w.Rows.Time), slices.Index(j.columns, w.where())
	return j, nil
}

// lookup reads rows by their keys.
func (j *judge) lookup(ctx context.Context, ids []string) (map[string]Row, error) {
	r := j.words.Rows
	return j.rows.Lookup(ctx, r.Target, r.Table, r.Key, j.columns, ids)
}

// read reads cached values.
func (j *judge) read(ctx context.Context, keys []string) ([]redis.Value, error) {
	if j.words.Value == valueHash {
		return j.cache.Hashes(ctx, keys)
	}
	return j.cache.Strings(ctx, keys)
}

// judgeAll looks at keys: first at their values and then at their rows, so that a value
// that was refreshed from its row is not taken for stale.
func (j *judge) judgeAll(ctx context.Context, keys []string, since time.Duration) ([]verdict, error) {
	values, err := j.read(ctx, keys)
	if err != nil {
		return nil, err
	}
	return j.judgeValues(ctx, values, since)
}

func (j *judge) judgeValues(ctx context.Context, values []redis.Value, since time.Duration) ([]verdict, error) {
	ids := make([]string, 0, len(values))
	out := make([]verdict, len(values))
	for i, v := range values {
		out[i].value = v
		if out[i].gone() {
			continue
		}
		out[i].id, _ = j.shape.id(v.Key)
		ids = append(ids, out[i].id)
	}
	if len(ids) == 0 {
		return out, nil
	}
	rows, err := j.lookup(ctx, ids)
	if err != nil {
		return nil, err
	}
	now := j.cache.Now()
	for i := range out {
		if !out[i].gone() {
			out[i].row = j.existing(rows[out[i].id])
			j.one(&out[i], now, since)
		}
	}
	return out, nil
}

// existing is the row, if the config's condition holds for it.
func (j *judge) existing(row Row) Row {
	if row == nil || j.where >= 0 && (row[j.where] == nil || *row[j.where] != "true") {
		return nil
	}
	return row
}

// one judges one value with its row.
func (j *judge) one(v *verdict, now time.Time, since time.Duration) {
	v.expiry = j.expiry(v.value)
	changed, dated := j.changed(v.row)
	switch {
	case since > 0 && (!dated || now.Sub(changed) > since):
		v.unjudged, v.expiry = unjudgedSince, ""
	case v.value.Large:
		v.unjudged = unjudgedLarge
	case dated && now.Sub(changed) < j.words.minAge():
		v.unjudged = unjudgedYoung
	default:
		v.compare(j)
	}
}

// changed is when the row was changed, as far as it tells.
func (j *judge) changed(row Row) (at time.Time, ok bool) {
	if row == nil || j.time < 0 || row[j.time] == nil {
		return time.Time{}, false
	}
	return rowTime(*row[j.time])
}

func (j *judge) expiry(v redis.Value) string {
	longest := j.words.longest()
	switch {
	case v.TTL == redis.Forever && j.words.expiryRequired():
		return classForever
	case v.TTL != redis.Forever && longest > 0 && v.TTL > longest:
		return classLong
	}
	return ""
}

// compare says what is wrong with the value itself.
func (v *verdict) compare(j *judge) {
	cells, why := j.cells(v.value)
	switch {
	case why != "":
		v.class, v.why = classUnreadable, why
	case v.row == nil:
		v.class = classGone
	default:
		for i, c := range cells {
			if column := v.row[j.at[i]]; !j.words.agrees(c, column, j.families[i]) {
				v.differs = append(v.differs, difference{i, c, column})
			}
		}
		if len(v.differs) > 0 {
			v.class = classStale
		}
	}
}

// cells takes a value apart. why says why that cannot be done; empty: it can.
func (j *judge) cells(v redis.Value) (cells []cell, why string) {
	want := redis.String
	if j.words.Value == valueHash {
		want = redis.Hash
	}
	if v.Kind != want {
		return nil, "a " + v.Kind + " and no " + want
	}
	switch j.words.Value {
	case valueJSON:
		return cut(v.Text, j.paths)
	case valueString:
		return []cell{{text, v.Text}}, ""
	}
	for _, f := range j.words.Fields {
		c := cell{}
		if said, ok := v.Fields[f.Field]; ok {
			c = cell{text, said}
		}
		cells = append(cells, c)
	}
	return cells, ""
}

// sign tells whether two looks at a key saw the same: the value, the columns of its
// row, and what is wrong.
func (v verdict) sign() string {
	var b strings.Builder
	b.WriteString(v.class + "\x00" + v.why + "\x00")
	if v.value.Kind == redis.String || v.value.Kind == redis.Hash {
		b.WriteString(v.value.Digest())
	}
	for _, column := range v.row {
		if column == nil {
			b.WriteString("\x00-")
			continue
		}
		fmt.Fprintf(&b, "\x00%d:%s", len(*column), *column)
	}
	return b.String()
}
