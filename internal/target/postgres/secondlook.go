package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
)

const (
	lookRounds = 3 // how often a suspect that keeps changing is looked at
	// Suspects looked at in one statement.
	lookBatch, lookBatchFull = 1_000, 5_000
	// Suspects that may wait; a walk that finds more in one chunk should answer
	// ErrSplit. It bounds memory, and how often the delay is waited for.
	lookWaiting = 10_000
)

// Suspect is a row that looked wrong once.
type Suspect struct {
	Key []string
	Way string // in which way it looked wrong, such as its class; may be empty
}

// Failing is a suspect that still looks wrong, with all that is to be shown.
type Failing struct {
	Row check.Row // its Key is the Suspect's
	Way string
}

// Look judges rows again by their keys, in one statement, and gives those that
// fail now, each at most once, in any order.
type Look func(ctx context.Context, s *Session, keys [][]string) ([]Failing, error)

// Lookout keeps suspects until they were looked at a second time, hands over
// those that still fail in the same way, and saves the run. This is what keeps
// rows that were merely in flight out of a finding.
type Lookout struct {
	r    *Reader
	look Look

	waiting []Suspect
	seen    time.Time // when the youngest of them looked wrong
	saved   time.Time
}

// Lookout makes a lookout for one run.
func (r *Reader) Lookout(look Look) *Lookout {
	return &Lookout{r: r, look: look, saved: r.t.opts.Now()}
}

// Add takes suspects in. Call Step soon.
func (l *Lookout) Add(suspects ...Suspect) {
	if len(suspects) == 0 {
		return
	}
	l.waiting = append(l.waiting, suspects...)
	l.seen = l.r.t.opts.Now()
}

// Step is called after every accepted chunk, with what makes the cursor behind
// it. When suspects have waited long enough, or are many, it looks at them and
// saves; when there are none it saves from time to time. It never saves a
// cursor in front of which a suspect still waits: a run that goes on from it
// would never see that suspect.
func (l *Lookout) Step(ctx context.Context, cursor func() any) error {
	now := l.r.t.opts.Now()
	switch {
	case len(l.waiting) >= lookWaiting,
		len(l.waiting) > 0 && now.Sub(l.seen) >= l.r.t.opts.SecondLook,
		len(l.waiting) > 0 && now.Sub(l.saved) >= l.r.t.opts.SaveEvery,
		len(l.waiting) == 0 && now.Sub(l.saved) >= l.r.t.opts.SaveEvery:
		return l.Flush(ctx, cursor)
	}
	return nil
}

// Flush looks at all suspects, waiting for their time to come, and saves.
func (l *Lookout) Flush(ctx context.Context, cursor func() any) error {
	if err := l.converge(ctx); err != nil {
		return err
	}
	next, err := json.Marshal(cursor())
	if err != nil {
		return fmt.Errorf("write the cursor: %w", err)
	}
	l.saved = l.r.t.opts.Now()
	return l.r.rec.Save(ctx, next)
}

// converge looks at the suspects until each was wrong in the same way twice, or
// is right. One that is wrong in another way at every look is wrong.
func (l *Lookout) converge(ctx context.Context) error {
	suspects := l.waiting
	l.waiting = nil
	for round := 1; len(suspects) > 0; round++ {
		if err := l.r.t.opts.Sleep(ctx, l.seen.Add(l.r.t.opts.SecondLook).Sub(l.r.t.opts.Now())); err != nil {
			return err
		}
		size := lookBatch
		if l.r.Full() {
			size = lookBatchFull
		}
		var again []Suspect
		for batch := range slices.Chunk(suspects, size) {
			changed, err := l.again(ctx, batch, round == lookRounds)
			if err != nil {
				return err
			}
			again = append(again, changed...)
		}
		suspects, l.seen = again, l.r.t.opts.Now()
	}
	return nil
}

// again looks at one batch, hands over what fails as before, and gives those
// that fail in another way.
func (l *Lookout) again(ctx context.Context, batch []Suspect, last bool) ([]Suspect, error) {
	before := make(map[string]string, len(batch))
	var keys [][]string
	for _, s := range batch {
		if _, twice := before[joined(s.Key)]; !twice {
			keys = append(keys, s.Key)
		}
		before[joined(s.Key)] = s.Way
	}
	s, err := l.r.t.session(ctx, l.r.slots(), l.r.t.opts.StatementTimeout)
	if err != nil {
		return nil, err
	}
	failing, err := l.look(ctx, s, keys)
	s.Release()
	if err != nil {
		return nil, err
	}
	var changed []Suspect
	var rows []check.Row
	for _, f := range failing {
		if way, known := before[joined(f.Row.Key)]; known && way != f.Way && !last {
			changed = append(changed, Suspect{Key: f.Row.Key, Way: f.Way})
			continue
		}
		rows = append(rows, f.Row)
	}
	if len(rows) > 0 {
		l.r.rec.Found(rows...)
	}
	return changed, nil
}

// joined is a key as one string; the separator cannot occur in Postgres text.
func joined(key []string) string { return strings.Join(key, "\x00") }

// keyArrays are the arguments and the SQL of a list of keys to join with: one
// text array per column, cast to the column's own type, named
// ib_key("1", "2", …).
// Parameters are numbered from first on.
func keyArrays(cols []Column, keys [][]string, first int) (sql string, args []any) {
	var params, names, casts []string
	for i, c := range cols {
		values := make([]string, len(keys))
		for j, k := range keys {
			values[j] = k[i]
		}
		args = append(args, values)
		params = append(params, fmt.Sprintf("$%d::text[]", first+i))
		names = append(names, fmt.Sprintf(`"%d"`, i+1))
		casts = append(casts, fmt.Sprintf(`"%d"::%s AS "%d"`, i+1, c.Type, i+1))
	}
	return fmt.Sprintf("(SELECT %s FROM unnest(%s) AS u(%s)) AS ib_key",
		strings.Join(casts, ", "), strings.Join(params, ", "), strings.Join(names, ", ")), args
}

// keyJoin is the condition that joins a table with [keyArrays].
func keyJoin(alias string, cols []Column) string {
	parts := make([]string, len(cols))
	for i, c := range cols {
		parts[i] = fmt.Sprintf(`%s = ib_key."%d"`, c.In(alias), i+1)
	}
	return strings.Join(parts, " AND ")
}
