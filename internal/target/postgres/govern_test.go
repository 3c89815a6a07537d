package postgres

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/pgtest"
)

func TestReasonsHaveNames(t *testing.T) {
	t.Parallel()
	limits := Options{}.withDefaults().Polite
	limits.LongestTransaction = time.Minute
	for name, c := range map[string]struct {
		load load
		want string
	}{
		"calm":        {load{active: 5, replicaLag: time.Second}, ""},
		"replica":     {load{replicaLag: 12 * time.Second}, "replica lag 12 s (limit 5 s)"},
		"locks":       {load{lockWaits: 9}, "9 sessions wait for locks (limit 5)"},
		"sessions":    {load{active: 41}, "41 sessions at work (limit 40)"},
		"archive":     {load{archiveFailing: 10 * time.Minute}, "WAL archiving has failed for 10 min (limit 60 s)"},
		"transaction": {load{longest: 90 * time.Second}, "a transaction is open for 90 s (limit 60 s)"},
		"at a limit":  {load{active: 40, lockWaits: 5, replicaLag: 5 * time.Second}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := limits.reason(c.load); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if got := (Polite{MaxActive: -1}).reason(load{active: 1000}); got != "" {
		t.Errorf("a limit that is off gave %q", got)
	}
}

// waiters makes sessions that wait for a lock until the test's end or release.
func waiters(t *testing.T, dsn string, n int) (release func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{}, n+1)
	for i := range n + 1 {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(42)"); err != nil {
				t.Fatal(err)
			}
		}
		go func() {
			defer func() { _ = conn.Close(context.Background()); ended <- struct{}{} }()
			if i == 0 {
				<-ctx.Done()
				return
			}
			_, _ = conn.Exec(ctx, "SELECT pg_advisory_lock(42)") // ends with the test's context
		}()
	}
	eventually(t, "they wait", func() bool {
		return scanOne[int64](t, dsn, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()") >= int64(n)
	})
	return func() {
		cancel()
		for range n + 1 {
			<-ended
		}
	}
}

// TestGovernorPausesAndGoesOn while others wait for locks, and says why.
func TestGovernorPausesAndGoesOn(t *testing.T) { // not parallel: it counts the whole server's waiters
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 50)")
	release := waiters(t, dsn, 3)
	slept := 0
	o := brisk(dsn)
	o.Polite = Polite{LookEvery: time.Nanosecond, MaxLockWaits: 2}
	o.Sleep = func(ctx context.Context, d time.Duration) error {
		if d == pauseStep {
			if slept++; slept == 3 {
				release()
				eventually(t, "the waiters are gone", func() bool {
					return scanOne[int64](t, dsn, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") <= 2
				})
			}
		}
		return ctx.Err()
	}
	rec, result := detect(t, declareCheck(t, "rows", `{table: t, wrong: "id = 50"}`).Detector(open(t, o)), check.Options{})
	if slept < 3 || len(rec.pauses) < 3 || !strings.HasSuffix(rec.pauses[0], "sessions wait for locks (limit 2)") {
		t.Errorf("paused %d times, saying %q", slept, rec.pauses)
	}
	if len(rec.saved) != 1 || result.Scanned != 50 {
		t.Errorf("after the pause it found %d rows of %d", len(rec.saved), result.Scanned)
	}
}

// TestGovernorGivesUp when the database stays busy: a Problem, no PASS. At full
// speed nobody looks.
func TestGovernorGivesUp(t *testing.T) { // not parallel: it counts the whole server's waiters
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 50)")
	end := waiters(t, dsn, 3)
	defer end()
	o := brisk(dsn)
	o.Polite = Polite{LookEvery: time.Nanosecond, MaxLockWaits: 2, MaxPause: 5 * time.Second}
	o.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	target := open(t, o)
	got := problemOf(t, target, "rows", `{table: t, wrong: "false"}`)
	if !strings.Contains(got, "was too busy to be read for 5 s: ") || !strings.Contains(got, "sessions wait for locks (limit 2)") {
		t.Errorf("it says %q", got)
	}
	if rec, _ := detect(t, declareCheck(t, "rows", `{table: t, wrong: "false"}`).Detector(target), check.Options{Full: true}); len(rec.pauses) > 0 {
		t.Errorf("paused at full speed: %q", rec.pauses)
	}
}

// TestChunksAreHalved when they time out, down to single rows that get all the
// time there is.
func TestChunksAreHalved(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, `CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 12);
CREATE FUNCTION slow(int) RETURNS bool LANGUAGE sql VOLATILE AS 'SELECT pg_sleep(CASE WHEN $1 = 7 THEN 0.5 ELSE 0.05 END) IS NULL'`)
	o := brisk(dsn)
	o.chunkRows, o.Polite.StatementTimeout = 12, 250*time.Millisecond
	target := open(t, o)
	table, err := target.Table(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	r := target.Reader(check.Options{}, &recorder{t: t})
	var seen []int64
	chunks := 0
	err = Walk(t.Context(), r, Span{Table: table, Key: table.Key},
		func(ctx context.Context, s *Session, rng Range) (ids []int64, err error) {
			where, args := rng.Where("t", 1)
			err = s.Row(ctx, "SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM t WHERE "+where+" OFFSET 0) t WHERE slow(id) IS NOT NULL", args, &ids)
			return ids, err
		},
		func(_ context.Context, ids []int64, _ Position) error {
			seen, chunks = append(seen, ids...), chunks+1
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != 12 || seen[0] != 1 || seen[11] != 12 || chunks < 4 {
		t.Errorf("saw %v in %d chunks", seen, chunks)
	}
}

// TestWalkByPagesSeesGrowth: rows that came behind the end while it was walked.
func TestWalkByPagesSeesGrowth(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, "CREATE TABLE t (id int, pad text); INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 100) i; ANALYZE t")
	target := open(t, brisk(dsn))
	table, err := target.Table(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	grown := false
	var total int64
	err = Walk(t.Context(), target.Reader(check.Options{}, &recorder{t: t}), Span{Table: table},
		func(ctx context.Context, s *Session, rng Range) (n int64, err error) {
			where, args := rng.Where("t", 1)
			err = s.Row(ctx, "SELECT count(*) FROM t WHERE "+where, args, &n)
			return n, err
		},
		func(_ context.Context, n int64, _ Position) error {
			if total += n; !grown {
				pgtest.Exec(t, dsn, "INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(101, 200) i")
				grown = true
			}
			return nil
		})
	if err != nil || total != 200 {
		t.Errorf("saw %d rows, %v", total, err)
	}
}

func TestRestsGrowWithTheWorkOfOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		looks  []int // sessions of others at work
		polite Polite
		want   float64
	}{
		"nobody else":         {nil, Polite{}, 0.5},
		"a single visitor":    {[]int{1, 0, 0, 0, 0, 0, 0, 0, 0}, Polite{}, 0.5 + 0.3*0.05764801/0.5*18.5},
		"one session at work": {[]int{1, 1, 1, 1}, Polite{}, 19},
		"many":                {[]int{30, 30}, Polite{}, 19},
		"as configured":       {[]int{5, 5}, Polite{NiceRatio: 2, BusyRatio: 20}, 20},
		"never less than nice": {
			[]int{5, 5}, Polite{NiceRatio: 4, BusyRatio: 1}, 4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			target := open(t, Options{Name: "shop", DSN: "postgres://nowhere", Polite: c.polite})
			for _, active := range c.looks {
				target.saw(active)
			}
			if got, _ := target.restRatio(); got < c.want-1e-6 || got > c.want+1e-6 {
				t.Errorf("got %g, want %g", got, c.want)
			}
		})
	}
}

// TestAPoliteCheckRestsWhileOthersWork, and says why; full speed does not rest.
func TestAPoliteCheckRestsWhileOthersWork(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 50)")
	var longest time.Duration
	now := time.Unix(0, 0)
	o := brisk(dsn)
	o.Now = func() time.Time { now = now.Add(time.Second); return now } // so that each piece takes a second
	o.Sleep = func(ctx context.Context, d time.Duration) error {
		longest = max(longest, d)
		return ctx.Err()
	}
	o.Polite = Polite{LookEvery: time.Hour, StatementTarget: time.Minute}
	target := open(t, o)
	target.saw(100)
	rec, _ := detect(t, declareCheck(t, "rows", `{table: t, wrong: "false"}`).Detector(target), check.Options{})
	if longest < maxRest || longest > maxRest {
		t.Errorf("the longest rest was %s", longest)
	}
	if len(rec.pauses) == 0 || !strings.Contains(rec.pauses[0], "because others keep 30.0 sessions at work (--full does not rest)") {
		t.Errorf("it says %q", rec.pauses)
	}
	longest = 0
	rec, _ = detect(t, declareCheck(t, "rows", `{table: t, wrong: "false"}`).Detector(target), check.Options{Full: true})
	if longest > 2*time.Second || len(rec.pauses) > 0 {
		t.Errorf("at full speed it rested %s and said %q", longest, rec.pauses)
	}
}
