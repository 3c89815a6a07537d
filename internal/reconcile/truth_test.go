package reconcile

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/redisproc"
)

func TestTheWholeTruthAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, shape := range map[string]redisproc.Shape{"standalone": redisproc.Single, "cluster": redisproc.Cluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldAt(t, shape, customersSQL, nil)
			words := wordsOf(t, customersCheck)
			truth := plant(t, w)
			stop := writers(t.Context(), t, w)
			timeless := wordsOf(t, strings.Replace(customersCheck, ", time: updated_at", "", 1)) // more looks alone tell what is in flight
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
	rec, result := w.detected(wordsOf(t, customersCheck), check.Options{})
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
	rec, result := w.detected(wordsOf(t, customersCheck), check.Options{Overview: true})
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
	hashes := wordsOf(t, `
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
	texts := wordsOf(t, `
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
