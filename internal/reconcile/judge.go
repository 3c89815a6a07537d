package reconcile

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
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
	rows  RowReader
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
func (w *cacheWords) judge(ctx context.Context, cache *redis.Target, rows Rows, pace Pace) (*judge, error) {
	shape, err := parseShape(w.Pattern)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", w.Pattern, err)
	}
	j := &judge{words: w, cache: cache, shape: shape, columns: w.columns()}
	j.rows, err = rows.Reader(ctx, From{w.Rows.Target, w.Rows.Table, w.Rows.Key, j.columns}, pace)
	if err != nil {
		return nil, err
	}
	kinds := j.rows.Types()
	if len(kinds) != len(j.columns) {
		return nil, fmt.Errorf("%s has %d types of %d columns", w.Rows.Table, len(kinds), len(j.columns))
	}
	for _, f := range w.Fields {
		at := slices.Index(j.columns, f.Column)
		kind := familyOf(kinds[at])
		if kind == unequal {
			return nil, &check.Problem{Sentence: fmt.Sprintf(
				"Column %s of table %s is of type %s, with which no cached field can be compared: leave it out of fields.", f.Column, w.Rows.Table, kinds[at])}
		}
		if w.Value == valueJSON {
			p, err := parsePath(f.Field)
			if err != nil {
				return nil, fmt.Errorf("fields: %w", err)
			}
			j.paths = append(j.paths, p)
		}
		j.at, j.families = append(j.at, at), append(j.families, kind)
		j.masks = append(j.masks, w.classify(f.Column, kinds[at]))
	}
	j.time, j.where = slices.Index(j.columns, w.Rows.Time), slices.Index(j.columns, w.where())
	return j, nil
}

// read reads cached values.
func (j *judge) read(ctx context.Context, keys []string) ([]redis.Value, error) {
	if j.words.Value == valueHash {
		return j.cache.Hashes(ctx, keys)
	}
	return j.cache.Strings(ctx, keys)
}

// scan hands over cached values of the keys that choose gives, some megabytes at once.
func (j *judge) scan(ctx context.Context, match string, choose func(keys []string) []string, each func([]redis.Value) error) error {
	if j.words.Value == valueHash {
		return j.cache.ScanHashes(ctx, match, choose, each)
	}
	return j.cache.ScanStrings(ctx, match, choose, each)
}

// look looks at one key: first at its value and then at its row, so that a value that
// was refreshed from its row is not taken for stale.
func (j *judge) look(ctx context.Context, key string) (out verdict, err error) {
	values, err := j.read(ctx, []string{key})
	if err != nil {
		return verdict{}, err
	}
	return out, j.values(ctx, values, nil, 0, func(_ int, v *verdict) { out = *v })
}

const (
	// lookedAtOnce is how many keys are looked at together, and bytesAtOnce how large
	// their values are, about.
	lookedAtOnce = 500
	bytesAtOnce  = 4 << 20
	// unknownSize is for a value of which nobody knows how large it is.
	unknownSize = 64 << 10
)

// keys looks at keys, in their order. sizes are what is known of their values; nil:
// nothing.
func (j *judge) keys(ctx context.Context, keys []string, sizes []int64, since time.Duration) ([]verdict, error) {
	out := make([]verdict, len(keys))
	for from := 0; from < len(keys); {
		to, sum := from, int64(0)
		for ; to < len(keys) && to-from < lookedAtOnce && (to == from || sum < bytesAtOnce); to++ {
			if sizes == nil {
				sum += unknownSize
				continue
			}
			sum += sizes[to]
		}
		values, err := j.read(ctx, keys[from:to])
		if err != nil {
			return nil, err
		}
		if err := j.values(ctx, values, nil, since, func(i int, v *verdict) { out[from+i] = j.slim(*v) }); err != nil {
			return nil, err
		}
		from = to
	}
	return out, nil
}

// values judges values with their rows. known are rows that need not be looked up if a
// value agrees with them; nil: all are looked up. see gets the place of a value and its
// verdict, which is its own until it returns.
func (j *judge) values(ctx context.Context, values []redis.Value, known *knownRows, since time.Duration, see func(i int, v *verdict)) error {
	one := newLooking(j, known, since)
	ids, open := make([]string, 0, len(values)), make([]int, 0, len(values))
	v := verdict{}
	for i := range values {
		id, _ := j.shape.id(values[i].Key)
		v = verdict{value: values[i], id: id}
		if v.gone() || one.knows(&v) {
			see(i, &v)
			continue
		}
		ids, open = append(ids, id), append(open, i)
	}
	if len(ids) == 0 {
		return nil
	}
	rows, now, err := j.rows.Rows(ctx, ids)
	if err != nil {
		return err
	}
	one.when(now)
	for n, i := range open {
		v = verdict{value: values[i], id: ids[n], row: j.existing(rows[n])}
		one.judges(&v)
		see(i, &v)
	}
	return nil
}

// existing is the row, if the config's condition holds for it.
func (j *judge) existing(row Row) Row {
	if row == nil || j.where >= 0 && (row[j.where] == nil || *row[j.where] != "true") {
		return nil
	}
	return row
}

// changedAt is when the row was changed, as far as it tells.
func (j *judge) changedAt(row Row) (at time.Time, ok bool) {
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

// kind is what the values of this check are in Redis.
func (w *cacheWords) kind() string {
	if w.Value == valueHash {
		return redis.Hash
	}
	return redis.String
}

// sign tells whether two looks at a key saw the same: the value, the columns of its
// row, and what is wrong.
func (v verdict) sign() string {
	if v.signed != "" {
		return v.signed
	}
	sum := sha256.New()
	add := func(format string, args ...any) { _, _ = fmt.Fprintf(sum, format, args...) } // a hash takes everything
	add("%q %q ", v.class, v.why)
	if v.value.Kind == redis.String || v.value.Kind == redis.Hash {
		add("%s", v.value.Digest())
	}
	for _, column := range v.row {
		if column == nil {
			add(" -")
			continue
		}
		add(" %d:%s", len(*column), *column)
	}
	return string(sum.Sum(nil))
}
