package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

const processedWords = "processed: {target: shop, table: processed_events, column: event_id}\n"

// TestAWalletIsCreditedOnce: a consumer that credits a wallet and keeps which events
// it has processed ends with the right balance, although some letters died after
// they had been processed, and one is processed between the preview and the click.
func TestAWalletIsCreditedOnce(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		w := &wallet{tables: r.tables}
		for i := range 10 {
			r.send(r.letter(int32(i%4), int64(i), "w-1", fmt.Sprintf(`{"eventId":"e-%d","cents":%d}`, i, 1<<i)))
		}
		r.send(r.letter(0, 10, "w-2", `{"cents":5000}`)) // nobody can tell whether it was processed
		w.consume(t, "e-0", 1)
		w.consume(t, "e-3", 8)
		f := r.fixOf("id: {json: $.eventId}", processedWords)
		p := r.draft(f, fix.Order{ID: 7})
		want := []fix.Left{
			{Rows: 2, Why: "were processed already: their event ids stand in processed_events of shop"},
			{Rows: 1, Why: "hold no event id, so nobody can tell whether they were processed (without_id: replay in the config sends them)"},
		}
		for i := range p.Draft.Left {
			p.Draft.Left[i].Examples = nil
		}
		if diff := cmp.Diff(want, p.Draft.Left); diff != "" {
			t.Errorf("left alone (-want +got):\n%s", diff)
		}
		w.consume(t, "e-7", 128) // between the preview and the click
		results, err := r.carry(r.sending(), p)
		if err != nil {
			t.Fatal(err)
		}
		if results[0].Changed != 7 || len(results[0].Skipped) != 1 || results[0].Skipped[0].Why != fix.WhyUnless {
			t.Errorf("the batch: %+v", results[0])
		}
		for _, record := range r.committed(r.events) {
			w.read(t, record)
		}
		if w.cents != 1<<10-1 || w.doubles != 0 {
			t.Errorf("the balance is %d instead of %d, and %d events came twice", w.cents, 1<<10-1, w.doubles)
		}
	})
}

// wallet is a consumer: it refuses what it has processed, and counts how often it
// had to.
type wallet struct {
	tables         *memoryTables
	cents, doubles int
}

func (w *wallet) read(t *testing.T, r *kgo.Record) {
	t.Helper()
	id, rest, _ := strings.Cut(strings.TrimPrefix(string(r.Value), `{"eventId":"`), `","cents":`)
	cents, err := strconv.Atoi(strings.TrimSuffix(rest, "}"))
	if err != nil {
		t.Fatalf("%s: %v", r.Value, err)
	}
	w.consume(t, id, cents)
}

func (w *wallet) consume(t *testing.T, id string, cents int) {
	t.Helper()
	known, err := w.tables.Known(t.Context(), "shop", "processed_events", "event_id", []string{id})
	if err != nil {
		t.Fatal(err)
	}
	if known[id] {
		w.doubles++
		return
	}
	w.tables.know(id)
	w.cents += cents
}

// TestLettersOfOneKeyKeepTheirOrder: also where they died in another order, in
// different partitions; and one that is left alone holds up those behind it.
func TestLettersOfOneKeyKeepTheirOrder(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		at := func(partition int32, record *kgo.Record) *kgo.Record { record.Partition = partition; return record }
		r.send(
			at(3, r.letter(1, 50, "a", "a3")), at(3, r.letter(1, 40, "b", "b1")), at(0, r.letter(1, 30, "a", "a2")),
			at(2, r.letter(1, 20, "a", "a1")), at(1, r.letter(1, 45, "b", "b2")), at(1, r.letter(1, 60, "", "alone")),
		)
		bad := at(0, r.letter(2, 5, "c", "c1"))
		bad.Headers = append(bad.Headers, header("kafka_dlt-exception-fqcn", "com.example.SchemaException"))
		r.send(bad, at(1, r.letter(2, 6, "c", "c2")), at(1, r.letter(2, 7, "d", "d1")))
		p := r.draft(r.fixOf("", "permanent: SchemaException"), fix.Order{ID: 7})
		left := map[string]int64{}
		for _, l := range p.Draft.Left {
			left[l.Why] = l.Rows
		}
		want := map[string]int64{
			"fail for good (SchemaException is named under permanent): no replay cures that": 1,
			"wait for an earlier letter of their key that is left alone":                     1,
		}
		if diff := cmp.Diff(want, left); diff != "" {
			t.Errorf("left alone (-want +got):\n%s", diff)
		}
		if !strings.Contains(p.Draft.Risk, "2 keys have several letters here") {
			t.Errorf("the risk says nothing of order: %s", p.Draft.Risk)
		}
		r.done(r.sending(), p)
		order := map[string][]string{}
		for _, record := range r.committed(r.events) {
			order[string(record.Key)] = append(order[string(record.Key)], string(record.Value))
		}
		if diff := cmp.Diff(map[string][]string{"a": {"a1", "a2", "a3"}, "b": {"b1", "b2"}, "": {"alone"}, "d": {"d1"}}, order); diff != "" {
			t.Errorf("what arrived (-want +got):\n%s", diff)
		}
	})
}

// again makes the letter that a consumer makes of a copy which it fails at, too.
func (r *rig) again(copied *kgo.Record) *kgo.Record {
	letter := &kgo.Record{Topic: r.letters, Partition: copied.Partition, Key: copied.Key, Value: copied.Value, Timestamp: time.UnixMilli(1_760_000_000_000)}
	letter.Headers = append(append(letter.Headers, copied.Headers...), spring(r.events, copied.Partition, copied.Offset, "com.example.NullPointerException")...)
	return letter
}

// TestAfterThreeReplaysALetterIsPutAside: a letter that comes back again and again
// goes to the quarantine, as it stands, and the rest of the plan goes on.
func TestAfterThreeReplaysALetterIsPutAside(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		r.send(r.letter(2, 40, "o-17", "poison", header("trace", "a")))
		f := r.fixOf("", "quarantine: "+r.aside)
		for attempt := range int64(3) {
			p := r.draft(f, fix.Order{ID: 10 + attempt})
			if sent := r.done(r.sending(), p); sent != 1 {
				t.Fatalf("replay %d sent %d", attempt+1, sent)
			}
			copies := r.committed(r.events)
			copied := copies[len(copies)-1]
			if n := lastHeader(copied.Headers, headerAttempt); n != strconv.FormatInt(attempt+1, 10) {
				t.Errorf("replay %d says that it is replay %s", attempt+1, n)
			}
			r.send(r.again(copied))
		}
		without := r.draft(r.fixOf("", ""), fix.Order{ID: 14})
		if without.Draft.Rows != 0 || without.Draft.Left[0].Why != "were replayed 3 times in vain, and the config names no quarantine topic" {
			t.Errorf("without a quarantine: %+v", without.Draft)
		}
		r.send(r.letter(1, 41, "o-18", "fine"))
		p := r.draft(f, fix.Order{ID: 15})
		wantDoes := "replay 1 dead letter of " + r.letters + " to " + r.events
		if p.Draft.Does != wantDoes || len(p.Draft.Dependants) != 1 || p.Draft.Dependants[0].Rows != 1 || p.Draft.Dependants[0].Table != r.aside {
			t.Errorf("the plan is to %s, and besides %+v", p.Draft.Does, p.Draft.Dependants)
		}
		r.done(r.sending(), p)
		aside := r.committed(r.aside)
		if len(aside) != 1 || string(aside[0].Value) != "poison" || lastHeader(aside[0].Headers, "kafka_dlt-exception-fqcn") == "" || lastHeader(aside[0].Headers, headerAttempt) != "3" {
			t.Errorf("put aside: %v", aside)
		}
		if p := r.draft(f, fix.Order{ID: 16}); p.Draft.Rows != 0 || p.Draft.Found != 0 {
			t.Errorf("something is left: %+v", p.Draft)
		}
	})
}

// TestTooManyComeBack: the canary is sent, four of its ten come back, and nothing
// more is sent.
func TestTooManyComeBack(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		for i := range 380 {
			r.send(r.letter(int32(i%4), int64(i), fmt.Sprint("k", i), "v"))
		}
		f := r.fixOf("", "canary: 10\nwindow: 1m")
		p := r.draft(f, fix.Order{ID: 7})
		x := r.sending()
		forms, batches := p.Draft.Content.Forms, p.Draft.Content.Batches()
		if len(batches[0].Changes) != 10 {
			t.Fatalf("the canary is %d", len(batches[0].Changes))
		}
		r.asked(x, p)
		if _, err := x.Apply(t.Context(), p, forms, batches[0], 1, nil); err != nil {
			t.Fatal(err)
		}
		why, err := x.Busy(t.Context(), p, forms, &batches[1])
		if err != nil || why != "waits 60 s after the first 10 to see whether any come back to "+r.letters+": 0 so far" {
			t.Errorf("it %q, %v", why, err)
		}
		for i, copied := range r.committed(r.events)[:4] {
			r.send(r.again(copied), r.again(copied)) // each dies twice, and counts once
			if i == 1 {
				why, err = x.Busy(t.Context(), p, forms, &batches[1])
				if err != nil || !strings.HasSuffix(why, ": 2 so far") {
					t.Errorf("after two: %q, %v", why, err)
				}
			}
		}
		// A letter of another bot, whose plan has the same name, is none of ours.
		other := r.letter(0, 1, "k", "v", header(headerPlan, "P-7"), header(headerOrigin, "their-dlq/0/3"))
		r.send(other)
		other2 := r.sendingOf(r.bot(nil)) // whoever takes over counts the same
		for _, x := range []*Sending{x, other2} {
			_, err = x.Busy(t.Context(), p, forms, &batches[1])
			var halt *fix.Halt
			want := "4 of 10 records that were sent came back to " + r.letters + " (limit 20 %, watched for 60 s); the other 370 were not sent. Look at the consumer of " + r.events + " first: a replay does not cure what it fails at."
			if !errors.As(err, &halt) || halt.Sentence != want {
				t.Errorf("it goes on: %v", err)
			}
		}
		if got := r.committed(r.events); len(got) != 10 {
			t.Errorf("%d were sent, instead of 10", len(got))
		}
	})
}

// TestTheRateIsKept: no more records than a second's worth in one transaction, and
// the next one a second later.
func TestTheRateIsKept(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		for i := range 90 {
			r.send(r.letter(int32(i%4), int64(i), "k", "v"))
		}
		now, slept := time.UnixMilli(1_760_000_000_000), time.Duration(0)
		target := r.bot(func(o *Options) {
			o.Now = func() time.Time { now = now.Add(time.Millisecond); return now }
			o.Sleep = func(_ context.Context, d time.Duration) error {
				if d > 0 {
					slept, now = slept+d, now.Add(d)
				}
				return nil
			}
		})
		f := r.fixOf("", "rate: 500")
		_, err := r.planner(f).Draft(t.Context(), fix.Order{ID: 6, Rate: 501}, f.Rules().Caps, nil)
		if says := sentence(t, err); says != "501 records a second are more than this fix may send: rate is 500 in its config. Give --rate a number up to that, or leave it out." {
			t.Errorf("it says: %s", says)
		}
		p := r.draft(f, fix.Order{ID: 7, Rate: 30})
		if n := p.Draft.Content.PerBatch; n != 30 {
			t.Fatalf("a batch is %d records", n)
		}
		r.done(r.sendingOf(target), p)
		if slept.Round(100*time.Millisecond) != 2*time.Second {
			t.Errorf("between three batches it waited %s, instead of 2 s", slept)
		}
		r.once(90)
	})
}
