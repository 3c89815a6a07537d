package shop

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/pgtest"
)

// The binary format is written by hand, so every type goes to a real server and back.
func TestCopyKeepsValues(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	if _, err := conn.Exec(ctx, "CREATE TABLE v (n int, t text, o text, a numeric, b bigint, y boolean, j jsonb, at timestamptz)"); err != nil {
		t.Fatal(err)
	}
	amounts := []Amount{0, 1, -1, 100, 33333, -50000, 10000, 123400, 99990000, 100000000, 900719925474099300, -900719925474099300}
	at := time.Date(1999, 12, 31, 23, 59, 59, 123456000, time.UTC)
	n, err := copyRows(ctx, conn.PgConn(), "v (n, t, o, a, b, y, j, at)", nil, func(s *sheet) {
		for i, a := range amounts {
			s.integer(-i)
			s.numbered("\\N\t\n", i)
			s.optional(nil)
			s.amount(a)
			s.bigint(i << 40)
			s.boolean(i%2 == 0)
			s.jsonb(`{"a": 1}`)
			s.time(at)
			s.end()
		}
	})
	if err != nil || n != int64(len(amounts)) {
		t.Fatalf("%d rows, %v", n, err)
	}
	rows, err := conn.Query(ctx, "SELECT n, t, o, a::text, b, y, j->>'a', at FROM v ORDER BY n DESC")
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		N    int
		T    string
		O    *string
		A    string
		B    int64
		Y    bool
		J    string
		Time time.Time
	}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range amounts {
		want := row{-i, "\\N\t\n" + string("0123456789ab"[i]), nil, a.String(), int64(i) << 40, i%2 == 0, "1", at}
		if i >= 10 {
			want.T = "\\N\t\n1" + string("01"[i-10])
		}
		if diff := cmp.Diff(want, got[i]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", a, diff)
		}
	}
}

func TestCopySaysWhatTheServerRefused(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = copyRows(ctx, conn.PgConn(), "nothing (a, b)", nil, func(s *sheet) {
		for s.err == nil {
			s.text("endless")
			s.text("rows")
			s.end()
		}
	})
	if err == nil {
		t.Fatal("copied into a table that is not there")
	}
	if _, err := conn.Exec(ctx, "SELECT 1"); err != nil {
		t.Errorf("the connection is of no more use: %v", err)
	}
}

func TestScatterIsAPermutation(t *testing.T) {
	for _, size := range []int{1, 2, 3, 4, 10, 97, 300, 9015} {
		p, seen := newScatter(7, streamItem, size), map[int]bool{}
		for k := range size {
			seen[p.at(k)] = true
		}
		if len(seen) != size {
			t.Errorf("size %d: only %d different places", size, len(seen))
		}
	}
}
