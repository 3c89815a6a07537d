package postgres

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/pgtest"
)

const (
	anyWait  = "{max_wait: 0s, max_idle_in_transaction: 0s, tables: [orders]}"
	overview = true
)

// TestLocksTrueChain is a root, a chain and a fan behind it, and 20 sessions beside
// them that have nothing to do with it although they hold locks on the same tables.
func TestLocksTrueChain(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	for i := range 20 {
		s := c.session("innocent").does("BEGIN", fmt.Sprintf("UPDATE orders SET status = 'PAID' WHERE id = %d", 50+i), "LOCK TABLE stock IN ROW SHARE MODE")
		if i%2 == 0 {
			s.begins("SELECT pg_sleep(60)")
		}
	}
	root := c.session("root").does("BEGIN", "UPDATE orders SET status = 'PAID' WHERE id IN (1, 2)")
	first := c.session("first").does("BEGIN", "UPDATE stock SET n = 0 WHERE id = 1").waits("UPDATE orders SET status = 'OPEN' WHERE id = 1")
	second := c.session("second").waits("UPDATE orders SET status = 'LOST' WHERE id = 1") // queues behind first
	third := c.session("third").waits("UPDATE stock SET n = 7 WHERE id = 1")
	fan := c.session("fan").waits("DELETE FROM orders WHERE id = 2")

	rows, result := looksAt(t, c.reader(true), anyWait, check.Options{Overview: overview})
	if diff := cmp.Diff([]string{"blocker " + root.pid, "waits " + first.pid, "waits " + second.pid, "waits " + third.pid, "waits " + fan.pid}, failing(rows)); diff != "" {
		t.Errorf("failing (-want +got):\n%s", diff)
	}
	want := []string{
		root.pid + " | blocks 4 | ",
		"└ " + first.pid + " | waits, blocks 2 | " + root.pid,
		"  └ " + second.pid + " | waits | " + first.pid,
		"  └ " + third.pid + " | waits | " + first.pid,
		"└ " + fan.pid + " | waits | " + root.pid,
	}
	got := cellsOf(result.Overview, "session", "what", "blocked_by")
	for i := range got {
		got[i] = ages.ReplaceAllString(got[i], "waits")
	}
	if diff := cmp.Diff(want, got[:min(len(got), len(want))]); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	writers := slices.DeleteFunc(slices.Clone(got), func(line string) bool { return !strings.Contains(line, "writes to orders") })
	if len(writers) != 24 || len(got) != 5+24 { // the 20, root, first, second, fan
		t.Errorf("%d of %d rows are writers:\n%s", len(writers), len(got), strings.Join(got, "\n"))
	}
	if !strings.Contains(result.Says, "1 session blocks 4 others, the longest for ") || !strings.Contains(result.Says, "pid "+root.pid+" (root), idle in transaction for ") {
		t.Errorf("it says %q", result.Says)
	}
	if result.Scanned != 25 || result.Position == "" {
		t.Errorf("%d sessions, position %q", result.Scanned, result.Position)
	}
	if got := cellsOf(result.Overview, "waits_for")[1]; got != "a row of orders" {
		t.Errorf("first waits for %q", got)
	}
	_, calm := looksAt(t, c.reader(true), "{max_wait: 1h, max_idle_in_transaction: 0s}", check.Options{})
	if calm.Says != "4 sessions wait for a lock, none for longer than 60 min" {
		t.Errorf("it says %q", calm.Says)
	}
}

var ages = regexp.MustCompile(`waits \d+ (ms|s|min)`)

// TestLocksQueue: who waits for a table makes those wait who come later, although
// they would not be in the way of the one that has it.
func TestLocksQueue(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	pgtest.Exec(t, c.dsn, "ALTER TABLE orders OWNER TO "+c.role)
	reads := c.session("report").does("BEGIN", "SELECT count(*) FROM orders")
	alters := c.session("migration").waits("ALTER TABLE orders ADD COLUMN x int")
	late := c.session("late").waits("SELECT count(*) FROM orders")
	rows, result := looksAt(t, c.reader(true), anyWait, check.Options{Overview: overview})
	if diff := cmp.Diff([]string{"blocker " + reads.pid, "waits " + alters.pid, "waits " + late.pid}, failing(rows)); diff != "" {
		t.Errorf("failing (-want +got):\n%s", diff)
	}
	want := []string{reads.pid + " | ", "└ " + alters.pid + " | table orders (AccessExclusiveLock)", "  └ " + late.pid + " | table orders (AccessShareLock)"}
	if diff := cmp.Diff(want, cellsOf(result.Overview, "session", "waits_for")[:3]); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

// TestLocksPreparedTransaction is a root that belongs to no session.
func TestLocksPreparedTransaction(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	name := "transfer " + c.role
	for _, gid := range []string{name, "innocent " + c.role} {
		id := 3
		if gid != name {
			id = 4
		}
		c.session("xa").does("BEGIN", fmt.Sprintf("UPDATE orders SET status = 'x' WHERE id = %d", id), "PREPARE TRANSACTION '"+gid+"'")
	}
	t.Cleanup(func() {
		for _, gid := range []string{name, "innocent " + c.role} {
			pgtest.Exec(t, c.dsn, "ROLLBACK PREPARED '"+gid+"'")
		}
	})
	waiter := c.session("shop").waits("UPDATE orders SET status = 'y' WHERE id = 3")
	rows, result := looksAt(t, c.reader(true), anyWait, check.Options{Overview: overview})
	if diff := cmp.Diff([]string{"blocker prepared " + name, "waits " + waiter.pid}, failing(rows)); diff != "" {
		t.Errorf("failing (-want +got):\n%s", diff)
	}
	if got := cellsOf(result.Overview, "session", "state", "blocked_by")[:2]; got[0] != "prepared "+name+" | prepared | " || got[1] != "└ "+waiter.pid+" | active | prepared "+name {
		t.Errorf("tree %q", got)
	}
	if !strings.Contains(strings.Join(result.Notes, " "), "ROLLBACK PREPARED") {
		t.Errorf("notes %q", result.Notes)
	}
}

// TestLocksParallelQuery: the workers of a query are one session with its leader.
func TestLocksParallelQuery(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	// A worker that finds no page to read ends at once.
	pgtest.Exec(t, c.dsn, "INSERT INTO orders SELECT i, repeat('x', 200) FROM generate_series(1000, 3000) i; ALTER TABLE orders SET (parallel_workers = 2); ALTER TABLE orders OWNER TO "+c.role)
	leader := c.session("report").does("SET max_parallel_workers_per_gather = 2", "SET parallel_setup_cost = 0", "SET parallel_tuple_cost = 0", "SET min_parallel_table_scan_size = 0", "BEGIN")
	leader.begins("SELECT count(*) FROM orders WHERE pg_sleep(10) IS NOT NULL")
	eventually(t, "it has workers", func() bool {
		return scanOne[int](t, c.dsn, "SELECT count(*)::int FROM pg_stat_activity WHERE leader_pid = "+leader.pid) > 0
	})
	waiter := c.session("migration").waits("ALTER TABLE orders ADD COLUMN x int")
	rows, result := looksAt(t, c.reader(true), anyWait, check.Options{Overview: overview})
	if diff := cmp.Diff([]string{"blocker " + leader.pid, "waits " + waiter.pid}, failing(rows)); diff != "" {
		t.Errorf("failing (-want +got):\n%s", diff)
	}
	if result.Scanned != 2 || result.Overview.Total != 2 {
		t.Errorf("%d sessions, %d shown", result.Scanned, result.Overview.Total)
	}
}

// TestLocksFoldWorkers: a worker that waits has its leader wait.
func TestLocksFoldWorkers(t *testing.T) {
	t.Parallel()
	early, late := time.Unix(100, 0), time.Unix(200, 0)
	look := &lockLook{sessions: []*backend{
		{id: "10", pid: 10, leader: 10, waits: true, since: &late, what: waited{kind: "relation"}, blockers: []string{"7"}},
		{id: "11", pid: 11, leader: 10, waits: true, since: &early, what: waited{kind: "tuple"}, blockers: []string{"7", "5", "10"}},
		{id: "12", pid: 12, leader: 10},
		{id: "13", pid: 13, leader: 99, waits: true, blockers: []string{"7"}}, // whose leader has just ended
		{id: "prepared x", gid: "x"},
	}}
	look.fold()
	var got []string
	for _, s := range look.sessions {
		got = append(got, s.id+" "+s.what.kind+" "+strings.Join(s.blockers, ","))
	}
	if diff := cmp.Diff([]string{"10 tuple 5,7", "13  7", "prepared x  "}, got); diff != "" {
		t.Errorf("sessions (-want +got):\n%s", diff)
	}
}

// TestLocksSitting: who sits in a transaction, and who has one for long, each
// under its own name; what is younger is not reported, nor is an application that
// may.
func TestLocksSitting(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	idle := c.session("shop").does("BEGIN", "SELECT 1")
	dump := c.session("pg_dump").does("BEGIN", "SELECT 1")
	busy := c.session("report").does("BEGIN", "SELECT 1")
	busy.begins("SELECT pg_sleep(60)")
	broken := c.session("shop")
	_, _ = broken.conn.Exec(t.Context(), "BEGIN; SELECT 1/0")
	eventually(t, "the last one is 100 ms old", func() bool {
		return scanOne[bool](t, c.dsn, "SELECT bool_and(clock_timestamp() - state_change > interval '100 ms') FROM pg_stat_activity WHERE application_name IN ('shop', 'report')")
	})
	words := "{max_idle_in_transaction: 50ms, max_transaction: 100ms, ignore: pg_dump}"
	rows, result := looksAt(t, c.reader(true), words, check.Options{Overview: overview})
	got := failing(rows)
	want := []string{"idle in transaction " + idle.pid, "long transaction " + busy.pid}
	if broken.conn.PgConn().TxStatus() == 'E' {
		want = slices.Insert(want, 1, "idle in transaction "+broken.pid)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failing (-want +got):\n%s", diff)
	}
	if dump.gone() || slices.ContainsFunc(got, func(s string) bool { return strings.HasSuffix(s, dump.pid) }) {
		t.Error("an application that may was reported")
	}
	if !strings.Contains(result.Says, "idle in transaction for more than 50 ms") || !strings.Contains(result.Says, "in a transaction of more than 100 ms") {
		t.Errorf("it says %q", result.Says)
	}
	rows, result = looksAt(t, c.reader(true), "{}", check.Options{})
	if len(rows) > 0 || result.Says != "nobody waits for a lock" {
		t.Errorf("by default: %v, %q", failing(rows), result.Says)
	}
}

// TestLocksWithoutSight: a role that may not see others' sessions still sees who
// waits for whom, names the grant, and never says PASS.
func TestLocksWithoutSight(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	root := c.session("root").does("BEGIN", "UPDATE orders SET status = 'secret' WHERE id = 1")
	blind := c.reader(false)
	_, err := declareCheck(t, "locks", "{}").Detector(blind).Detect(t.Context(), check.Options{}, nil, newFindings(nil))
	if got := sentence(t, err); !strings.Contains(got, "GRANT pg_read_all_stats TO ") {
		t.Errorf("it says %q", got)
	}
	if err := declareCheck(t, "locks", "{}").Validate(t.Context(), blind); err == nil {
		t.Error("it validates")
	}
	waiter := c.session("waiter").waits("UPDATE orders SET status = 'secret' WHERE id = 1")
	rows, result := looksAt(t, blind, "{max_wait: 0s}", check.Options{Overview: overview})
	if diff := cmp.Diff([]string{"blocker " + root.pid, "waits " + waiter.pid}, failing(rows)); diff != "" {
		t.Errorf("failing (-want +got):\n%s", diff)
	}
	if !strings.Contains(strings.Join(result.Notes, " "), "GRANT pg_read_all_stats TO ") {
		t.Errorf("notes %q", result.Notes)
	}
	if got := cellsOf(result.Overview, "state", "statement")[0]; got != "not shown to our role | " {
		t.Errorf("root is %q", got)
	}
}

// TestLocksShowNoValue: statements have their shape alone, names that clients
// choose are cut, and what they hold stays text.
func TestLocksShowNoValue(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	hostile := "<!channel> *x* `y` " + strings.Repeat("z", 60)
	c.session(hostile).does("BEGIN", "/* user=alice@example.org */ UPDATE orders SET status = 'Alice Smith', id = id WHERE id = 4711 - 4710 -- alice")
	c.session("waiter").waits("UPDATE orders SET status = E'it\\'s Bob''s' WHERE id = 0001")
	rows, result := looksAt(t, c.reader(true), anyWait, check.Options{Overview: overview})
	if len(rows) != 2 {
		t.Fatalf("failing: %q", failing(rows))
	}
	got := cellsOf(result.Overview, "application", "statement")
	want := []string{
		"<!channel> *x* `y` " + strings.Repeat("z", 20) + "… | UPDATE orders SET status = ?, id = id WHERE id = ? - ?",
		"waiter | UPDATE orders SET status = ? WHERE id = ?",
	}
	if diff := cmp.Diff(want, got[:2]); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	for _, secret := range []string{"alice", "Alice", "Bob", "4711"} {
		if strings.Contains(fmt.Sprint(result.Overview, result.Says), secret) {
			t.Errorf("it shows %q", secret)
		}
	}
}

// TestLocksPassingWait: who waited only at the first look is not reported.
func TestLocksPassingWait(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	root := c.session("root").does("BEGIN", "UPDATE orders SET status = 'x' WHERE id = 1")
	waiter := c.session("waiter").waits("UPDATE orders SET status = 'y' WHERE id = 1")
	target := c.reader(true)
	first, err := target.lookAtLocks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	root.does("COMMIT")
	if err := waiter.ended(); err != nil {
		t.Fatal(err)
	}
	// It waits again, for another lock and in another transaction.
	root.does("BEGIN", "UPDATE orders SET status = 'x' WHERE id = 2")
	waiter.waits("UPDATE orders SET status = 'y' WHERE id = 2")
	second, err := target.lookAtLocks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if chain := newChain(first, second); len(chain.waiting) > 0 || len(chain.roots) > 0 {
		t.Errorf("it waits: %v, roots %v", chain.waiting, chain.roots)
	}
	if chain := newChain(second, second); len(chain.waiting) != 1 || len(chain.roots) != 1 || chain.roots[0].id != root.pid {
		t.Errorf("it does not wait: %v, roots %v", chain.waiting, chain.roots)
	}
}

// TestLocksCircle of waiting sessions neither hangs the tree nor hides anybody.
func TestLocksCircle(t *testing.T) {
	t.Parallel()
	long := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	look := &lockLook{at: long.Add(time.Minute), by: map[string]*backend{}}
	add := func(pid int32, blockers ...string) {
		s := &backend{id: fmt.Sprint(pid), pid: pid, here: true, kind: "client backend", waits: len(blockers) > 0, since: &long, blockers: blockers}
		look.sessions, look.by[s.id] = append(look.sessions, s), s
	}
	add(1, "3")
	add(2, "1")
	add(3, "2")
	add(4, "3", "6")
	add(5, "5")  // by itself
	add(6, "99") // whose blocker has ended
	add(7)
	add(8, "7", "3")
	chain := newChain(look, look)
	var got []string
	chain.tree(func(depth int, s *backend) { got = append(got, strings.Repeat("-", depth)+s.id) })
	if diff := cmp.Diff([]string{"1", "-2", "--3", "---4", "---8", "7", "5", "6"}, got); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

// TestLocksOfTheDatabaseItself, and not of the replica that checks read; and what
// bounds the waiting.
func TestLocksOfTheDatabaseItself(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	root, waiter := c.stuck()
	o := brisk(c.dsn)
	o.ReadDSN = "postgres://nobody@127.0.0.1:1/replica"
	o.Sleep = func(ctx context.Context, d time.Duration) error { return sleep(ctx, d/50) }
	target := open(t, o)
	d := declareCheck(t, "locks", "{max_wait: 0s, tables: [orders, ordres]}")
	if got := sentence(t, d.Validate(t.Context(), target)); !strings.Contains(got, "did you mean orders?") {
		t.Errorf("it says %q", got)
	}
	rows, result := looksAt(t, target, "{max_wait: 0s, tables: [orders, ordres]}", check.Options{Overview: overview})
	if diff := cmp.Diff([]string{"blocker " + root.pid, "waits " + waiter.pid}, failing(rows)); diff != "" {
		t.Errorf("failing (-want +got):\n%s", diff)
	}
	if len(result.Notes) != 1 || !strings.Contains(result.Notes[0], "There is no table ordres") || result.Overview.Total != 4 {
		t.Errorf("notes %q, %d rows", result.Notes, result.Overview.Total)
	}
	p, err := d.(Preventer).Prevent(t.Context(), target)
	if err != nil || p.SQL != "" || !strings.Contains(strings.Join(p.Notes, " "), "This check allows 5 min.") || !strings.Contains(strings.Join(p.Notes, " "), "log_lock_waits is off") {
		t.Errorf("%v, %+v", err, p)
	}
	o.DSN, o.ReadDSN = "not a dsn", Secret(c.dsn)
	if _, err := Open(t.Context(), o); err == nil || strings.Contains(err.Error(), "not a dsn") {
		t.Errorf("a DSN that nobody can read: %v", err)
	}
}
