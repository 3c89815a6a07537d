package postgres

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/pgtest"
)

// cutter stands between a session and its server and ends all at the nth thing
// that the session says: before the server hears it, or before its answer gets
// back. Afterwards nobody gets through.
type cutter struct {
	address string
	at      int
	answer  bool // the server hears it
	silent  bool // it does not end them but lets nothing through any more

	mu    sync.Mutex
	said  int
	cut   bool
	conns []net.Conn
	wait  sync.WaitGroup
	close func() error
}

func newCutter(t *testing.T, dsn string, at int, answer bool) *cutter {
	t.Helper()
	to, err := pgconn.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{address: listener.Addr().String(), at: at, answer: answer, close: listener.Close}
	c.wait.Add(1)
	go func() {
		defer c.wait.Done()
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			network, address := pgconn.NetworkAddress(to.Host, to.Port)
			far, err := net.Dial(network, address)
			c.mu.Lock()
			if err != nil || c.cut {
				_ = near.Close()
				c.mu.Unlock()
				continue
			}
			c.conns = append(c.conns, near, far)
			c.wait.Add(2)
			c.mu.Unlock()
			go c.pump(near, far, true)
			go c.pump(far, near, false)
		}
	}()
	t.Cleanup(func() {
		c.end()
		c.wait.Wait()
	})
	return c
}

func (c *cutter) pump(from, to net.Conn, asks bool) {
	defer c.wait.Done()
	buffer := make([]byte, 1<<20)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		c.mu.Lock()
		if asks {
			c.said++
		}
		now := c.at > 0 && c.said >= c.at
		c.mu.Unlock()
		if now && (!asks || !c.answer) {
			if c.silent {
				continue
			}
			c.end()
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (c *cutter) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	_ = c.close()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// through has a database reached through a cutter.
func through(c *cutter, dsn string) func(*FixOptions) {
	database := strings.SplitN(strings.SplitN(dsn, "?", 2)[0], "/", 4)[3]
	return func(o *FixOptions) {
		o.DSN = Secret("postgres://integritybot_fixer@" + c.address + "/" + database + "?sslmode=disable")
	}
}

func hasty(o *FixOptions) {
	o.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
}

// TestFixCutOffAnywhere: wherever the process or its connection dies, a batch took
// effect as a whole or not at all, the record knows which, whoever goes on makes
// each change once, and the way back is exact.
func TestFixCutOffAnywhere(t *testing.T) {
	t.Parallel()
	all := cutOff(t, 0, false)
	if all < 25 {
		t.Fatalf("only %d points to try", all)
	}
	for at := 1; at <= all; at++ {
		if at%3 != 0 && at < all-4 {
			continue
		}
		for _, answer := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d of %d, heard %t", at, all, answer), func(t *testing.T) {
				t.Parallel()
				cutOff(t, at, answer)
			})
		}
	}
}

// cutOff tells how many things the session said.
func cutOff(t *testing.T, at int, answer bool) int {
	dsn := repairDatabase(t)
	pgtest.Exec(t, dsn, countRemovals)
	d := orphaned(t, dsn).update(statusForm, "'COMPLETED'", "id IN ('o1', 'o2', 'o5')")
	before := checksums(t, dsn)
	c := newCutter(t, dsn, at, answer)
	victim := fixer(t, dsn, hasty, through(c, dsn))
	result, err := victim.Apply(t.Context(), plan(1), d.Forms, d.Batches()[0], 1, nil)
	c.mu.Lock()
	cut := c.cut
	c.mu.Unlock()
	if cut && err == nil {
		t.Error("it was cut off and went through")
	}
	successor := fixer(t, dsn)
	applied, lookErr := successor.Applied(t.Context(), 1, nil)
	if lookErr != nil {
		t.Fatal(lookErr)
	}
	switch {
	case err == nil:
		if diff := cmp.Diff([]fix.Result{result}, applied); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
	case len(applied) == 0:
		sameRows(t, dsn, before)
		if got := sentence(t, err); !strings.Contains(got, "Batch 1 of P-1 was not applied.") && !strings.Contains(got, "may have been applied or not") {
			t.Errorf("it says %q", got)
		}
	default:
		if got := sentence(t, err); !strings.Contains(got, "may have been applied or not") {
			t.Errorf("it was applied, and says %q", got)
		}
	}
	again, err := successor.Apply(t.Context(), plan(1), d.Forms, d.Batches()[0], 1, nil)
	if err != nil || again.Changed != 11 {
		t.Fatalf("the successor: %+v, %v", again, err)
	}
	if n := scanOne[int64](t, dsn, "SELECT count(*) FROM removals"); n != 8 {
		t.Errorf("%d rows were removed instead of 8", n)
	}
	takeBack(t, successor, plan(1), 2, d.Forms)
	pgtest.Exec(t, dsn, "TRUNCATE removals")
	sameRows(t, dsn, before)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said
}

// TestFixSilence of the network in mid batch ends in a sentence, in bounded time;
// whoever goes on waits until the server has given up on the silent one.
func TestFixSilence(t *testing.T) {
	t.Parallel()
	for _, at := range []int{15, 30} {
		t.Run(strconv.Itoa(at), func(t *testing.T) {
			t.Parallel()
			dsn := repairDatabase(t)
			d := orphaned(t, dsn)
			c := newCutter(t, dsn, at, true)
			c.silent = true
			victim := fixer(t, dsn, hasty, through(c, dsn), func(o *FixOptions) {
				o.StatementTimeout, o.ConnectTimeout = time.Second, time.Second
			})
			before := checksums(t, dsn)
			began := time.Now()
			_, err := victim.Apply(t.Context(), plan(1), d.Forms, d.Batches()[0], 1, nil)
			if err == nil || time.Since(began) > 30*time.Second {
				t.Fatalf("after %s: %v", time.Since(began), err)
			}
			if got := sentence(t, err); !strings.Contains(got, "did not answer in time") {
				t.Errorf("it says %q", got)
			}
			sameRows(t, dsn, before)
			if r, err := fixer(t, dsn).Apply(t.Context(), plan(1), d.Forms, d.Batches()[0], 1, nil); err != nil || r.Changed != 8 {
				t.Errorf("the successor: %+v, %v", r, err)
			}
		})
	}
}

// countRemovals has a trigger count what is removed, however often it is.
const countRemovals = `CREATE TABLE removals (what text); GRANT INSERT ON removals TO integritybot_fixer;
CREATE FUNCTION count_removal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO removals VALUES ((OLD.*)::text); RETURN NULL; END $$;
CREATE TRIGGER orders_removed AFTER DELETE ON orders FOR EACH ROW EXECUTE FUNCTION count_removal();
CREATE TRIGGER items_removed AFTER DELETE ON items FOR EACH ROW EXECUTE FUNCTION count_removal();`

// TestFixBackendsKilled: an administrator who ends our sessions again and again
// delays a plan and breaks nothing.
func TestFixBackendsKilled(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	pgtest.Exec(t, dsn, countRemovals+`INSERT INTO items SELECT 'x' || l, 1, l FROM generate_series(1, 4000) l`)
	d := newDraft(t, dsn).remove(itemsForm, "order_id LIKE 'x%'")
	x := fixer(t, dsn, hasty)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(60 * time.Millisecond):
				pgtest.Exec(t, dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'integritybot' AND datname = current_database() AND state <> 'idle' AND random() < 0.5")
			}
		}
	}()
	var results []fix.Result
	for _, b := range d.Batches() {
		for try := 0; ; try++ {
			r, err := x.Apply(t.Context(), plan(1), d.Forms, b, 1, nil)
			if err == nil {
				results = append(results, r)
				break
			}
			if try == 20 {
				t.Fatal(err)
			}
			_ = sentence(t, err)
		}
	}
	close(stop)
	<-done
	applied, err := x.Applied(t.Context(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(results, applied); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	if n := scanOne[int64](t, dsn, "SELECT count(*) FROM removals"); n != 4000 {
		t.Errorf("%d rows were removed", n)
	}
}

// TestFixZombieAndSuccessor apply one batch at once; it is made once.
func TestFixZombieAndSuccessor(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	pgtest.Exec(t, dsn, countRemovals+`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END';
CREATE TRIGGER slow AFTER DELETE ON items FOR EACH ROW EXECUTE FUNCTION slow()`)
	d := orphaned(t, dsn)
	results := make([]fix.Result, 4)
	errs := make([]error, len(results))
	var wait sync.WaitGroup
	for i := range results {
		x := fixer(t, dsn, func(o *FixOptions) { o.LockTimeout = 50 * time.Millisecond })
		wait.Go(func() {
			results[i], errs[i] = x.Apply(t.Context(), plan(1), d.Forms, d.Batches()[0], 1, nil)
		})
	}
	wait.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(results[0], results[i]); diff != "" {
			t.Errorf("they got different results (-first +other):\n%s", diff)
		}
	}
	if n := scanOne[int64](t, dsn, "SELECT count(*) FROM removals"); n != 8 || results[0].Changed != 8 {
		t.Errorf("%d rows were removed, and %d were said to be", n, results[0].Changed)
	}
}

// TestFixServerRestarted in the middle of a batch.
func TestFixServerRestarted(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "restarted-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	start := func() *pgproc.Server {
		s, err := pgproc.Start(t.Context(), pgproc.Options{Dir: dir + "/pg"})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	server := start()
	dsn := server.DSN(pgproc.Superuser, pgproc.Superuser)
	pgtest.Exec(t, dsn, repairShop)
	makeReady(t, dsn)
	pgtest.Exec(t, dsn, countRemovals+`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO integritybot_fixer;
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END'; CREATE TRIGGER slow AFTER DELETE ON items FOR EACH ROW EXECUTE FUNCTION slow()`)
	x := fixer(t, dsn, func(o *FixOptions) { o.ConnectTimeout = 30 * time.Second })
	d := orphaned(t, dsn)
	var result fix.Result
	done := make(chan struct{})
	go func() {
		defer close(done)
		result, err = x.Apply(t.Context(), plan(1), d.Forms, d.Batches()[0], 1, nil)
	}()
	eventually(t, "the batch is under way", func() bool {
		return scanOne[int64](t, dsn, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'integritybot_fixer' AND wait_event = 'PgSleep'") == 1
	})
	server.Stop()
	server = start()
	defer server.Stop()
	<-done
	if err != nil {
		if got := sentence(t, err); !strings.Contains(got, "was not applied") {
			t.Errorf("it says %q", got)
		}
		if applied, err := x.Applied(t.Context(), 1, nil); err != nil || len(applied) > 0 {
			t.Errorf("recorded %v, %v", applied, err)
		}
		result, err = x.Apply(t.Context(), plan(1), d.Forms, d.Batches()[0], 1, nil)
	}
	if err != nil || result.Changed != 8 {
		t.Errorf("%+v, %v", result, err)
	}
	if n := scanOne[int64](t, dsn, "SELECT count(*) FROM removals"); n != 8 {
		t.Errorf("%d rows were removed", n)
	}
}
