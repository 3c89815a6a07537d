package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/fix"
)

// standing is where a letter stands.
type standing struct {
	partition int32
	offset    int64
}

// wanted are the letters of one topic that a batch is about.
type wanted struct {
	form  fix.Form // one of those that are about the topic
	spots map[int32][]spot
}

// letters reads the letters again. One that is not what the plan was made of is
// left alone.
func (w *posting) letters(ctx context.Context) error {
	topics := map[string]*wanted{} // by name and id
	for i, c := range w.batch.Changes {
		if w.specs[c.Form].Kind == sendEvent {
			continue
		}
		partition, offset, err := placeOf(c)
		if err != nil {
			return err
		}
		key := sourceOf(w.forms[c.Form])
		if topics[key] == nil {
			topics[key] = &wanted{w.forms[c.Form], map[int32][]spot{}}
		}
		topics[key].spots[partition] = append(topics[key].spots[partition], spot{offset, i})
		w.fates[i].why = fix.WhyGone
	}
	for key, want := range topics {
		if err := w.read(ctx, key, *want); err != nil {
			return err
		}
	}
	return nil
}

// sourceOf names the topic that the letters of a form stand in, and tells it from
// a later one of the same name.
func sourceOf(f fix.Form) string { return f.Table + "\x00" + f.Shape }

// read reads what is wanted of one topic. Of a topic that was made anew nothing
// is there any more.
func (w *posting) read(ctx context.Context, key string, want wanted) error {
	t := w.s.x.t
	top, err := t.topic(ctx, want.form.Table)
	if err != nil || top.ident() != want.form.Shape {
		return err
	}
	r := w.s.readers[key]
	if r == nil {
		held, err := t.bounds(ctx, want.form.Table)
		if err != nil || held.id != want.form.Shape {
			return err
		}
		r = t.reader(w.within(held), w.maker())
		w.s.readers[key] = r
	}
	for partition, spots := range want.spots {
		held := r.held.parts[partition] // none, if the partition is not there any more
		spots = slices.DeleteFunc(spots, func(s spot) bool { return s.offset < held.from || s.offset >= held.to })
		slices.SortFunc(spots, func(a, b spot) int { return int(a.offset - b.offset) })
		if want.spots[partition] = spots; len(spots) == 0 {
			delete(want.spots, partition)
		}
	}
	if len(want.spots) == 0 {
		return nil
	}
	return r.read(ctx, top, want.spots, w.found)
}

// within is what is held of that which the plan was made of.
func (w *posting) within(held bounds) bounds {
	for _, spec := range w.specs {
		for partition, end := range spec.Ends {
			if h, there := held.parts[partition]; there && spec.At == held.topic {
				held.parts[partition] = span{h.from, min(h.to, end)}
			}
		}
	}
	return held
}

// maker makes letters ready as this plan sends them: as replays, if it has any.
func (w *posting) maker() maker {
	plan, replays := []byte(w.plan.Ref()), w.replays()
	return func(r *kgo.Record, room []kgo.RecordHeader) readied {
		l := readied{record: r, print: printOf(r)}
		if replays == nil {
			l.copied = asideOf(r, room)
		} else {
			l.copied = originalOf(replays.Rules, r, room)
		}
		sign(&l.copied, plan, r)
		return l
	}
}

// replays says how letters are replayed; nil: none are.
func (w *posting) replays() *sendSpec {
	for i := range w.specs {
		if w.specs[i].Kind == sendLetter {
			return &w.specs[i]
		}
	}
	return nil
}

// found takes one letter that is there.
func (w *posting) found(i int, l *readied, alone bool) error {
	c := w.batch.Changes[i]
	spec, topic := &w.specs[c.Form], w.forms[c.Form].Name
	g, err := w.goes(c.After)
	if err != nil {
		return err
	}
	record := &l.copied
	if spec.Kind == sendAside && w.replays() != nil { // it was made ready as a replay
		record = copyOf(w.plan.ID, w.forms[c.Form], *spec, g, l.record)
	}
	address(record, topic, g.Partition, strconv.AppendInt(nil, int64(g.Attempt), 10))
	f := &w.fates[i]
	f.why, f.record, f.letter = "", record, &standing{l.record.Partition, l.record.Offset}
	if alone {
		f.record = detached(record)
	}
	switch {
	case !l.print.is(c.Before):
		f.why = fix.WhyChanged
	case spec.Processed != nil && spec.Kind == sendLetter:
		f.id = understand(spec.Rules, l.record).ID
	}
	return nil
}

// goes reads where a copy goes. Many letters go to the same place.
func (w *posting) goes(text string) (goes, error) {
	if g, read := w.places[text]; read {
		return g, nil
	}
	var g goes
	if err := json.Unmarshal([]byte(text), &g); err != nil {
		return g, fmt.Errorf("letter of a plan: %w", err)
	}
	if w.places == nil {
		w.places = map[string]goes{}
	}
	w.places[text] = g
	return g, nil
}

// detached is a record of its own: what the client gives keeps all the bytes of
// the answer that it came in.
func detached(r *kgo.Record) *kgo.Record {
	room := make([]byte, 0, weightOf(r))
	own := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		at := len(room)
		room = append(room, b...)
		return room[at:len(room):len(room)]
	}
	out := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Timestamp: r.Timestamp, Key: own(r.Key), Value: own(r.Value)}
	out.Headers = make([]kgo.RecordHeader, len(r.Headers))
	for i, h := range r.Headers {
		out.Headers[i] = kgo.RecordHeader{Key: strings.Clone(h.Key), Value: own(h.Value)}
	}
	return out
}
