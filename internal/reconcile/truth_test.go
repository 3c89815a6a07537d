package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/redisproc"
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
FROM generate_series(1, 3000) i;`

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
	put := func(class, key, value string, ttl time.Duration) {
		w.put(key, value, ttl)
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

func TestTheWholeTruthAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, shape := range map[string]redisproc.Shape{"standalone": redisproc.Single, "cluster": redisproc.Cluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldAt(t, shape, customersSQL, nil)
			words := declared1(t, customersCheck)
			truth := plant(t, w)
			stop := writers(t.Context(), t, w)
			timeless := declared1(t, strings.Replace(customersCheck, ", time: updated_at", "", 1)) // more looks alone tell what is in flight
			for i := range 3 {
				words := words
				if i == 1 {
					words = timeless
				}
				rec, result := w.detected(words, check.Options{Full: i == 1, Overview: i == 2})
				t.Logf("%s; %v", result.Says, result.Notes)
				if diff := cmp.Diff(truth, rec.byClass()); diff != "" {
					t.Errorf("run %d: -truth +found:\n%s", i, diff)
				}
				if least := int64(2000); result.Scanned < least || result.Scanned > 3010 {
					t.Errorf("%d keys were judged; notes %q", result.Scanned, result.Notes)
				}
				if (result.Overview != nil) != (i == 2) {
					t.Errorf("run %d: overview %v", i, result.Overview)
				}
				if i == 2 {
					t.Logf("%v", result.Overview.Rows)
				}
			}
			t.Logf("%d changes meanwhile", stop())
		})
	}
}

func TestAYoungRowIsNotJudged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, customersSQL+"UPDATE customers SET name = 'changed', updated_at = now() + interval '1 minute' WHERE id <= 10;")
	for i := 1; i <= 20; i++ {
		w.put(fmt.Sprintf("customer:%d", i), correct(i).json(t), time.Hour)
	}
	rec, result := w.detected(declared1(t, customersCheck), check.Options{})
	if len(rec.rows) != 0 || result.Scanned != 10 {
		t.Errorf("found %v of %d", rec.byClass(), result.Scanned)
	}
	if diff := cmp.Diff([]string{"10 keys whose row was changed less than 5 s ago: not judged."}, result.Notes); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWhatExpiresTogetherIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, customersSQL)
	moment := time.Now().Add(3 * time.Hour).Truncate(time.Second)
	for i := 1; i <= 2000; i++ {
		key := fmt.Sprintf("customer:%d", i)
		w.put(key, correct(i).json(t), 6*time.Hour+time.Duration(i)*5*time.Second)
		if i > 1900 { // 100 in one second
			w.client.PExpireAt(t.Context(), key, moment)
		}
		if i > 1800 && i <= 1849 { // 49 in another one: one fewer than the config allows
			w.client.PExpireAt(t.Context(), key, moment.Add(10*time.Minute))
		}
	}
	rec, result := w.detected(declared1(t, customersCheck), check.Options{Overview: true})
	if len(rec.rows) != 1 || rec.rows[0].Class != classTogether || *rec.rows[0].Values[2] != "100 keys" {
		t.Fatalf("found %+v", rec.byClass())
	}
	if off := rec.rows[0].At.Sub(moment).Abs(); off > time.Second {
		t.Errorf("they expire at %s, not at %s", moment, rec.rows[0].At)
	}
	if want := "of 2,000 cached values too many expire together in 1 second"; result.Says != want {
		t.Errorf("says %q, want %q", result.Says, want)
	}
}

func TestHashesAndStrings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, customersSQL)
	hashes := declared1(t, `
kind: cache
pattern: "c:{key}:profile"
value: hash
rows: {target: shop, table: customers, key: id}
fields: {name: name, balance: balance, active: active, note: note, createdAt: created_at}
nulls: [missing, empty]
`)
	truth := map[string]map[string]bool{classStale: {}, classUnreadable: {}}
	for i := 1; i <= 100; i++ {
		key, c := fmt.Sprintf("c:%d:profile", i), correct(i)
		h := map[string]any{"name": c["name"], "balance": c["balance"].(json.Number).String(), "active": c["active"], "note": fmt.Sprintf("note %d", i), "createdAt": c["createdAt"], "more": "x"}
		switch {
		case i%30 == 0:
			h["note"] = ""
		case i%3 == 0:
			delete(h, "note")
		case i%10 == 1:
			h["balance"] = "0"
			truth[classStale][key] = true
		case i%10 == 2:
			delete(h, "name")
			truth[classStale][key] = true
		}
		w.client.HSet(t.Context(), key, h)
		w.client.Expire(t.Context(), key, time.Hour)
	}
	w.put("c:101:profile", "a string", time.Hour)
	truth[classUnreadable]["c:101:profile"] = true
	w.put("c:102:other", "not ours", time.Hour)
	rec, result := w.detected(hashes, check.Options{})
	if diff := cmp.Diff(truth, rec.byClass()); diff != "" || result.Scanned != 101 {
		t.Errorf("of %d: -truth +found:\n%s", result.Scanned, diff)
	}
	texts := declared1(t, `
kind: cache
pattern: "name:*"
value: string
rows: {target: shop, table: customers, key: id}
fields: {value: name}
`)
	for i := 1; i <= 50; i++ {
		w.put(fmt.Sprintf("name:%d", i), map[bool]string{true: fmt.Sprintf("Name %d", i), false: "another"}[i > 5], time.Hour)
	}
	rec, result = w.detected(texts, check.Options{})
	want := map[string]map[string]bool{classStale: {"name:1": true, "name:2": true, "name:3": true, "name:4": true, "name:5": true}}
	if diff := cmp.Diff(want, rec.byClass()); diff != "" || result.Scanned != 50 {
		t.Errorf("of %d: -truth +found:\n%s", result.Scanned, diff)
	}
}
