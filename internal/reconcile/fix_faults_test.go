package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/redisproc"
)

// TestValuesOfTheWrongKindAreCleared: hashes where JSON is expected, and the other way
// round.
func TestValuesOfTheWrongKindAreCleared(t *testing.T) {
	t.Parallel()
	for name, shape := range map[string]redisproc.Shape{"standalone": redisproc.Single, "cluster": redisproc.Cluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, shape, smallSQL)
			for value, put := range map[string]func(key string){
				"json": func(key string) { w.client.HSet(t.Context(), key, "name", "Name 1", "more", strings.Repeat("x", 5000)) },
				"hash": func(key string) { w.put(key, strings.Repeat("text ", 5000), time.Hour) },
			} {
				for i := range 3 {
					put(fmt.Sprintf("customer:c%d", i+1))
				}
				w.client.RPush(t.Context(), "customer:c4", "a list")
				d := w.draft(w.planned(strings.Replace(smallCheck, "value: json", "value: "+value, 1), "{mode: clear, rate: 0}"), fix.Order{ID: 7})
				id := int64(10 + len(value) + int(value[0]))
				if o := w.apply(id, d.Content); d.Rows != 4 || o.Changed != 4 {
					t.Errorf("%s: cleared %d of %d: %+v", value, o.Changed, d.Rows, o.Skipped)
				}
			}
		})
	}
}

// TestLargeValuesWithoutAnExpiryAreSaidToBeLeft.
func TestLargeValuesWithoutAnExpiryAreSaidToBeLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, smallSQL)
	w.put("customer:c1", strings.Repeat("x", 2<<20), 0)
	w.put("customer:c2", `{"name":"Name 2"}`, 0)
	d := w.draft(w.planned(smallCheck, "{mode: clear, classes: [no expiry]}"), fix.Order{ID: 1})
	if d.Found != 2 || d.Rows != 1 || len(d.Left) != 1 || d.Left[0].Rows != 1 || !strings.Contains(d.Left[0].Why, "no copy could be kept") {
		t.Errorf("found %d, rows %d, left %+v", d.Found, d.Rows, d.Left)
	}
}

// TestMaskedKeysAreNotNamedElsewhere.
func TestMaskedKeysAreNotNamedElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, smallSQL)
	w.put("customer:bob@example.com", `{"name":"Other"}`, time.Hour)
	w.put("customer:bob:session:SECRET", "x", time.Hour)
	masked := smallCheck + "mask: {key: email}\n"
	p := w.planned(masked, "{mode: clear}")
	_, err := p.Draft(t.Context(), fix.Order{Select: []string{"key=customer:bobby"}}, allCaps(), nil)
	wants(t, err, "There is no key customer:bobby in Redis test/cache.")
	if strings.Contains(sentence(t, err), "Near") {
		t.Errorf("it names others: %v", err)
	}
	d := w.draft(p, fix.Order{ID: 5, Select: []string{"key=customer:bob@example.com"}})
	w.apply(5, d.Content)
	u, err := w.cache.Applier().Inverse(t.Context(), fix.Order{ID: 6, Undoes: 5}, fix.Plan{Order: fix.Order{ID: 5}, Draft: d}, d.Content.Forms)
	if err != nil || u.Samples[0].Key != "c•••@example.com" || u.Listing[1][0] != "c•••@example.com" {
		t.Errorf("the way back shows %q, %q, %v", u.Samples, u.Listing, err)
	}
}

// TestOnlyKeysOfTheCheckAreNear.
func TestOnlyKeysOfTheCheckAreNear(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, smallSQL)
	w.put("session:SECRET", "x", time.Hour)
	w.put("se:profile", "x", time.Hour)
	p := w.planned(strings.Replace(smallCheck, "customer:*", "'*:profile'", 1), "{mode: clear}")
	_, err := p.Draft(t.Context(), fix.Order{Select: []string{"key=session:profile"}}, allCaps(), nil)
	wants(t, err, "Near it are se:profile.")
	if strings.Contains(sentence(t, err), "SECRET") {
		t.Error(err)
	}
}

// TestWhatAColumnCannotHoldIsMasked: whoever wrote it there, it is no number.
func TestWhatAColumnCannotHoldIsMasked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, smallSQL)
	w.put("customer:c1", `{"credit":"bob@example.com"}`, time.Hour)
	w.put("customer:c2", `{"credit":3}`, time.Hour)
	words := wordsOf(t, strings.Replace(smallCheck, "{name: name}", "{credit: credit}", 1))
	rec, _ := w.detected(words, check.Options{})
	got := map[string]string{}
	for _, row := range rec.rows {
		got[row.Key[0]] = *row.Values[2]
	}
	if diff := cmp.Diff(map[string]string{"customer:c1": "credit ••• (15 characters)", "customer:c2": "credit 3"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestDomainsAreComparedByWhatTheyAreMadeOf.
func TestDomainsAreComparedByWhatTheyAreMadeOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, `
CREATE DOMAIN price AS numeric(12,2); CREATE DOMAIN moment AS timestamptz; CREATE DOMAIN code AS char(5);
CREATE TABLE customers (id code PRIMARY KEY, p price, m moment, c char(9), r real, t timestamp);
INSERT INTO customers VALUES ('c1', 12.5, '2026-01-02 03:04:05+00', 'ab', 0.1, '2026-01-02 03:04:59');`)
	w.put("customer:c1", `{"p":12.5,"m":"2026-01-02T03:04:05Z","c":"ab       ","r":0.10000000149011612,"t":"2026-01-02T03:04"}`, time.Hour)
	words := wordsOf(t, strings.NewReplacer("{name: name}", "{p: p, m: m, c: c, r: r, t: t}", ", time: updated_at", "").Replace(smallCheck))
	if rec, result := w.detected(words, check.Options{}); len(rec.rows) != 0 || result.Scanned != 1 {
		t.Errorf("found %v: %s", rec.byClass(), *rec.rows[0].Values[1])
	}
}

// TestCopiesAreSaidToNeedMemory where that is bounded.
func TestCopiesAreSaidToNeedMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, smallSQL)
	w.redis.Do("CONFIG SET maxmemory-policy allkeys-lru", "CONFIG SET maxmemory 100000000")
	w.put("customer:c1", `{"name":"`+strings.Repeat("x", 5<<10)+`"}`, time.Hour)
	d := w.draft(w.planned(smallCheck, "{mode: clear}"), fix.Order{ID: 1})
	if want := "They take about 5.0 kB of that memory for 30 d."; !strings.Contains(d.Risk, want) {
		t.Errorf("the risk is %q, want %q", d.Risk, want)
	}
}
