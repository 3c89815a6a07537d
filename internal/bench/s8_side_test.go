//go:build bench

package bench

import (
	"context"
	"encoding/csv"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	goredis "github.com/redis/go-redis/v9"

	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/redisproc"
	"github.com/integritybot/integritybot/internal/shop"
)

const (
	cacheCheck  = "customer-cache" // of the example
	cachedKeys  = "customer:*"
	scannedKeys = 1000 // per SCAN of the program that only reads
	sampledKeys = 200  // asked for by hand
)

// fillCache starts both servers and fills them.
func (b *bed) fillCache(t *trial) *cached {
	t.Helper()
	c := &cached{rows: b.cached, pg: startServer(t, pgproc.Options{Durable: true, Settings: shopSettings()})}
	t.Cleanup(c.pg.Stop)
	cache, err := redisproc.Start(t.Context(), redisproc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Stop)
	c.addr = cache.Addr()
	c.client = goredis.NewClient(&goredis.Options{Addr: c.addr})
	t.Cleanup(func() { _ = c.client.Close() }) // its server ends, too
	c.version = infoLine(t, c.client, "server", "redis_version")
	began := time.Now()
	c.makeCustomers(t)
	c.truth, err = shop.FillCache(t.Context(), shop.CacheOptions{
		Addr: c.addr, DSN: c.pg.DSN("shop", pgproc.Superuser), Truth: &shop.Truth{}, Customers: c.rows,
		Wrong: shop.Staleness{Stale: 500, Missing: 100, Endless: 100, TooLong: 50},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d customers and %d cached ones in %s", c.rows, c.truth.Keys, time.Since(began).Round(time.Second))
	logSlowCalls(t, c.client)
	return c
}

// makeCustomers makes the shop's table, as the shop's own schema has it, of customers that changed long ago.
func (c *cached) makeCustomers(t *trial) {
	t.Helper()
	schema, err := os.ReadFile(filepath.Join(root(), "internal", "shop", "sql", "schema.sql"))
	if err != nil {
		t.Fatal(err)
	}
	c.pg.admin(t, pgproc.Superuser, "CREATE DATABASE shop", "CREATE ROLE "+reader+" LOGIN", "GRANT pg_read_all_data, pg_read_all_stats TO "+reader)
	c.pg.admin(t, "shop", string(schema), fmt.Sprintf(`INSERT INTO customers (id, email, name, phone, created_at, updated_at)
SELECT 'c' || g, 'customer.' || g || '@example.com', (ARRAY['Ana Silva', 'Ben Okafor', 'Chen Wei', 'Dara Novak', 'Eli Stern'])[1 + g %% 5] || ' ' || g,
	'+1 555 ' || lpad(g::text, 7, '0'), at, at
FROM (SELECT g, now() - interval '30 days' - g %% 1000 * interval '7 hours' AS at FROM generate_series(1, %d) AS g) AS made`, c.rows),
		"ALTER TABLE customers ADD CONSTRAINT customers_pkey PRIMARY KEY (id)", "VACUUM (ANALYZE)", "CHECKPOINT")
}

// compareToTruth fails unless the file holds exactly what was planted, each with its reason.
func (c *cached) compareToTruth(t *trial, file string) {
	t.Helper()
	found := keysByFinding(t, file)
	for reason, want := range map[string][]string{
		"stale": c.truth.Stale, "missing row": c.truth.Missing, "no expiry": c.truth.Endless, "expiry beyond policy": c.truth.TooLong,
	} {
		if diff := cmp.Diff(want, found[reason]); diff != "" {
			t.Errorf("%s: missed (-), false alarms (+):\n%s", reason, tail(diff))
		}
		delete(found, reason)
	}
	for reason, keys := range found {
		t.Errorf("%s was not planted and is reported of %d keys, such as %s", reason, len(keys), keys[0])
	}
	if t.Failed() {
		t.FailNow() // the speed of a wrong answer is no number
	}
}

// keysByFinding reads the output of one check: sorted keys by what is wrong with them.
func keysByFinding(t *trial, file string) map[string][]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("%s: %d lines, %v", file, len(all), err)
	}
	key, reason := slices.Index(all[0], "key"), slices.Index(all[0], "finding")
	if key < 0 || reason < 0 {
		t.Fatalf("%s has the columns %q", file, all[0])
	}
	found := map[string][]string{}
	for _, line := range all[1:] {
		found[line[reason]] = append(found[line[reason]], line[key])
	}
	for _, keys := range found {
		slices.Sort(keys)
	}
	return found
}

// keyByKey is what somebody does by hand: each key by redis-cli, its row by psql. It reports whether that can be done.
func (c *cached) keyByKey(t *trial) (time.Duration, bool) {
	t.Helper()
	cli, err := exec.LookPath("redis-cli")
	if err != nil {
		return 0, false
	}
	host, port, err := net.SplitHostPort(c.addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	psql, dsn, env := program(t, "psql"), c.pg.DSN("shop", reader), environ(nil)
	began := time.Now()
	for i := range sampledKeys {
		id := "c" + strconv.Itoa(1+i*(c.rows/sampledKeys))
		value := run(ctx, t, "", env, cli, "-h", host, "-p", port, "GET", shop.CacheKey(id))
		row := run(ctx, t, "", env, psql, "-X", "-A", "-t", "-c", "SELECT * FROM customers WHERE id = '"+id+"'", dsn)
		if !strings.Contains(value, id) || !strings.HasPrefix(row, id+"|") {
			t.Fatalf("%s is %q in the cache and %q in the database", id, value, row)
		}
	}
	return time.Since(began), true
}

// readOnly is the fastest reader of a cache that there is: the values of a piece are asked for together with the next
// piece's keys.
func (c *cached) readOnly(t *trial) time.Duration {
	t.Helper()
	began, n := time.Now(), 0
	keys, cursor, err := c.client.Scan(t.Context(), 0, cachedKeys, scannedKeys).Result()
	for more := true; more; {
		if err != nil {
			t.Fatal(err)
		}
		pipe := c.client.Pipeline()
		values, next := &goredis.SliceCmd{}, &goredis.ScanCmd{}
		if len(keys) > 0 {
			values = pipe.MGet(t.Context(), keys...)
		}
		if more = cursor != 0; more {
			next = pipe.Scan(t.Context(), cursor, cachedKeys, scannedKeys)
		}
		_, err = pipe.Exec(t.Context())
		n += len(values.Val())
		keys, cursor = next.Val()
	}
	if err != nil {
		t.Fatal(err)
	}
	if n < c.keys() {
		t.Fatalf("only reading gave %d values of %d", n, c.keys())
	}
	return time.Since(began)
}
