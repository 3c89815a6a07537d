package fix

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// Remembered is how long a target must remember what it did of a plan whose
// changes may be made only once. Who comes later must not take its silence for
// "nothing". Kafka keeps the offsets of a group that nobody uses for 7 days
// (offsets.retention.minutes).
const Remembered = 5 * 24 * time.Hour

// Span is places from From up to To, which is not in it.
type Span struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Claim is the places of one part of a source that one batch of a plan takes for
// itself: no other plan may make these changes, ever. The claims of a plan are
// written down before its first change.
type Claim struct {
	Batch  int
	Source string // a topic
	Of     string // which one of that name, see Form.Shape
	Part   int32  // a partition
	Spans  []Span // in order, apart from each other
}

// Hold is how firmly places are claimed.
type Hold string

// The holds. A plan that was begun has taken its places; when it is known what
// became of them, they are sent or free again.
const (
	Taken Hold = "taken"
	Sent  Hold = "sent"
)

// Held is places of one part of a source that a plan has claimed.
type Held struct {
	Plan  int64
	Hold  Hold
	Part  int32
	Spans []Span
}

// Claims are what the batches of a plan take for themselves, in order. Without a
// form whose changes may be made only once there are none. A plan that has one
// place twice is an error.
func Claims(forms []Form, batches []Batch) ([]Claim, error) {
	var out []Claim
	for _, b := range batches {
		claims, err := claims(forms, b, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, claims...)
	}
	return out, apart(out)
}

// AllMade are the claims of everything that a target recorded of a plan. The
// results may be in any order.
func AllMade(forms []Form, batches []Batch, results []Result) ([]Claim, error) {
	first, second := byPass(results)
	var out []Claim
	for _, b := range batches {
		one, begun := first[b.N]
		if !begun {
			continue
		}
		two, again := second[b.N]
		r := Result{Batch: b.N}
		for i, why := range stillSkipped(one, two, again) {
			r.Skipped = append(r.Skipped, Skipped{Index: i, Why: why})
		}
		made, err := Made(forms, b, r)
		if err != nil {
			return nil, err
		}
		out = append(out, made...)
	}
	return out, nil
}

// apart is nil if no place is claimed twice.
func apart(claims []Claim) error {
	type held struct {
		Span
		batch int
	}
	all := map[source][]held{}
	for _, c := range claims {
		s := source{c.Source, c.Of, c.Part}
		for _, one := range c.Spans {
			all[s] = append(all[s], held{one, c.Batch})
		}
	}
	for s, spans := range all {
		slices.SortFunc(spans, func(a, b held) int { return cmp.Compare(a.From, b.From) })
		for i := 1; i < len(spans); i++ {
			if spans[i].From < spans[i-1].To {
				return fmt.Errorf("batches %d and %d both have place %d of part %d of %s", spans[i-1].batch, spans[i].batch, spans[i].From, s.part, s.name)
			}
		}
	}
	return nil
}

// Made are the claims of one batch without what the result left alone: what was
// sent.
func Made(forms []Form, b Batch, r Result) ([]Claim, error) {
	left := map[int]bool{}
	for _, s := range r.Skipped {
		left[s.Index] = true
	}
	return claims(forms, b, left)
}

type source struct {
	name, of string
	part     int32
}

func claims(forms []Form, b Batch, left map[int]bool) ([]Claim, error) {
	places := map[source][]int64{}
	var order []source
	for i, c := range b.Changes {
		f := forms[c.Form]
		if !f.Once || left[i] {
			continue
		}
		part, place, err := c.place()
		if err != nil {
			return nil, fmt.Errorf("batch %d, change %d: %w", b.N, i, err)
		}
		s := source{f.Table, f.Shape, part}
		if places[s] == nil {
			order = append(order, s)
		}
		places[s] = append(places[s], place)
	}
	var out []Claim
	for _, s := range order {
		spans, err := spans(places[s])
		if err != nil {
			return nil, fmt.Errorf("batch %d: part %d of %s: %w", b.N, s.part, s.name, err)
		}
		out = append(out, Claim{Batch: b.N, Source: s.name, Of: s.of, Part: s.part, Spans: spans})
	}
	return out, nil
}

// place reads the key of a change that may be made only once.
func (c Change) place() (part int32, place int64, err error) {
	if len(c.Key) != 2 {
		return 0, 0, fmt.Errorf("its key %q is not a part and a place", c.Key)
	}
	p, err := strconv.ParseInt(c.Key[0], 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("its part: %w", err)
	}
	place, err = strconv.ParseInt(c.Key[1], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("its place: %w", err)
	}
	if p < 0 || place < 0 || place == math.MaxInt64 { // the end of a span is one more
		return 0, 0, fmt.Errorf("place %d of part %d cannot be", place, p)
	}
	return int32(p), place, nil
}

// spans puts places together. One that is there twice is an error.
func spans(places []int64) ([]Span, error) {
	slices.Sort(places)
	var out []Span
	for _, p := range places {
		switch n := len(out); {
		case n > 0 && p < out[n-1].To:
			return nil, fmt.Errorf("place %d is there twice", p)
		case n > 0 && p == out[n-1].To:
			out[n-1].To++
		default:
			out = append(out, Span{p, p + 1})
		}
	}
	return out, nil
}
