package shop_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/shop"
)

// openEvents plays the incident on a fresh shop and a fresh broker.
func openEvents(t *testing.T) (events *shop.Events, brokers []string, conn *pgx.Conn, truth *shop.Truth) {
	t.Helper()
	dsn, truth := generate(t, shop.Options{Seed: 3, Plant: shop.PlantLasting})
	broker, err := shop.StartBroker()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	events, err = shop.OpenEvents(bounded(t, time.Minute), shop.EventsOptions{Brokers: broker.Addresses(), DSN: dsn, Truth: truth})
	if err != nil {
		t.Fatal(err)
	}
	conn = connect(t, dsn)
	t.Cleanup(func() {
		if err := events.Close(); err != nil {
			t.Error(err)
		}
	})
	return events, broker.Addresses(), conn, truth
}

// standing reads a whole topic, as a consumer that reads committed records sees it.
func standing(t *testing.T, brokers []string, topic string) []*kgo.Record {
	t.Helper()
	ctx := bounded(t, time.Minute)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	var out []*kgo.Record
	for next := map[int32]int64{}; ; {
		behind := false
		ends.Each(func(o kadm.ListedOffset) { behind = behind || next[o.Partition] < o.Offset })
		if !behind {
			return out
		}
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatal(err)
		}
		for _, r := range fetches.Records() {
			next[r.Partition] = r.Offset + 1
			if !r.Attrs.IsControl() {
				out = append(out, r)
			}
		}
	}
}

func values(r *kgo.Record, name string) (out []string) {
	for _, h := range r.Headers {
		if h.Key == name {
			out = append(out, string(h.Value))
		}
	}
	return out
}

// TestTheLettersAreTheTruth: what stands in the topic is what was planted, as Spring writes it.
func TestTheLettersAreTheTruth(t *testing.T) {
	t.Parallel()
	events, brokers, conn, truth := openEvents(t)
	records := standing(t, brokers, shop.DeadLetterTopic)
	var places []string
	byPlace := map[string]*kgo.Record{}
	for _, r := range records {
		place := fmt.Sprintf("%d/%d", r.Partition, r.Offset)
		places, byPlace[place] = append(places, place), r
	}
	slices.Sort(places)
	if diff := cmp.Diff(events.Letters.Places(), places); diff != "" {
		t.Fatalf("the places (-truth +topic):\n%s", diff)
	}
	want := map[string]int{"NullPointerException": 398, "SocketTimeoutException": 10, "DeserializationException": 3, "ProductNotFoundException": 1}
	if diff := cmp.Diff(want, events.Letters.ByClass()); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
	originals := map[string]*kgo.Record{}
	for _, r := range standing(t, brokers, shop.EventsTopic) {
		originals[values(r, "event_id")[0]] = r
	}
	for _, l := range events.Letters {
		r := byPlace[l.Place()]
		o := originals[l.EventID]
		number := func(name string) int64 {
			text := values(r, name)
			if len(text) != 1 {
				t.Fatalf("%s at %s: %d headers %s", l.Kind, l.Place(), len(text), name)
			}
			b := []byte(text[0])
			if len(b) == 4 {
				return int64(binary.BigEndian.Uint32(b))
			}
			return int64(binary.BigEndian.Uint64(b))
		}
		got := []any{number("kafka_dlt-original-partition"), number("kafka_dlt-original-offset"), number("kafka_dlt-original-timestamp"), r.Partition, r.Key, r.Value}
		if diff := cmp.Diff([]any{int64(o.Partition), o.Offset, o.Timestamp.UnixMilli(), o.Partition, o.Key, o.Value}, got); diff != "" {
			t.Errorf("%s at %s (-original +letter):\n%s", l.Kind, l.Place(), diff)
		}
		if age := time.Since(r.Timestamp); age < time.Hour-time.Minute || age > 2*time.Hour+time.Minute {
			t.Errorf("%s at %s is %s old", l.Kind, l.Place(), age)
		}
	}
	for kind, processed := range map[shop.LetterKind]bool{shop.LetterProcessed: true, shop.LetterBug: false, shop.LetterSameKey: false, shop.LetterTimeout: false, shop.LetterPoison: false, shop.LetterExhausted: false} {
		for _, l := range events.Letters.Of(kind) {
			if got := reservations(t, conn, l.EventID); got != map[bool]int{true: 1}[processed] {
				t.Errorf("%s %s reserved items %d times", kind, l.EventID, got)
			}
		}
	}
	agree(t, conn, truth, truth.Now)
}

// TestAReplayAfterTheRepair: what is transient succeeds, once, however often it is sent; what is not comes back, with
// the headers of both passes.
func TestAReplayAfterTheRepair(t *testing.T) {
	t.Parallel()
	events, brokers, conn, truth := openEvents(t)
	events.Heal()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range 2 {
		for _, r := range standing(t, brokers, shop.DeadLetterTopic) {
			again := &kgo.Record{Topic: shop.EventsTopic, Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp}
			if err := client.ProduceSync(t.Context(), again).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := events.CaughtUp(bounded(t, time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range events.Letters.Of(shop.LetterBug, shop.LetterSameKey, shop.LetterNullKey, shop.LetterTimeout, shop.LetterProcessed) {
		if n := reservations(t, conn, l.EventID); n != 1 {
			t.Errorf("%s %s reserved items %d times", l.Kind, l.EventID, n)
		}
	}
	var removed int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM processed_events WHERE event_id = ANY ($1)", ids(events.Letters.Of(shop.LetterTombstone))).Scan(&removed); err != nil {
		t.Fatal(err)
	}
	if removed != 3 {
		t.Errorf("%d of 3 removals are marked", removed)
	}

	back := map[string]int{}
	for _, r := range standing(t, brokers, shop.DeadLetterTopic) {
		passes := len(values(r, "kafka_dlt-original-offset"))
		if n := len(values(r, "kafka_dlt-exception-fqcn")); n != 1 {
			t.Errorf("a letter has %d exceptions", n)
		}
		if passes > 1 {
			back[values(r, "kafka_dlt-exception-cause-fqcn")[0]]++
		}
	}
	// 4 come back from the first replay; the second one sends 4 + 4.
	want := map[string]int{"com.fasterxml.jackson.core.JsonParseException": 3 + 6, "com.example.shop.ProductNotFoundException": 1 + 2}
	if diff := cmp.Diff(want, back); diff != "" {
		t.Errorf("what came back (-want +got):\n%s", diff)
	}
	agree(t, conn, truth, truth.Now)
}

// TestTheConsumerRests: events wait while it is paused, and are processed afterwards.
func TestTheConsumerRests(t *testing.T) {
	t.Parallel()
	events, brokers, conn, truth := openEvents(t)
	events.Pause()
	if err := events.Place(t.Context(), 25); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	lag, err := kadm.NewClient(client).Lag(t.Context(), shop.EventsGroup)
	if err != nil {
		t.Fatal(err)
	}
	if n := lag[shop.EventsGroup].Lag.Total(); n != 25 {
		t.Errorf("the group is %d records behind", n)
	}
	events.Resume()
	if err := events.CaughtUp(bounded(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	if n := reservations(t, conn, "ev-200025"); n != 1 {
		t.Errorf("the last event reserved items %d times", n)
	}
	agree(t, conn, truth, truth.Now)
}

func ids(letters shop.Letters) (out []string) {
	for _, l := range letters {
		out = append(out, l.EventID)
	}
	return out
}

// reservations is how often an event took items from the stock.
func reservations(t *testing.T, conn *pgx.Conn, event string) (n int) {
	t.Helper()
	if err := conn.QueryRow(context.WithoutCancel(t.Context()), "SELECT count(*) FROM inventory WHERE id LIKE 'reserved-' || $1 || '-%'", event).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
