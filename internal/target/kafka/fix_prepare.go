package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/fix"
)

const (
	// wideGap is how many records between two letters are rather read than jumped
	// over.
	wideGap = 20_000
	// idsAtOnce is how many ids a table is asked for at once.
	idsAtOnce = 1_000
)

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
	return w.addressed(ctx)
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

// wanted are the letters of one topic, by partition and offset, as places in the
// batch.
type wanted map[int32]map[int64]int

// letters reads the letters again. One that is not what the plan was made of is
// left alone.
func (w *posting) letters(ctx context.Context) error {
	topics := map[string]wanted{} // by name and id
	forms := map[string]fix.Form{}
	for i, c := range w.batch.Changes {
		f := w.forms[c.Form]
		if w.specs[c.Form].Kind == sendEvent {
			continue
		}
		partition, offset, err := placeOf(c)
		if err != nil {
			return err
		}
		key := f.Table + "\x00" + f.Shape
		if topics[key] == nil {
			topics[key], forms[key] = wanted{}, f
		}
		if topics[key][partition] == nil {
			topics[key][partition] = map[int64]int{}
		}
		topics[key][partition][offset] = i
		w.fates[i].why = fix.WhyGone
	}
	for key, want := range topics {
		if err := w.read(ctx, forms[key], want); err != nil {
			return err
		}
	}
	return nil
}

// read reads what is wanted of one topic. Of a topic that was made anew nothing
// is there any more.
func (w *posting) read(ctx context.Context, f fix.Form, want wanted) error {
	t := w.s.x.t
	now, err := t.bounds(ctx, f.Table)
	if err != nil {
		return err
	}
	if now.id != f.Shape {
		return nil
	}
	for partition, offsets := range want {
		held, there := now.parts[partition]
		if !there {
			continue
		}
		for _, s := range near(offsets, held) {
			b := bounds{topic: now.topic, id: now.id, parts: map[int32]span{partition: s}}
			err := t.scan(ctx, b, func(r *kgo.Record) error {
				if i, ok := offsets[r.Offset]; ok {
					return w.found(i, r)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// near are the spans to read for some offsets, of those that are held.
func near(offsets map[int64]int, held span) []span {
	var out []span
	for _, o := range slices.Sorted(maps.Keys(offsets)) {
		if o < held.from || o >= held.to {
			continue
		}
		if n := len(out); n > 0 && o-out[n-1].to <= wideGap {
			out[n-1].to = o + 1
			continue
		}
		out = append(out, span{o, o + 1})
	}
	return out
}

// found takes one letter that is there.
func (w *posting) found(i int, r *kgo.Record) error {
	c := w.batch.Changes[i]
	f := &w.fates[i]
	if printOf(r).String() != c.Before {
		f.why = fix.WhyChanged
		return nil
	}
	var g goes
	if err := json.Unmarshal([]byte(c.After), &g); err != nil {
		return fmt.Errorf("letter of a plan: %w", err)
	}
	spec := w.specs[c.Form]
	f.why, f.letter, f.record = "", r, copyOf(w.plan.ID, w.forms[c.Form], spec, g, r)
	if spec.Processed != nil && spec.Kind == sendLetter {
		f.id = understand(spec.Rules, r).ID
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
	return f.letter.Offset
}
