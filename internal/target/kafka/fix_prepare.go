package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/integritybot/integritybot/internal/fix"
)

// idsAtOnce is how many ids a table is asked for at once.
const idsAtOnce = 1_000

// prepare works out what is sent of each change, or why nothing is: the letters
// are read again, and the consumer's table is asked again.
func (w *posting) prepare(ctx context.Context) error {
	w.specs, w.fates = nil, make([]posted, len(w.batch.Changes))
	for _, f := range w.forms {
		spec, err := specOf(f)
		if err != nil {
			return err
		}
		w.specs = append(w.specs, spec)
	}
	if err := w.letters(ctx); err != nil {
		return err
	}
	if err := w.events(); err != nil {
		return err
	}
	if err := w.processed(ctx); err != nil {
		return err
	}
	if err := w.addressed(ctx); err != nil {
		return err
	}
	w.queue()
	return nil
}

// events are copies that need nothing but the plan.
func (w *posting) events() error {
	for i, c := range w.batch.Changes {
		if w.specs[c.Form].Kind != sendEvent {
			continue
		}
		var e storedEvent
		if err := json.Unmarshal([]byte(c.After), &e); err != nil {
			return fmt.Errorf("event of a plan: %w", err)
		}
		w.fates[i].record, w.fates[i].id = eventOf(w.plan.ID, w.forms[c.Form], e), e.ID
	}
	return nil
}

// processed leaves out what the consumer has dealt with since the preview.
func (w *posting) processed(ctx context.Context) error {
	asked := map[Processed]map[string][]int{}
	for i, c := range w.batch.Changes {
		p, f := w.specs[c.Form].Processed, w.fates[i]
		if p == nil || f.why != "" || f.id == "" {
			continue
		}
		if asked[*p] == nil {
			asked[*p] = map[string][]int{}
		}
		asked[*p][f.id] = append(asked[*p][f.id], i)
	}
	if len(asked) > 0 && w.s.x.sources.Tables == nil {
		return problemf("The consumer's table of processed events cannot be asked: its target is off.")
	}
	for p, ids := range asked {
		for some := range slices.Chunk(slices.Sorted(maps.Keys(ids)), idsAtOnce) {
			known, err := w.s.x.sources.Tables.Known(ctx, p.Target, p.Table, p.Column, some)
			if err != nil {
				return err
			}
			for _, id := range some {
				if !known[id] {
					continue
				}
				for _, i := range ids[id] {
					w.fates[i].why = fix.WhyUnless
				}
			}
		}
	}
	return nil
}

// addressed gives each copy its partition, and leaves out what its topic would
// refuse.
func (w *posting) addressed(ctx context.Context) error {
	now := w.s.x.t.opts.Now()
	for i := range w.fates {
		f := &w.fates[i]
		if f.why != "" {
			continue
		}
		d, err := w.s.destination(ctx, f.record.Topic)
		if err != nil {
			return err
		}
		switch {
		case f.record.Partition < 0:
			f.record.Partition = partitionFor(f.record, f.place(i), d.partitions)
		case f.record.Partition >= d.partitions:
			f.why = whyPartition
			continue
		}
		f.why = d.refuses(f.record, now)
	}
	return nil
}

// place is a number that stays the same for the same change.
func (f posted) place(i int) int64 {
	if f.letter == nil {
		return int64(i)
	}
	return f.letter.offset
}
