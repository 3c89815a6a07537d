package kafka

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/integritybot/integritybot/internal/fix"
)

// held are the places of a topic that plans have claimed, for looking up.
type held struct{ parts map[int32][]claimed }

type claimed struct {
	fix.Span
	plan int64
	hold fix.Hold
}

func newHeld(all []fix.Held) *held {
	h := &held{parts: map[int32][]claimed{}}
	for _, one := range all {
		for _, s := range one.Spans {
			h.parts[one.Part] = append(h.parts[one.Part], claimed{s, one.Plan, one.Hold})
		}
	}
	for _, list := range h.parts {
		slices.SortFunc(list, func(a, b claimed) int { return cmp.Compare(a.From, b.From) })
	}
	return h
}

// at tells which plan has sent a letter, or has taken it and may be sending it.
// No two plans hold the same place.
func (h *held) at(part int32, offset int64) (plan int64, sent, taken bool) {
	list := h.parts[part]
	i, found := slices.BinarySearchFunc(list, offset, func(c claimed, o int64) int { return cmp.Compare(c.From, o) })
	if !found {
		i--
	}
	if i < 0 || offset >= list[i].To {
		return 0, false, false
	}
	return list[i].plan, list[i].hold == fix.Sent, list[i].hold == fix.Taken
}

// holds asks which letters plans have sent. A cluster that gives topics no ids
// cannot say whether a topic is still the one that they were sent from: there
// nothing counts as sent.
func (d *lettersDetector) holds(ctx context.Context, id string) (*held, error) {
	if d.sources.Ledger == nil || nameless(id) {
		return &held{}, nil
	}
	all, err := d.sources.Ledger.Held(ctx, d.words.Topic, id)
	if err != nil {
		return nil, fmt.Errorf("what plans have sent of %s: %w", d.words.Topic, err)
	}
	return newHeld(all), nil
}
