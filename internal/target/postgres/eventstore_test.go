package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/pgtest"
)

const eventTables = `
CREATE TABLE domain_events (event_id text, aggregate_id text, version int, event_type text, payload json, occurred_at timestamptz);
INSERT INTO domain_events VALUES
 ('e3', 'o-1', 3, 'OrderPaid',    '{"b": 1,  "a":"ü"}', '2026-11-21 10:03+00'),
 ('e1', 'o-1', 1, 'OrderCreated', '{ }',                '2026-11-21 10:01+00'),
 ('e5', 'o-1', 5, 'OrderShipped', NULL,                 '2026-11-21 10:05+00'),
 ('e4', 'o-1', 3, 'OrderPaid',    '[]',                 '2026-11-21 10:04+00'),
 ('x1', 'o-2', 1, NULL,           '0',                  'infinity'),
 ('n1', 'o-3', NULL, 'Lost',      '0',                  NULL);
CREATE TABLE "Raw Events" (id uuid, "Of" bigint, n numeric, body bytea, at timestamp);
INSERT INTO "Raw Events" VALUES ('6f1c0a52-1f0e-4a3b-9a59-0b7a3c1d2e3f', 7, 2, '\x00ff0a', '2026-11-21 12:00'), (NULL, 7, 1, '', NULL);`

var storedEvents = EventTable{
	Table: "domain_events", Aggregate: "aggregate_id", Sequence: "version", ID: "event_id", Type: "event_type", Payload: "payload", Time: "occurred_at",
}

func at(clock string) time.Time {
	t, err := time.Parse(time.RFC3339, "2026-11-21T"+clock+":00Z")
	if err != nil {
		panic(err)
	}
	return t
}

func TestEventsComeInTheOrderOfTheirSequence(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, eventTables)
	target := open(t, brisk(dsn))
	all := []StoredEvent{
		{"e1", 1, "OrderCreated", []byte("{ }"), at("10:01")},
		{"e3", 3, "OrderPaid", []byte(`{"b": 1,  "a":"ü"}`), at("10:03")},
		{"e4", 3, "OrderPaid", []byte("[]"), at("10:04")},
		{"e5", 5, "OrderShipped", nil, at("10:05")},
	}
	raw := EventTable{Table: "Raw Events", Aggregate: "Of", Sequence: "n", ID: "id", Payload: "body", Time: "at"}
	for _, tt := range []struct {
		name         string
		from         EventTable
		aggregate    string
		since, until time.Time
		limit        int
		want         []StoredEvent
	}{
		{"all of it, gaps and duplicates too", storedEvents, "o-1", time.Time{}, time.Time{}, 100, all},
		{"from a time on, and before another", storedEvents, "o-1", at("10:03"), at("10:05"), 100, all[1:3]},
		{"the first few", storedEvents, "o-1", time.Time{}, time.Time{}, 2, all[:2]},
		{"no type, no end of time", storedEvents, "o-2", time.Time{}, time.Time{}, 100, []StoredEvent{{"x1", 1, "", []byte("0"), time.Time{}}}},
		{"nobody of that name", storedEvents, "o-1' OR true --", time.Time{}, time.Time{}, 100, nil},
		{"bytes as they are, and what is not known", raw, "7", time.Time{}, time.Time{}, 100, []StoredEvent{
			{"", 1, "", []byte{}, time.Time{}}, {"6f1c0a52-1f0e-4a3b-9a59-0b7a3c1d2e3f", 2, "", []byte("\x00\xff\n"), at("12:00")},
		}},
		{"a name that is no number", raw, "o-1", time.Time{}, time.Time{}, 100, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := target.Events(t.Context(), tt.from, tt.aggregate, tt.since, tt.until, tt.limit)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestEventsSayWhatIsMissing(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, eventTables)
	target := open(t, brisk(dsn))
	change := func(f func(*EventTable)) EventTable {
		e := storedEvents
		f(&e)
		return e
	}
	for _, tt := range []struct {
		name, aggregate, says string
		from                  EventTable
	}{
		{"no such column", "o-1", "has no column vrsion: did you mean version?", change(func(e *EventTable) { e.Sequence = "vrsion" })},
		{"no such optional column", "o-1", "has no column event_typ: did you mean event_type?", change(func(e *EventTable) { e.Type = "event_typ" })},
		{"a sequence of words", "o-1", "a sequence must be a whole number", change(func(e *EventTable) { e.Sequence = "event_id" })},
		{"a time of words", "o-1", "time must be a timestamp", change(func(e *EventTable) { e.Time = "event_id" })},
		{"no time to ask for", "o-1", "have no time in the config", change(func(e *EventTable) { e.Time = "" })},
		{"no place in the sequence", "o-3", "has no sequence number (NULL)", storedEvents},
	} {
		t.Run(tt.name, func(t *testing.T) {
			since := time.Time{}
			if tt.from.Time == "" {
				since = at("10:00")
			}
			_, err := target.Events(t.Context(), tt.from, tt.aggregate, since, time.Time{}, 10)
			if err == nil || !strings.Contains(sentence(t, err), tt.says) {
				t.Errorf("%v, want %s", err, tt.says)
			}
		})
	}
}
