package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

const (
	// eventsMost and eventBytes are what a plan holds of an event store at most.
	eventsMost = 10_000
	eventBytes = 8 << 20
	// gapsShown is how many gaps of a sequence are named.
	gapsShown = 10
)

// aggregate makes a plan of the stored events of one aggregate.
func (d *drafting) aggregate(ctx context.Context) (fix.Draft, error) {
	id, store := d.order.Argument, d.words.EventStore
	switch {
	case id == "":
		return fix.Draft{}, problemf("Which aggregate's events are to be sent again? Name it: events replay-aggregate ID.")
	case len(d.order.Select) > 0:
		return fix.Draft{}, problemf("Events of an aggregate are chosen by time (--from, --to) and not by --match.")
	case d.sources.Tables == nil:
		return fix.Draft{}, problemf("The event store %s cannot be read: that target is off.", store.Target)
	}
	d.draft.Noun = "events"
	d.tell(check.Progress{Reading: store.Table})
	events, err := d.sources.Tables.Events(ctx, store.Target, *store, id, d.order.From, d.order.To, eventsMost+1)
	if err != nil {
		return fix.Draft{}, err
	}
	if err := d.judgeEvents(id, events); err != nil {
		return fix.Draft{}, err
	}
	to, err := d.target.destination(ctx, d.target.cl, store.Topic)
	if err != nil {
		return fix.Draft{}, err
	}
	return d.eventPlan(ctx, id, events, to)
}

// judgeEvents refuses what is no plan.
func (d *drafting) judgeEvents(id string, events []Event) error {
	store := d.words.EventStore
	size := 0
	for _, e := range events {
		size += len(e.Payload)
	}
	switch {
	case len(events) == 0:
		when := ""
		if !d.order.From.IsZero() || !d.order.To.IsZero() {
			when = " in that time"
		}
		return problemf("There are no events of aggregate %q in %s of %s%s. Ids are those of column %s, to the letter.", id, store.Table, store.Target, when, store.Aggregate)
	case len(events) > eventsMost:
		return problemf("%s has more than %s events, which is more than one plan sends. Narrow it down with --from and --to.", id, phrase.Count(eventsMost))
	case size > eventBytes:
		return problemf("The events of %s have %s MiB, and one plan holds at most %d. Narrow it down with --from and --to.", id, strconv.Itoa(size>>20), eventBytes>>20)
	}
	return nil
}

// eventPlan puts the plan together: what is wrong with the sequence is said
// first.
func (d *drafting) eventPlan(ctx context.Context, id string, events []Event, to destination) (fix.Draft, error) {
	d.draft.Found, d.draft.Of = int64(len(events)), int64(len(events))
	wrong := d.sequence(id, events)
	known, err := d.knownEvents(ctx, events)
	if err != nil {
		return fix.Draft{}, err
	}
	spec := sendSpec{
		V: specVersion, Kind: sendEvent, At: d.words.EventStore.Topic, Processed: d.words.Processed, Rate: d.rate(),
	}
	content, err := d.eventContent(id, events, known, to, spec)
	if err != nil {
		return fix.Draft{}, err
	}
	n := int64(len(content.Changes))
	if err := d.caps.Check(n, d.draft.Of); err != nil {
		return fix.Draft{}, err
	}
	d.draft.Rows, d.draft.Total, d.draft.Done = n, n, "sent again"
	if n == 0 {
		return d.draft, nil
	}
	d.draft.Content = content
	d.draft.Button = "send " + phrase.Plural(n, "event")
	d.draft.Does = fmt.Sprintf("send %s of %s from %s of %s to %s again%s", phrase.Plural(n, "event"), id,
		d.words.EventStore.Table, d.words.EventStore.Target, to.name, wrong)
	d.draft.Irreversible = strings.TrimSuffix(irreversible, ".")
	d.risk("They are sent in the order of their sequence, but what producers send meanwhile comes in between. Their consumer sees events again that it may know: it must tell them by %s.", headerEventID)
	d.risk("This plan may be made again and again: no ledger keeps stored events from being sent twice.")
	if to.appended {
		d.risk("%s stamps records with its own clock (LogAppendTime): their times are lost.", to.name)
	}
	return d.draft, nil
}

// sequence reports numbers that are missing or there more than once, as the first
// thing of the risk. The clause that it gives belongs to what the plan does.
func (d *drafting) sequence(id string, events []Event) string {
	numbers := make([]int64, len(events))
	for i, e := range events {
		numbers[i] = e.Sequence
	}
	slices.Sort(numbers)
	var gaps, doubles []string
	missing := int64(0)
	before := numbers[0] - 1
	if d.order.From.IsZero() && numbers[0] > 1 {
		before = 0 // sequences begin with 0 or 1
	}
	for _, n := range numbers {
		switch {
		case n == before:
			if text := strconv.FormatInt(n, 10); len(doubles) == 0 || doubles[len(doubles)-1] != text {
				doubles = append(doubles, text)
			}
		case n > before+1:
			missing += n - before - 1
			gaps = append(gaps, rangeText(before+1, n-1))
		}
		before = n
	}
	var wrong []string
	if len(gaps) > 0 {
		d.risk("The sequence of %s has gaps: %s missing.", id, few(gaps))
		wrong = append(wrong, phrase.Count(missing)+" missing from the sequence")
	}
	if len(doubles) > 0 {
		d.risk("The sequence of %s has numbers more than once: %s. All of them are sent.", id, few(doubles))
		wrong = append(wrong, phrase.Count(int64(len(doubles)))+" of its numbers there more than once")
	}
	if len(wrong) == 0 {
		return ""
	}
	return ", with " + strings.Join(wrong, " and ")
}

func rangeText(from, to int64) string {
	if from == to {
		return strconv.FormatInt(from, 10)
	}
	return fmt.Sprintf("%d–%d", from, to)
}

// few joins texts, as many as people read.
func few(texts []string) string {
	if len(texts) > gapsShown {
		return strings.Join(texts[:gapsShown], ", ") + fmt.Sprintf(" and %d more", len(texts)-gapsShown)
	}
	return strings.Join(texts, ", ")
}

// knownEvents are the ids that the consumer has dealt with.
func (d *drafting) knownEvents(ctx context.Context, events []Event) (map[string]bool, error) {
	p := d.words.Processed
	out := map[string]bool{}
	if p == nil {
		return out, nil
	}
	for some := range slices.Chunk(events, idsAtOnce) { // the tables are there: they gave the events
		ids := make([]string, len(some))
		for i, e := range some {
			ids[i] = e.ID
		}
		known, err := d.sources.Tables.Known(ctx, p.Target, p.Table, p.Column, ids)
		if err != nil {
			return nil, err
		}
		for id, is := range known {
			out[id] = is
		}
	}
	return out, nil
}

// eventContent freezes the events themselves.
func (d *drafting) eventContent(id string, events []Event, known map[string]bool, to destination, spec sendSpec) (fix.Content, error) {
	f, err := d.eventForm(spec)
	if err != nil {
		return fix.Content{}, err
	}
	c := fix.Content{Forms: []fix.Form{f}, PerBatch: batchRecords}
	if r := d.rate(); r > 0 {
		c.PerBatch = min(r, batchRecords)
	}
	d.draft.Listing = [][]string{{"sequence", "event id", "type", "time", "what becomes of it"}}
	for _, e := range events {
		stored := storedEvent{Key: id, ID: e.ID, Type: e.Type, Sequence: e.Sequence, Value: e.Payload, Millis: e.At.UnixMilli()}
		sequence, fate := strconv.FormatInt(e.Sequence, 10), to.name
		if left := d.leftEvent(e, known, to.refuses(eventOf(d.order.ID, f, stored), d.target.opts.Now()), len(c.Changes)); left != "" {
			d.leave(left, 1, sequence)
			fate = "left alone: " + left
		} else {
			after, err := json.Marshal(stored)
			if err != nil {
				return c, fmt.Errorf("event of a plan: %w", err)
			}
			c.Changes = append(c.Changes, fix.Change{Key: []string{id, sequence, e.ID}, Repairs: true, After: string(after)})
			d.eventSample(e, to.name)
		}
		d.draft.Listing = append(d.draft.Listing, []string{sequence, check.Inert(check.Mask(d.words.check.class("id", check.Key), e.ID)), check.Inert(e.Type), instant(e.At), check.Inert(fate)})
	}
	return c, nil
}

// eventForm is what all events of the plan have in common.
func (d *drafting) eventForm(spec sendSpec) (fix.Form, error) {
	store := d.words.EventStore
	f := fix.Form{
		Op: fix.Send, Table: store.Target + "." + store.Table, Key: []string{store.Aggregate, store.Sequence, store.ID}, Name: store.Topic,
	}
	if p := d.words.Processed; p != nil {
		f.Why = fmt.Sprintf("its event id stands in %s of %s by now", p.Table, p.Target)
	}
	var err error
	f.Spec, err = spec.json()
	return f, err
}

// leftEvent says why an event is left alone; empty: it is not. sent counts those
// before it that are sent.
func (d *drafting) leftEvent(e Event, known map[string]bool, refused fix.Why, sent int) string {
	switch {
	case known[e.ID]:
		return "were processed already: their event ids stand in " + d.words.Processed.Table + " of " + d.words.Processed.Target
	case refused != "":
		return fmt.Sprintf("are refused by %s: %s", d.words.EventStore.Topic, refused)
	case d.order.Limit > 0 && sent >= d.order.Limit:
		return "over the limit of " + phrase.Count(int64(d.order.Limit))
	}
	return ""
}

func (d *drafting) eventSample(e Event, topic string) {
	if len(d.draft.Samples) < fix.MaxSamples {
		d.draft.Samples = append(d.draft.Samples, fix.Sample{
			Key: strconv.FormatInt(e.Sequence, 10), Before: clipped(e.Type), After: topic + ", partition by its key",
		})
	}
}
