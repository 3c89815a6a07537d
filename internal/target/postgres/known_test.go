package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/pgtest"
)

func TestKnownFindsExactlyTheIDsThatStandThere(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, `
CREATE TABLE by_text (event_id text COLLATE "C" PRIMARY KEY);
INSERT INTO by_text VALUES ('e-1'), ('E-2'), (''), ('it''s'), ('ключ'), ('7');
CREATE TABLE "By Varchar" ("Event ID" varchar(40));
INSERT INTO "By Varchar" VALUES ('e-1'), ('e-1'), (NULL);
CREATE TABLE by_uuid (event_id uuid PRIMARY KEY);
INSERT INTO by_uuid VALUES ('6f1c0a52-1f0e-4a3b-9a59-0b7a3c1d2e3f');
CREATE TABLE by_number (event_id bigint PRIMARY KEY, share numeric);
INSERT INTO by_number VALUES (7, 7), (9223372036854775807, 123456789012345678901234567890);`)
	target := open(t, brisk(dsn))
	for _, tt := range []struct {
		name, table, column string
		ids, want           []string
	}{
		{"text is compared to the letter", "by_text", "event_id", []string{"e-1", "e-2", "E-2", "", "it's", "ключ", " 7"}, []string{"e-1", "E-2", "", "it's", "ключ"}},
		{"what no text can be is nowhere", "by_text", "event_id", []string{"a\x00b", "\xff", "e-1"}, []string{"e-1"}},
		{"names as they are written", "By Varchar", "Event ID", []string{"e-1", "NULL"}, []string{"e-1"}},
		{"a uuid however it is written", "by_uuid", "event_id", []string{"6F1C0A52-1F0E-4A3B-9A59-0B7A3C1D2E3F", "urn:uuid:6f1c0a52-1f0e-4a3b-9a59-0b7a3c1d2e3f", "e-1", ""}, []string{"6F1C0A52-1F0E-4A3B-9A59-0B7A3C1D2E3F"}},
		{"whole numbers", "by_number", "event_id", []string{"7", "9223372036854775807", "9223372036854775808", "x", "7.0", ""}, []string{"7", "9223372036854775807"}},
		{"long numbers", "by_number", "share", []string{"7", "123456789012345678901234567890", "7e0"}, []string{"7", "123456789012345678901234567890"}},
		{"nothing asked", "by_text", "event_id", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := map[string]bool{}
			for _, id := range tt.want {
				want[id] = true
			}
			got, err := target.Known(t.Context(), tt.table, tt.column, tt.ids)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestKnownLooksForManyIDsInPieces(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, "CREATE TABLE handled (event_id text PRIMARY KEY); INSERT INTO handled SELECT 'e-' || 2 * i FROM generate_series(1, 8000) i")
	var ids []string
	for i := range 2*knownAtOnce + 7 {
		ids = append(ids, fmt.Sprintf("e-%d", i))
	}
	known, err := open(t, brisk(dsn)).Known(t.Context(), "handled", "event_id", ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		if want := i > 0 && i%2 == 0; known[id] != want {
			t.Fatalf("%s: known is %v, want %v", id, known[id], want)
		}
	}
}

func TestKnownSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, "CREATE TABLE processed_events (event_id text, done boolean)")
	target := open(t, brisk(dsn))
	for _, tt := range []struct{ table, column, says string }{
		{"processed_event", "event_id", "There is no table processed_event in Postgres test/shop: did you mean processed_events?"},
		{"processed_events", "eventid", "Table processed_events has no column eventid: did you mean event_id?"},
		{"processed_events", "done", "is of type boolean: an id must be text, a uuid or a whole number."},
	} {
		_, err := target.Known(t.Context(), tt.table, tt.column, nil)
		if err == nil || !strings.Contains(sentence(t, err), tt.says) {
			t.Errorf("%s.%s: %v, want %s", tt.table, tt.column, err, tt.says)
		}
	}
}
