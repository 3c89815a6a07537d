package reconcile

import (
	"context"
	"fmt"
	"time"
)

const (
	// roundPause lies between two looks at a key that looked wrong.
	roundPause = 500 * time.Millisecond
	// leastRounds is how many further looks have to see the same before it counts.
	leastRounds = 2
	// mostRounds is how often one is looked at that keeps changing.
	mostRounds = 6
	// suspectsAtOnce is how many are looked at together, so that memory is bounded.
	suspectsAtOnce = 5_000
)

// suspect is a key that looked wrong.
type suspect struct {
	last verdict
	sign string
	// value and expiry count the looks in a row that saw the same.
	value, expiry int
}

// settled is what became of suspects.
type settled struct {
	wrong []verdict // in the order in which they were found
	right int64     // that were right on another look
	gone  int64     // keys that are not there any more
	// unsettled kept changing, the others turned out to be young, or large, or older than
	// what was asked for.
	unsettled, young, large, since int64
}

// settle looks at suspects again until they are known to be wrong or right: what was
// merely in flight is right, or gone, or keeps changing, but does not stay wrong in the
// same way.
func (j *judge) settle(ctx context.Context, found []verdict, since time.Duration) (settled, error) {
	var out settled
	confirmed := map[string]verdict{}
	left := make([]suspect, len(found))
	for i, v := range found {
		left[i] = suspect{last: v, sign: v.sign()}
	}
	for round := 1; len(left) > 0 && round <= mostRounds; round++ {
		if err := j.cache.Sleep(ctx, roundPause); err != nil {
			return out, fmt.Errorf("wait for another look: %w", err)
		}
		again, err := j.again(ctx, left, since)
		if err != nil {
			return out, err
		}
		kept := left[:0]
		for i, s := range left {
			if s.see(again[i]) {
				confirmed[s.last.value.Key] = s.last
			} else if out.keeps(s) {
				kept = append(kept, s)
			}
		}
		left = kept
	}
	for _, s := range left {
		out.unsettle(s, confirmed)
	}
	for _, v := range found {
		if sure, ok := confirmed[v.value.Key]; ok {
			out.wrong = append(out.wrong, sure)
		}
	}
	return out, nil
}

func (j *judge) again(ctx context.Context, suspects []suspect, since time.Duration) ([]verdict, error) {
	keys, sizes := make([]string, len(suspects)), make([]int64, len(suspects))
	for i, s := range suspects {
		keys[i], sizes[i] = s.last.value.Key, s.last.value.Size
	}
	return j.keys(ctx, keys, sizes, since)
}

// see takes in another look, and tells whether the key is known to be wrong. Its value
// has to be the same all along and wrong against the same row; that it has no expiry
// has to be so all along, however often it is refreshed.
func (s *suspect) see(v verdict) bool {
	sign := v.sign()
	switch {
	case v.class == "":
		s.value = 0
	case sign == s.sign:
		s.value++
	default:
		s.value = 0
	}
	if v.expiry != "" && v.expiry == s.last.expiry {
		s.expiry++
	} else {
		s.expiry = 0
	}
	s.last, s.sign = v, sign
	if v.class == "" {
		return s.expiry >= leastRounds
	}
	return s.value >= leastRounds
}

// keeps tells whether a suspect is to be looked at again.
func (o *settled) keeps(s suspect) bool {
	switch v := s.last; {
	case v.gone():
		o.gone++
	case v.wrong():
		return true
	case v.unjudged == unjudgedYoung:
		o.young++
	case v.unjudged == unjudgedLarge:
		o.large++
	case v.unjudged == unjudgedSince:
		o.since++
	default:
		o.right++
	}
	return false
}

// unsettle ends with one that kept changing: its expiry may be known all the same.
func (o *settled) unsettle(s suspect, confirmed map[string]verdict) {
	if s.last.expiry != "" && s.expiry >= leastRounds {
		v := s.last
		v.class, v.why, v.differs = "", "", nil
		confirmed[v.value.Key] = v
		return
	}
	o.unsettled++
}
