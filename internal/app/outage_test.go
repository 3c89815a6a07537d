package app_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/workspace"
)

// ownStore gives the world a store on a server of its own behind a proxy, and
// functions that stop that server and start it again.
func (w *world) ownStore() (network *proxy, stop, start func()) {
	w.t.Helper()
	dir, err := os.MkdirTemp("/tmp", "ib-store-")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		w.t.Fatal(err)
	}
	var server *pgproc.Server
	start = func() {
		w.t.Helper()
		if server, err = pgproc.Start(w.t.Context(), pgproc.Options{Dir: dir}); err != nil {
			w.t.Fatal(err)
		}
	}
	stop = func() { server.Stop() }
	w.t.Cleanup(func() {
		if server != nil {
			server.Stop()
		}
		os.RemoveAll(dir)
	})
	start()
	direct := server.DSN(pgproc.Superuser, pgproc.Superuser)
	network, through := newProxy(w.t, direct)
	w.env["STORE_DSN"], w.env["STORE_OWNER_DSN"] = through, direct
	if err := app.Migrate(w.t.Context(), w.config()); err != nil {
		w.t.Fatal(err)
	}
	return network, stop, start
}

// TestStoreOutage is R5 for the store: while it is down or silent people read
// that nothing was done, runs under way are finished afterwards, and the audit
// goes on.
func TestStoreOutage(t *testing.T) {
	t.Parallel()
	const sentence = "I could not record this, so I did nothing. The bot's own database does not answer; try again in a minute."
	w := newWorld(t, workspace.Options{})
	network, stop, again := w.ownStore()
	shop, through := newProxy(t, w.env["SHOP_DSN"])
	shop.set(false, 100*time.Millisecond)
	w.env["SHOP_DSN"] = through
	w.replica()

	w.say("/integrity check orders") // it is under way while the store goes
	await(t, "the run beginning", 20*time.Second, func() (int, bool) {
		return 0, ask[int64](t, w.store(), `SELECT count(*) FROM runs WHERE state = 'running'`)[0] == 1
	})
	stop()
	w.sayAs("U0BOB", incident, "", "/integrity check inventory")
	w.ephemeral("U0BOB", incident, sentence)
	time.Sleep(3 * time.Second) // longer than any retry of one statement
	again()
	head := w.finished("Orders", 45*time.Second)
	w.settled(45 * time.Second)
	if !strings.Contains(head.Text, "FAIL Orders: 4 of 4 checks fail") {
		t.Errorf("after the outage it reads %q", head.Text)
	}
	if rows := ask[int64](t, w.store(), `SELECT count(*) FROM audit_events WHERE source = 'slash'`)[0]; rows != 1 {
		t.Errorf("%d requests are recorded, want the one before the outage", rows)
	}

	shop.set(false, 0)
	network.set(true, 0)
	w.sayAs("U0CAROL", incident, "", "/integrity check inventory")
	w.ephemeral("U0CAROL", incident, sentence)
	network.set(false, 0)
	before := w.seq()
	await(t, "a request being recorded again", 20*time.Second, func() (int, bool) {
		w.sayAs(alice, incident, "", "/integrity whoami")
		time.Sleep(500 * time.Millisecond)
		return 0, len(w.since(before)) > 0
	})
	w.say("/integrity check negative-stock")
	w.finished("Negative stock", 30*time.Second)
	w.settled(45 * time.Second)
	if runs := ask[int64](t, w.store(), `SELECT count(*) FROM runs`)[0]; runs != 2 {
		t.Errorf("%d runs: something was done that people were told was not", runs)
	}
	if twice := w.board(alice, incident).twice(); len(twice) > 0 {
		t.Errorf("said twice: %q", twice)
	}
	for _, e := range w.slack.Journal(0) {
		if e.Kind == "ack" && (e.Event != "" || e.LatencyMS >= 3000) {
			t.Errorf("an acknowledgement came %s after %.0f ms", e.Event, e.LatencyMS)
		}
	}
	w.auditIsSound()
	w.noViolations()
}

// quick are limits that let a test wait for them.
const quick = `
      connect_timeout: 1s
      statement_timeout: 2s
      lock_timeout: 500ms
      polite:
        statement_timeout: 2s`

// TestShopOutage is R5 for the database that is checked: UNKNOWN with what did
// not answer and what to do, within the deadline, and PASS or FAIL again as soon
// as it is well.
func TestShopOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{})
	w.yaml = []byte(strings.Replace(string(w.yaml), "\n      polite:", quick, 1))
	w.yaml = []byte(strings.Replace(string(w.yaml), "\nchecks:\n", `
checks:
  slow:
    kind: query
    title: Slow
    domain: slow
    target: shop
    on_request: true
    sql: SELECT a.id FROM order_items a, order_items b, order_items c WHERE a.unit_price + b.unit_price + c.unit_price < 0
    key: [id]
`, 1))
	network, through := newProxy(t, w.env["SHOP_DSN"])
	direct := w.env["SHOP_DSN"]
	w.env["SHOP_DSN"] = through
	w.replica()
	reader := ask[string](t, direct, "SELECT current_user::text")[0]
	alter := func(sql string) func() { return func() { pgtest.Exec(t, w.dsn, sql) } }

	var hold func()
	for _, c := range []struct {
		name, check, title, want string
		limit                    time.Duration
		worse, better            func()
	}{
		{"down", "negative-stock", "Negative stock", "Postgres production/shop refused the connection: is it running, and is the address right?", 10 * time.Second, network.down, network.up},
		{
			"silent from the start", "negative-stock", "Negative stock", "Postgres production/shop did not answer in time", 15 * time.Second,
			func() { network.down(); network.up(); network.set(true, 0) }, func() { network.set(false, 0) },
		},
		{
			"silent in a session that was used", "negative-stock", "Negative stock", "Postgres production/shop did not answer in time", 15 * time.Second,
			func() {
				w.say("/integrity check negative-totals")
				w.finished("Negative totals", 20*time.Second)
				time.Sleep(1200 * time.Millisecond) // a pool looks at a session that rested
				network.set(true, 0)
			}, func() { network.set(false, 0) },
		},
		{
			"without a grant", "negative-stock", "Negative stock", `GRANT SELECT ON "public"."products" TO "` + reader + `"`, 10 * time.Second,
			alter(`REVOKE pg_read_all_data FROM "` + reader + `"`), alter(`GRANT pg_read_all_data TO "` + reader + `"`),
		},
		{
			"a column is missing", "negative-stock", "Negative stock", "stock_quantity", 10 * time.Second,
			alter(`ALTER TABLE products RENAME stock_quantity TO stock_qty`), alter(`ALTER TABLE products RENAME stock_qty TO stock_quantity`),
		},
		{
			"a table is missing", "negative-stock", "Negative stock", "There is no table products in Postgres production/shop", 10 * time.Second,
			alter(`ALTER TABLE products RENAME TO product`), alter(`ALTER TABLE product RENAME TO products`),
		},
		{
			"locked", "negative-stock", "Negative stock", "is locked by somebody else", 20 * time.Second,
			func() { hold = w.lock("products") }, func() { hold() },
		},
		{"a statement takes too long", "slow", "Slow", "longer than its time-out", 40 * time.Second, func() {}, func() {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := w.in(t)
			c.worse()
			before := w.seq()
			began := time.Now()
			w.say("/integrity check " + c.check)
			run := await(t, "the run ending", c.limit, func() (int64, bool) {
				ids := ask[int64](t, w.store(), `SELECT substr(target, 3)::bigint FROM audit_events WHERE seq > $1 AND action = 'check.run'`, before)
				if len(ids) == 0 {
					return 0, false
				}
				return ids[0], true
			})
			took := time.Since(began)
			c.better()
			w.settled(30 * time.Second)
			b := w.board(alice, incident)
			head := b.posts[fmt.Sprintf("run/%d", run)]
			if len(head) != 1 || !strings.Contains(head[0].Text, "UNKNOWN "+c.title) {
				t.Fatalf("it reads %q", textsOf(head))
			}
			detail := textsOf(b.posts[fmt.Sprintf("run/%d/%s", run, c.check)])
			t.Logf("after %s: %q", took.Round(time.Millisecond), detail)
			if len(detail) != 1 || !strings.Contains(detail[0], c.want) {
				t.Errorf("it explains %q, want %q", detail, c.want)
			}
			if n := len(ask[string](t, w.store(), `SELECT target FROM audit_events WHERE seq > $1 AND action = 'check.finding' AND outcome = 'failed'`, before)); n != 1 {
				t.Errorf("%d findings in the audit", n)
			}
			w.say("/integrity check negative-stock")
			await(t, "the next run finding what is wrong", 20*time.Second, func() (int, bool) {
				heads := w.heads()
				return 0, strings.Contains(heads[len(heads)-1].Text, "FAIL Negative stock")
			})
			w.settled(30 * time.Second)
		})
	}
	t.Run("slow is not down", func(t *testing.T) {
		w := w.in(t)
		network.set(false, 80*time.Millisecond)
		w.say("/integrity check customers")
		if head := w.finished("Customers", 45*time.Second); !strings.Contains(head.Text, "FAIL Customers") {
			t.Errorf("it reads %q", head.Text)
		}
		w.settled(time.Minute)
	})
	w.auditIsSound()
	w.noViolations()
}

// lock keeps a table from everybody until the returned function is called.
func (w *world) lock(table string) (unlock func()) {
	w.t.Helper()
	locked, done, ended := make(chan error, 1), make(chan struct{}), make(chan error, 1)
	go func() { ended <- holdLock(w.dsn, table, locked, done) }()
	if err := <-locked; err != nil {
		w.t.Fatal(err)
	}
	return func() {
		close(done)
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	}
}
