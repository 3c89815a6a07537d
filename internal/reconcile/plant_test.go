package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// customersSQL makes rows 1 to 3000. Those from 2001 on change while the cache is read.
const customersSQL = `
CREATE TABLE customers (
  id bigint PRIMARY KEY, name text, email text, balance numeric(12,2), points double precision, active boolean,
  created_at timestamptz, local timestamp, birthday date, ref uuid, settings jsonb, note text, deleted_at timestamptz, updated_at timestamptz);
INSERT INTO customers
SELECT i, 'Name ' || i, 'c' || i || '@example.com', i + 0.50, i / 8.0, i % 2 = 0,
  '2026-01-02 03:04:05.678901+00'::timestamptz + i * interval '1 minute', '2026-01-02 03:04:05'::timestamp + i * interval '1 minute', '1990-01-01'::date + i % 9000,
  ('00000000-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, jsonb_build_object('n', i, 'list', '[1, 2]'::jsonb),
  CASE WHEN i % 3 = 0 THEN NULL ELSE 'note ' || i END, NULL, '2026-01-01'
FROM generate_series(1, 3000) i;
ANALYZE customers;`

const customersCheck = `
kind: cache
target: cache
pattern: customer:*
value: json
rows: {target: shop, table: customers, key: id, where: deleted_at IS NULL, time: updated_at}
fields:
  id: id
  name: name
  email: email
  balance: balance
  points: points
  active: active
  createdAt: created_at
  local: local
  birthday: birthday
  ref: ref
  settings: settings
  $.more.note: note
ttl: {max: 24h, together: 50}
mask: {name: name}
`

// customer is a row as the generator knows it.
type customer map[string]any

func at(i int) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC).Add(time.Duration(i) * time.Minute)
}

func correct(i int) customer {
	c := customer{
		"id": i, "name": fmt.Sprintf("Name %d", i), "email": fmt.Sprintf("c%d@example.com", i), "balance": json.Number(fmt.Sprintf("%d.5", i)),
		"points": float64(i) / 8, "active": i%2 == 0, "createdAt": at(i).Format(time.RFC3339Nano), "local": at(i).Format("2006-01-02T15:04:05"),
		"birthday": time.Date(1990, 1, 1+i%9000, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), "ref": fmt.Sprintf("00000000-0000-4000-8000-%012x", i),
		"settings": map[string]any{"list": []int{1, 2}, "n": i}, "extra": "the shop's own", "more": map[string]any{"note": fmt.Sprintf("note %d", i)},
	}
	if i%3 == 0 {
		c["more"] = map[string]any{"note": nil}
	}
	return c
}

func (c customer) json(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// alike are values that look different and are not: the innocent look-alikes.
func alike() []func(customer) {
	return []func(customer){
		func(c customer) { c["balance"] = fmt.Sprintf("%v0", c["balance"]) },                      // 7.50 as text
		func(c customer) { c["balance"] = json.Number(fmt.Sprintf("%de-1", c["id"].(int)*10+5)) }, // 75e-1
		func(c customer) { c["id"] = fmt.Sprint(c["id"]) },                                        // "7"
		func(c customer) {
			c["createdAt"] = at(c["id"].(int)).In(time.FixedZone("", 19800)).Format(time.RFC3339Nano)
		}, // +05:30
		func(c customer) { c["createdAt"] = at(c["id"].(int)).Format("2006-01-02T15:04:05.000Z") }, // JavaScript's thousandths
		func(c customer) { c["createdAt"] = at(c["id"].(int)).UnixMilli() },
		func(c customer) { c["createdAt"] = at(c["id"].(int)).Unix() },
		func(c customer) { c["local"] = at(c["id"].(int)).Format("2006-01-02 15:04:05") },
		func(c customer) { c["active"] = map[bool]int{true: 1, false: 0}[c["active"].(bool)] },
		func(c customer) { c["active"] = fmt.Sprint(c["active"]) },
		func(c customer) { c["birthday"] = c["birthday"].(string) + "T00:00:00Z" },
		func(c customer) { c["unknown"] = map[string]any{"deep": []any{nil}} }, // more fields than are mapped
		func(c customer) { c["ref"] = fmt.Sprintf("00000000-0000-4000-8000-%012X", c["id"].(int)) },
		func(c customer) { // NULL as nothing at all
			if c["id"].(int)%3 == 0 {
				delete(c, "more")
			}
		},
	}
}

// wrongs are one wrong for each kind of field.
func wrongs() []func(customer) {
	return []func(customer){
		func(c customer) { c["id"] = c["id"].(int) + 1 },
		func(c customer) { c["name"] = c["name"].(string) + " " },
		func(c customer) { c["email"] = "C" + c["email"].(string)[1:] },
		func(c customer) { c["email"] = nil },
		func(c customer) { delete(c, "name") },
		func(c customer) { c["balance"] = json.Number(fmt.Sprintf("%d.51", c["id"])) },
		func(c customer) { c["balance"] = "1e999999999" },
		func(c customer) { c["balance"] = map[string]any{"amount": 1} },
		func(c customer) { c["points"] = float64(c["id"].(int))/8 + 0.001 },
		func(c customer) { c["active"] = !c["active"].(bool) },
		func(c customer) { c["createdAt"] = at(c["id"].(int)).Add(time.Second).Format(time.RFC3339Nano) },
		func(c customer) { c["createdAt"] = at(c["id"].(int)).Format("2006-01-02T15:04:05.678901") + "+01:00" },
		func(c customer) { c["createdAt"] = "yesterday" },
		func(c customer) { c["local"] = at(c["id"].(int)).Add(time.Hour).Format("2006-01-02T15:04:05") },
		func(c customer) { c["birthday"] = "1989-12-31" },
		func(c customer) { c["ref"] = "00000000-0000-4000-8000-ffffffffffff" },
		func(c customer) { c["settings"] = map[string]any{"list": []int{2, 1}, "n": c["id"]} },
		func(c customer) { c["more"] = map[string]any{"note": "another"} },
		func(c customer) { c["more"] = "no object" },
		func(c customer) { c["name"] = "" },
	}
}

// plant fills the cache and gives the truth about it.
func plant(t *testing.T, w *world) map[string]map[string]bool {
	t.Helper()
	truth := map[string]map[string]bool{}
	pipe := w.client.Pipeline()
	defer func() {
		if _, err := pipe.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}()
	put := func(class, key, value string, ttl time.Duration) {
		pipe.Set(t.Context(), key, value, ttl)
		if class == "" {
			return
		}
		if truth[class] == nil {
			truth[class] = map[string]bool{}
		}
		truth[class][key] = true
	}
	key := func(i int) string { return fmt.Sprintf("customer:%d", i) }
	spread := func(i int) time.Duration { return time.Hour + time.Duration(i)*7*time.Second }
	next := 1
	for _, change := range alike() {
		for range 3 {
			c := correct(next)
			change(c)
			put("", key(next), c.json(t), spread(next))
			next++
		}
	}
	for _, change := range wrongs() {
		c := correct(next)
		change(c)
		put(classStale, key(next), c.json(t), spread(next))
		next++
	}
	for range 10 {
		put(classForever, key(next), correct(next).json(t), 0)
		put(classLong, key(next+1), correct(next+1).json(t), 25*time.Hour+spread(next))
		next += 2
	}
	for i, text := range []string{"", "{", "null", "[1]", `"text"`, "{\"id\": 1} x", "\xff\xfe", "O:8:\"stdClass\":0:{}"} {
		put(classUnreadable, key(next), text, spread(i))
		next++
	}
	w.client.RPush(t.Context(), key(next), "a list")
	w.client.Expire(t.Context(), key(next), time.Hour)
	truth[classUnreadable][key(next)] = true
	next++
	for i, id := range []string{"9000001", "-5", "abc", "9999999999999999999999", "1.5", "12 3", "'; DROP TABLE customers; --", "\u202eevil", "7:profile"} {
		put(classGone, "customer:"+id, correct(1).json(t), spread(i))
	}
	put("", "customers:7", "{}", 0) // of another kind of key
	put("", "customer:", "{}", 0)   // without a row's key
	for ; next <= 2000; next++ {
		put("", key(next), correct(next).json(t), spread(next))
	}
	return truth
}

// writers refresh values and change rows, as a shop does, until the context ends. What
// they touch is right whenever they are done with it.
func writers(ctx context.Context, t *testing.T, w *world) (stop func() int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	var changes atomic.Int64
	for n := range 3 {
		running.Go(func() {
			conn, err := pgx.Connect(ctx, w.dsn)
			if err != nil {
				t.Errorf("writer: %v", err)
				return
			}
			defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
			for round := 0; ctx.Err() == nil; round++ {
				for i := 2001 + n; i <= 3000 && ctx.Err() == nil; i += 3 {
					c := correct(i)
					c["name"] = fmt.Sprintf("Name %d in round %d", i, round)
					// The row first, and then its value: in between the value is stale.
					_, err := conn.Exec(ctx, "UPDATE customers SET name = $2, updated_at = now() WHERE id = $1", i, c["name"])
					if err != nil {
						return
					}
					if round%5 == 4 && i%7 == 0 { // or it is only cleared
						w.client.Unlink(ctx, fmt.Sprintf("customer:%d", i))
					} else {
						w.client.Set(ctx, fmt.Sprintf("customer:%d", i), c.json(t), 2*time.Hour+time.Duration(i)*3*time.Second)
					}
					changes.Add(1)
					_ = wait(ctx, time.Millisecond) // so that others have their turn
				}
			}
		})
	}
	return func() int64 {
		cancel()
		running.Wait()
		return changes.Load()
	}
}
