package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/pgtest"
)

// fixer is the bot's way to end sessions, as a role of this test: what may signal
// belongs to the whole server.
func (c *contended) fixer(grants string, change ...func(*FixOptions)) *Fixing {
	c.t.Helper()
	role := pgtest.Role(c.t, "fixer")
	to := pgx.Identifier{role}.Sanitize()
	pgtest.Exec(c.t, c.dsn, fmt.Sprintf(`GRANT USAGE ON SCHEMA integritybot TO %[1]s;
GRANT SELECT, INSERT ON integritybot.applied, integritybot.quarantine, integritybot.before_image TO %[1]s`, to))
	if grants != "" {
		pgtest.Exec(c.t, c.dsn, "GRANT "+grants+" TO "+to)
	}
	own := func(o *FixOptions) { o.DSN = Secret(pgtest.As(string(o.DSN), role)) }
	return fixer(c.t, c.dsn, append([]func(*FixOptions){own}, change...)...)
}

const mayEnd = "pg_read_all_stats, pg_signal_backend"

func (c *contended) remedy(words string) *remedy {
	c.t.Helper()
	return newRemedy(c.t, c.reader(true), "locks", anyWait, words)
}

func selecting(sessions ...*session) func(*fix.Order) {
	return func(o *fix.Order) {
		for _, s := range sessions {
			o.Select = append(o.Select, "pid="+s.pid)
		}
	}
}

// stuck is a session that sits on a row, and one that waits for it.
func (c *contended) stuck() (root, waiter *session) {
	root = c.session("ecommerce-backend").does("BEGIN", "UPDATE orders SET status = 'PAID' WHERE id = 1")
	return root, c.session("checkout").waits("UPDATE orders SET status = 'OPEN' WHERE id = 1")
}

// TestLocksTerminate frees who waits for a session that sits in its transaction,
// ends nobody else, does it once, and cannot be taken back.
func TestLocksTerminate(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	innocent := c.session("innocent").does("BEGIN", "UPDATE orders SET status = 'PAID' WHERE id = 7")
	root, waiter := c.stuck()
	r := c.remedy("{modes: [terminate]}")
	d := r.draft(t, asked(mode("terminate")))
	if diff := cmp.Diff("end session pid "+root.pid+" (ecommerce-backend), for which 1 other waits", d.Does); diff != "" {
		t.Error(diff)
	}
	if d.Button != "end 1 session" || d.Rows != 1 || d.Found != 2 || d.Of != 3 || d.Irreversible == "" || !d.Plain || d.Uncounted || len(d.Left) > 0 {
		t.Errorf("draft %+v", d)
	}
	if s := d.Samples[0]; s.Key != "pid "+root.pid+" (ecommerce-backend)" || !strings.HasPrefix(s.Before, "idle in transaction for ") ||
		!strings.HasSuffix(s.Before, ", has written, UPDATE orders SET status = ? WHERE id = ?") || s.After != "ended; "+waiter.pid+" waited for it" {
		t.Errorf("sample %+v", s)
	}
	if len(d.Listing) != 2 || d.Listing[1][0] != root.pid || d.Listing[1][6] != "yes" || !strings.Contains(d.Risk, "rolled back") {
		t.Errorf("listing %q, risk %q", d.Listing, d.Risk)
	}
	if root.gone() {
		t.Fatal("a plan ended it")
	}
	x := c.fixer(mayEnd)
	if err := x.MayApply(t.Context(), d.Content.Forms); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	first, err := x.Apply(t.Context(), plan(1), d.Content.Forms, d.Content.Batches()[0], 1, nil)
	if err != nil || first.Changed != 1 || len(first.Skipped) > 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	if took := time.Since(began); took >= signalWithin {
		t.Errorf("nobody saw that it ended: it took %s", took)
	}
	if err := waiter.ended(); err != nil || !root.gone() || innocent.gone() {
		t.Errorf("waiter: %v, root gone %t, innocent gone %t", err, root.gone(), innocent.gone())
	}
	again, err := x.Apply(t.Context(), plan(1), d.Content.Forms, d.Content.Batches()[0], 1, nil)
	if diff := cmp.Diff(first, again); err != nil || diff != "" {
		t.Errorf("applied twice: %v (-want +got):\n%s", err, diff)
	}
	applied, err := x.Applied(t.Context(), 1, nil)
	if diff := cmp.Diff([]fix.Result{first}, applied); err != nil || diff != "" {
		t.Errorf("recorded: %v (-want +got):\n%s", err, diff)
	}
	_, err = x.Inverse(t.Context(), fix.Order{ID: 2, Undoes: 1}, plan(1), d.Content.Forms)
	if got := sentence(t, err); got != "P-1 cannot be taken back: what a session was doing cannot be brought back." {
		t.Errorf("it says %q", got)
	}
	rows, result := looksAt(t, r.target, anyWait, check.Options{})
	if len(rows) > 0 || result.Says != "nobody waits for a lock" {
		t.Errorf("after it: %q, %q", failing(rows), result.Says)
	}
	if d := r.draft(t, asked(mode("terminate"))); d.Rows > 0 || d.Total > 0 || len(d.Left) > 0 {
		t.Errorf("there is something to do: %+v", d)
	}
}

// TestLocksCancel ends what a session runs, and leaves it its connection.
func TestLocksCancel(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	root, waiter := c.stuck()
	root.begins("SELECT pg_sleep(60), 'secret'")
	eventually(t, "it is at work", func() bool {
		return scanOne[string](t, c.dsn, "SELECT state FROM pg_stat_activity WHERE pid = "+root.pid) == "active"
	})
	d := c.remedy("{}").draft(t, asked())
	if d.Does != "cancel what session pid "+root.pid+" (ecommerce-backend) runs, for which 1 other waits" || d.Button != "cancel 1 session" || !strings.Contains(d.Risk, "at work") {
		t.Errorf("does %q, button %q, risk %q", d.Does, d.Button, d.Risk)
	}
	changed, skipped := carry(t, c.fixer(mayEnd), plan(1), d.Content)
	if changed != 1 || len(skipped) > 0 {
		t.Fatalf("%d changed, left alone %v", changed, skipped)
	}
	var refused *pgconn.PgError
	if err := root.ended(); !errors.As(err, &refused) || refused.Code != stateQueryCanceled {
		t.Errorf("it ended with %v", err)
	}
	if err := waiter.ended(); err != nil || root.gone() {
		t.Errorf("waiter: %v, root gone %t", err, root.gone())
	}
}

// TestLocksLeftAlone: who is never ended, with the reason, whoever asks.
func TestLocksLeftAlone(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	root, waiter := c.stuck()
	r := c.remedy("{modes: [terminate], max_rows: 1}")
	super := c.sessionAs("postgres", "psql").does("BEGIN", "SELECT 1")
	bot := c.session(ApplicationName).does("BEGIN", "SELECT 1")
	jobs := c.session(ApplicationName+" jobs").does("BEGIN", "SELECT 1")
	elsewhere := (&contended{t: t, dsn: pgtest.Database(t), role: c.role}).session("elsewhere").does("BEGIN", "SELECT 1")
	autovacuum := scanOne[string](t, c.dsn, "SELECT pid::text FROM pg_stat_activity WHERE backend_type = 'autovacuum launcher'")
	for name, one := range map[string]struct {
		mode  string
		which []*session
		why   string
	}{
		"nothing to cancel":     {"cancel", nil, "idle in transaction: they run nothing that could be cancelled, and keep their locks until their transaction ends. Only ending the session frees them (--mode terminate)"},
		"a superuser":           {"terminate", []*session{super}, "sessions of a superuser"},
		"the bot":               {"terminate", []*session{bot}, "the bot's own sessions"},
		"the bot's store":       {"terminate", []*session{jobs}, "the bot's own sessions"},
		"another database":      {"terminate", []*session{elsewhere}, "sessions in another database"},
		"a process of a server": {"terminate", []*session{{pid: autovacuum}}, "autovacuum, which gives way"},
	} {
		d := r.draft(t, asked(mode(one.mode), selecting(one.which...)))
		if d.Rows != 0 || len(d.Content.Changes) > 0 || len(d.Left) != 1 || !strings.HasPrefix(d.Left[0].Why, one.why) {
			t.Errorf("%s: %d rows, left %+v", name, d.Rows, d.Left)
		}
	}
	for name, one := range map[string]struct {
		change func(*fix.Order)
		want   string
	}{
		"nobody":        {selecting(&session{pid: "1"}), "There is no session with pid 1 on Postgres test/shop (any more). Those that block others are pid " + root.pid + " (ecommerce-backend)."},
		"prepared":      {selecting(&session{pid: "0"}), "ROLLBACK PREPARED"},
		"another word":  {func(o *fix.Order) { o.Select = []string{"key=o-1"} }, `"key=o-1" is no session`},
		"no number":     {selecting(&session{pid: "4711; DROP"}), "such as pid=4711"},
		"another mode":  {mode("kill"), "its config allows cancel, terminate"},
		"too many":      {func(o *fix.Order) { mode("terminate")(o); selecting(root, waiter)(o) }, "2 sessions are more than one plan may end: max_rows of this fix is 1"},
		"a limit of -1": {limit(-1), "would repair nothing"},
	} {
		_, err := r.try(t, asked(one.change), r.Rules().Caps)
		if got := sentence(t, err); !strings.Contains(got, one.want) {
			t.Errorf("%s: it says %q", name, got)
		}
	}
	// A waiter may be named, beside who is spared.
	d := r.draft(t, asked(mode("terminate"), selecting(waiter, super)))
	if d.Rows != 1 || d.Content.Changes[0].Key[0] != waiter.pid || len(d.Left) != 1 || d.Uncounted {
		t.Errorf("draft %+v", d)
	}
	if d := r.draft(t, asked(mode("terminate"), selecting(c.session("idle")))); d.Rows != 1 || !d.Uncounted {
		t.Errorf("draft %+v", d)
	}
}

// TestLocksNeverEnded judges made-up sessions as an apply does: a plan that says
// otherwise changes nothing.
func TestLocksNeverEnded(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	conn := dial(t, dsn)
	rows, err := conn.Query(t.Context(), `
SELECT a.name FROM (VALUES
  ('client', 'client backend', current_database(), 0, 'shop', 1),
  ('walsender', 'walsender', current_database(), 0, 'standby1', 1),
  ('autovacuum', 'autovacuum worker', current_database(), 0, '', NULL),
  ('worker', 'background worker', current_database(), 0, '', 1),
  ('parallel worker', 'parallel worker', current_database(), 0, 'shop', 1),
  ('hidden', NULL, current_database(), 0, 'shop', 1),
  ('elsewhere', 'client backend', 'postgres', 0, 'shop', 1),
  ('nowhere', 'client backend', NULL, 0, 'shop', 1),
  ('the bot', 'client backend', current_database(), 0, 'integritybot', 1),
  ('its store', 'client backend', current_database(), 0, 'integritybot jobs', 1),
  ('a namesake', 'client backend', current_database(), 0, 'integritybots', 1),
  ('superuser', 'client backend', current_database(), 0, 'shop', 2),
  ('no role', 'client backend', current_database(), 0, 'shop', 3),
  ('ourselves', 'client backend', current_database(), pg_backend_pid(), 'shop', 1)
) a(name, backend_type, datname, pid, application_name, usesysid)
LEFT JOIN (VALUES (1, false), (2, true)) r(oid, rolsuper) ON r.oid = a.usesysid WHERE coalesce(`+allowedSQL+`, false) ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if diff := cmp.Diff([]string{"a namesake", "client"}, got); err != nil || diff != "" {
		t.Errorf("may be ended: %v (-want +got):\n%s", err, diff)
	}
	for kind, spared := range map[string]bool{"client backend": false, "walsender": true, "autovacuum worker": true, "logical replication worker": true, "": true} {
		e := &sessionPlan{drafting: &drafting{mode: wayTerminate}}
		if why := e.spared(&backend{kind: kind, here: true}); (why != "") != spared {
			t.Errorf("%q is left alone because %q", kind, why)
		}
	}
}

// TestLocksMeanwhile: what happened between the plan and its apply.
func TestLocksMeanwhile(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		mode      string
		named     bool
		meanwhile func(root, waiter *session)
		want      fix.Why
	}{
		"it went on in the same transaction": {mode: "terminate", meanwhile: func(root, _ *session) { root.does("SELECT 1") }},
		"another transaction": {mode: "terminate", want: fix.WhyChanged, meanwhile: func(root, waiter *session) {
			root.does("ROLLBACK")
			_ = waiter.ended()
			root.does("BEGIN", "UPDATE orders SET status = 'PAID' WHERE id = 1")
			waiter.waits("UPDATE orders SET status = 'OPEN' WHERE id = 1")
		}},
		"it is gone": {mode: "terminate", want: fix.WhyGone, meanwhile: func(root, _ *session) {
			_ = root.conn.Close(root.c.t.Context())
			eventually(root.c.t, "it is gone", root.gone)
		}},
		"nobody waits any more": {mode: "terminate", want: fix.WhyUnless, meanwhile: func(_, waiter *session) {
			pgtest.Exec(waiter.c.t, waiter.c.dsn, "SELECT pg_cancel_backend("+waiter.pid+")")
			_ = waiter.ended()
		}},
		"nobody waits, but it was named": {mode: "terminate", named: true, meanwhile: func(_, waiter *session) {
			pgtest.Exec(waiter.c.t, waiter.c.dsn, "SELECT pg_cancel_backend("+waiter.pid+")")
			_ = waiter.ended()
		}},
		"it took the bot's name": {mode: "terminate", want: fix.WhyChanged, meanwhile: func(root, _ *session) { root.does("SET application_name = 'integritybot'") }},
		"another statement": {mode: "cancel", named: true, want: fix.WhyChanged, meanwhile: func(_, waiter *session) {
			pgtest.Exec(waiter.c.t, waiter.c.dsn, "SELECT pg_cancel_backend("+waiter.pid+")")
			_ = waiter.ended()
			waiter.waits("UPDATE orders SET status = 'LOST' WHERE id = 1")
		}},
		"nothing": {mode: "cancel", named: true, meanwhile: func(_, _ *session) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newContended(t)
			root, waiter := c.stuck()
			victim := root
			if one.mode == "cancel" {
				victim = waiter
			}
			change := []func(*fix.Order){mode(one.mode)}
			if one.named {
				change = append(change, selecting(victim))
			}
			d := c.remedy("{modes: [terminate]}").draft(t, asked(change...))
			if len(d.Content.Changes) != 1 || d.Content.Changes[0].Key[0] != victim.pid {
				t.Fatalf("draft %+v", d)
			}
			one.meanwhile(root, waiter)
			changed, skipped := carry(t, c.fixer(mayEnd), plan(1), d.Content)
			if one.want == "" && (changed != 1 || len(skipped) > 0) {
				t.Errorf("%d changed, left alone %v", changed, skipped)
			}
			if one.want != "" && (changed != 0 || len(skipped) != 1 || skipped[0].Why != one.want) {
				t.Errorf("%d changed, left alone %v", changed, skipped)
			}
			if alive := !victim.gone(); alive != (one.want != "" && one.want != fix.WhyGone || one.mode == "cancel") {
				t.Errorf("alive %t", alive)
			}
		})
	}
}

// TestLocksNextStatement: what runs in the same transaction by now is another
// statement than the one that was to be cancelled.
func TestLocksNextStatement(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	holder := c.session("holder").does("BEGIN", "SELECT pg_advisory_xact_lock(4711)")
	victim := c.session("victim").does("BEGIN").waits("SELECT pg_advisory_xact_lock(4711)")
	d := c.remedy("{}").draft(t, asked(selecting(victim)))
	holder.does("COMMIT")
	if err := victim.ended(); err != nil {
		t.Fatal(err)
	}
	victim.begins("SELECT pg_sleep(60)")
	eventually(t, "it is at work", func() bool {
		return scanOne[bool](t, c.dsn, "SELECT state = 'active' AND query ~ 'pg_sleep' FROM pg_stat_activity WHERE pid = "+victim.pid)
	})
	changed, skipped := carry(t, c.fixer(mayEnd), plan(1), d.Content)
	if changed != 0 || len(skipped) != 1 || skipped[0].Why != fix.WhyChanged {
		t.Errorf("%d changed, left alone %v", changed, skipped)
	}
	select {
	case err := <-victim.done:
		t.Errorf("it was cancelled: %v", err)
	default:
	}
}

// TestLocksPidOfAnother: a pid that somebody else has by now is left alone.
func TestLocksPidOfAnother(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	root, _ := c.stuck()
	d := c.remedy("{modes: [terminate]}").draft(t, asked(mode("terminate")))
	before := d.Content.Changes[0].Before
	i := strings.Index(before, "20")
	d.Content.Changes[0].Before = before[:i] + "19" + before[i+2:]
	changed, skipped := carry(t, c.fixer(mayEnd), plan(1), d.Content)
	if changed != 0 || len(skipped) != 1 || skipped[0].Why != fix.WhyChanged || root.gone() {
		t.Errorf("%d changed, left alone %v, gone %t", changed, skipped, root.gone())
	}
}

// TestLocksWithoutGrant says which is missing before anybody decides, and does
// nothing if it went missing later.
func TestLocksWithoutGrant(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	root, _ := c.stuck()
	d := c.remedy("{modes: [terminate]}").draft(t, asked(mode("terminate")))
	x := c.fixer("pg_read_all_stats")
	want := fmt.Sprintf("Role %[1]s may not cancel or end sessions of role %[2]s on Postgres test/shop: have a superuser run GRANT pg_signal_backend TO \"%[1]s\"", x.role(), c.role)
	if got := sentence(t, x.MayApply(t.Context(), d.Content.Forms)); !strings.Contains(got, want) {
		t.Errorf("it says %q", got)
	}
	_, err := x.Apply(t.Context(), plan(1), d.Content.Forms, d.Content.Batches()[0], 1, nil)
	if got := sentence(t, err); !strings.Contains(got, want) || !strings.Contains(got, "Batch 1 of P-1 was not applied.") {
		t.Errorf("it says %q", got)
	}
	applied, err := x.Applied(t.Context(), 1, nil)
	if err != nil || len(applied) > 0 || root.gone() {
		t.Errorf("recorded %v, %v, gone %t", applied, err, root.gone())
	}
	if got := sentence(t, c.fixer("").MayApply(t.Context(), d.Content.Forms)); !strings.Contains(got, "GRANT pg_read_all_stats TO ") {
		t.Errorf("it says %q", got)
	}
	// Whoever may act as the application may end its sessions without that.
	member := c.fixer("pg_read_all_stats, " + pgx.Identifier{c.role}.Sanitize())
	if err := member.MayApply(t.Context(), d.Content.Forms); err != nil {
		t.Error(err)
	}
	if changed, skipped := carry(t, member, plan(2), d.Content); changed != 1 || !root.gone() {
		t.Errorf("%d changed, left alone %v, gone %t", changed, skipped, root.gone())
	}
	_, err = newRemedy(t, c.reader(false), "locks", anyWait, "{}").try(t, asked(), uncapped())
	if got := sentence(t, err); !strings.Contains(got, "GRANT pg_read_all_stats TO ") {
		t.Errorf("a reader that sees nothing says %q", got)
	}
}

// TestLocksDoNotPauseTheirEnd: the pauses for a database in which many wait are
// not for the plan that ends the waiting.
func TestLocksDoNotPauseTheirEnd(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	c.stuck()
	d := c.remedy("{modes: [terminate]}").draft(t, asked(mode("terminate")))
	x := c.fixer(mayEnd, func(o *FixOptions) { o.Polite.MaxActive, o.Polite.LongestTransaction = 1, time.Nanosecond })
	if why, err := x.Busy(t.Context(), plan(1), []fix.Form{ordersForm}, &fix.Batch{}); err != nil || why == "" {
		t.Errorf("rows: %q, %v", why, err)
	}
	if why, err := x.Busy(t.Context(), plan(1), d.Content.Forms, &fix.Batch{}); err != nil || why != "" {
		t.Errorf("sessions: %q, %v", why, err)
	}
}

func TestLocksRules(t *testing.T) {
	t.Parallel()
	d := declareCheck(t, "locks", "{}")
	f, err := DeclareFix("locks", d, yamlNode(t, "{modes: [terminate]}"))
	if err != nil {
		t.Fatal(err)
	}
	rules := f.Rules()
	if way := rules.Ways["terminate"]; way.Right != "locks:terminate" || way.Second == "" || rules.Caps != (fix.Caps{Rows: 20, Share: 1}) {
		t.Errorf("rules %+v", rules)
	}
	if _, ok := rules.Ways["cancel"]; ok {
		t.Error("a cancel asks for more than other fixes")
	}
	if modes := f.Planner(nil, check.Check{}).Modes(); !slices.Equal(modes, []string{"cancel", "terminate"}) {
		t.Errorf("modes %v", modes)
	}
	if _, err := DeclareFix("locks", d, yamlNode(t, "{mode: kill}")); err == nil {
		t.Error("a mode that nobody knows")
	}
	for words, want := range map[string]string{
		"{max_wait: -1s}":        "max_wait is -1s: it must not be negative",
		"{tables: ['']}":         "tables has an empty name",
		"{ignore: integritybot}": "the bot's own sessions are never judged",
		"{maxwait: 1s}":          "maxwait",
	} {
		if _, err := tryDeclare("locks", words); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", words, err)
		}
	}
}
