package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

const (
	// Hashes held at once: 8 bytes each. A table of more rows is read several
	// times, each time for one slice of all hashes.
	hashesPerSlice = 4_000_000
	// A chunk brings one array of hashes.
	hashChunkRows = 200_000
	// Repeated hashes listed in one second pass, and kept in the cursor.
	twicePerPass = 20_000
)

// hashWalk finds values that occur more than once where no index tells: it
// collects a 64-bit hash per row, finds those that come twice, and lists their
// rows in a second pass. Neither memory nor the length of a statement depends on
// the size of the table. Equal hashes of different values only cost a look.
type hashWalk struct {
	r       *Reader
	subject *subject
	values  []string // expressions that must be unique together
	judged  string   // condition of rows that may be reported
	lookout *Lookout
	cursor  func() any
	state   *hashState
}

// hashState is a hashWalk's part of a cursor. A run goes on at the beginning of a
// slice's first pass, or anywhere in its second.
type hashState struct {
	Plan    string    `json:"plan,omitempty"`
	Next    int64     `json:"next"` // hashes from here on are still to be judged
	Last    int64     `json:"last"` // the last hash of the slice under way
	Twice   []int64   `json:"twice,omitempty"`
	List    *rowState `json:"list,omitempty"` // the second pass, when under way
	Begun   bool      `json:"begun,omitempty"`
	Done    bool      `json:"done,omitempty"`
	Scanned int64     `json:"scanned"`
	Groups  int64     `json:"groups,omitempty"`
}

// hashesOf is what a chunk of the first pass brings.
type hashesOf struct {
	scanned int64
	hashes  []int64
}

func (w *hashWalk) run(ctx context.Context) error {
	count := 1 + w.subject.table.Estimate()/hashesPerSlice
	w.r.Expect(2*count*w.subject.table.Estimate(), w.r.Read())
	if !w.state.Begun {
		w.state.Next = math.MinInt64
	}
	for !w.state.Done {
		if w.state.List == nil {
			w.state.Last = math.MaxInt64
			if width := math.MaxUint64 / uint64(count); count > 1 && uint64(math.MaxInt64-w.state.Next) > width { //nolint:gosec // the difference as 64 bits, on purpose
				w.state.Last = w.state.Next + int64(width) //nolint:gosec // width is less than the difference
			}
			if err := w.collect(ctx); err != nil {
				return err
			}
		}
		if err := w.list(ctx); err != nil {
			return err
		}
		w.state.List, w.state.Twice = nil, nil
		if w.state.Last == math.MaxInt64 {
			w.state.Done = true
		} else {
			w.state.Next = w.state.Last + 1
		}
	}
	return nil
}

// hash is the values' hash. It is the one of their types, so values that are
// equal have equal hashes whatever their texts.
func (w *hashWalk) hash() string {
	return "hash_record_extended(ROW(" + strings.Join(w.values, ", ") + "), 0)"
}

// inSlice is the condition of rows of the slice under way, NULLs left out.
func (w *hashWalk) inSlice() string {
	var parts []string
	for _, v := range w.values {
		parts = append(parts, v+" IS NOT NULL")
	}
	if w.state.Next != math.MinInt64 || w.state.Last != math.MaxInt64 {
		parts = append(parts, fmt.Sprintf("%s BETWEEN '%d'::bigint AND '%d'::bigint", w.hash(), w.state.Next, w.state.Last))
	}
	return strings.Join(parts, " AND ")
}

// collect is the first pass.
func (w *hashWalk) collect(ctx context.Context) error {
	plain := &rowWalk{r: w.r, subject: w.subject}
	plan, err := plain.plan()
	if err != nil {
		return err
	}
	for {
		scanned, hashes, err := w.pass(ctx, plan)
		if errors.Is(err, ErrSnapshot) && plan == bySnapshot {
			plan = plain.steady()
			continue
		}
		if err != nil {
			return err
		}
		w.state.Plan = plan
		if !w.state.Begun {
			w.state.Scanned, w.state.Begun = scanned, true
		}
		w.state.Twice = twice(hashes)
		if len(w.state.Twice) > twicePerPass {
			w.state.Twice = slices.Clone(w.state.Twice[:twicePerPass])
			w.state.Last = w.state.Twice[twicePerPass-1] // the rest is the next slice's
		}
		w.state.Groups += int64(len(w.state.Twice))
		w.state.List = &rowState{}
		return nil
	}
}

func (w *hashWalk) pass(ctx context.Context, plan string) (scanned int64, hashes []int64, err error) {
	span := Span{Table: w.subject.table, Snapshot: plan == bySnapshot, MaxRows: hashChunkRows}
	if plan == byKeys {
		_, span.Key, _ = w.subject.table.IndexOn(w.subject.key)
	}
	err = Walk(ctx, w.r, span, w.read, func(_ context.Context, found hashesOf, _ Position) error {
		scanned += found.scanned
		hashes = append(hashes, found.hashes...)
		return nil
	})
	return scanned, hashes, err
}

func (w *hashWalk) read(ctx context.Context, s *Session, rng Range) (hashesOf, error) {
	where, args := rng.Where(w.subject.alias, 1)
	var read int64
	var found hashesOf
	sql := fmt.Sprintf("SELECT count(*), count(*) FILTER (WHERE %s AND %s), array_agg(%s) FILTER (WHERE %s) FROM %s WHERE %s AND %s",
		w.notNull(), w.judged, w.hash(), w.inSlice(), w.subject.from(), where, w.subject.where)
	err := s.Row(ctx, sql, args, &read, &found.scanned, &found.hashes)
	if err == nil {
		w.r.AddRead(read)
	}
	return found, err
}

func (w *hashWalk) notNull() string {
	parts := make([]string, len(w.values))
	for i, v := range w.values {
		parts[i] = v + " IS NOT NULL"
	}
	return strings.Join(parts, " AND ")
}

// list is the second pass: rows whose hash came more than once are suspects.
func (w *hashWalk) list(ctx context.Context) error {
	if len(w.state.Twice) == 0 {
		return nil
	}
	in := make([]string, len(w.state.Twice))
	for i, h := range w.state.Twice {
		in[i] = fmt.Sprint(h)
	}
	walk := &rowWalk{
		r: w.r, subject: w.subject, lookout: w.lookout, cursor: w.cursor, state: w.state.List,
		judged: "FALSE",
		wrong:  fmt.Sprintf("%s AND %s = ANY ('{%s}'::bigint[])", w.inSlice(), w.hash(), strings.Join(in, ",")),
		since:  "TRUE",
	}
	return walk.run(ctx)
}

// twice gives the hashes that occur more than once. It sorts in place.
func twice(hashes []int64) []int64 {
	slices.Sort(hashes)
	var out []int64
	for i := 1; i < len(hashes); i++ {
		if hashes[i] == hashes[i-1] && (len(out) == 0 || out[len(out)-1] != hashes[i]) {
			out = append(out, hashes[i])
		}
	}
	return out
}
