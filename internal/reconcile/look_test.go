package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/redisproc"
)

func (w *world) caches() []Cache {
	w.t.Helper()
	products := strings.NewReplacer("customer:*", "product:*", "max: 24h, together: 50", "required: false").Replace(customersCheck)
	return []Cache{
		{Check: check.Check{Name: "customer-cache", Domain: "cache", Target: "cache"}, Declaration: wordsOf(w.t, customersCheck), Target: w.cache, Rows: w.rows},
		{Check: check.Check{Name: "product-cache", Domain: "cache", Target: "cache"}, Declaration: wordsOf(w.t, products), Target: w.cache, Rows: w.rows},
		{Check: check.Check{Name: "off-cache", Domain: "off", Target: "other"}, Declaration: wordsOf(w.t, customersCheck)},
	}
}

// looked looks, and gives all that is said as text.
func (w *world) looked(name string, words ...string) string {
	w.t.Helper()
	r, err := w.look(name, look.Question{Words: words})
	if err != nil {
		w.t.Fatal(err)
	}
	return textOf(r)
}

func (w *world) look(name string, q look.Question) (look.Report, error) {
	w.t.Helper()
	return Looks(w.caches())[name].Look(w.t.Context(), q, nil)
}

func textOf(r look.Report) string {
	var b strings.Builder
	write := func(m message.Message) {
		b.WriteString(m.Headline.String() + "\n")
		for _, p := range m.Parts {
			for _, l := range p.Lines {
				b.WriteString(l.String() + "\n")
			}
			if p.Table != nil {
				for _, row := range p.Table.Rows {
					b.WriteString(strings.Join(row, " | ") + "\n")
				}
			}
		}
		for _, l := range m.Context {
			b.WriteString(l.String() + "\n")
		}
	}
	write(r.Head)
	for _, d := range r.Thread {
		write(d.Message)
	}
	return b.String()
}

func TestLooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, customersSQL)
	stale := correct(2)
	stale["email"], stale["balance"] = "old@example.org", 1
	young := correct(4)
	young["name"] = "x"
	w.put("customer:1", correct(1).json(t), time.Hour)
	w.put("customer:2", stale.json(t), 0)
	w.put("customer:5000000", correct(1).json(t), 25*time.Hour-time.Second)
	w.put("customer:6", "{", time.Hour)
	w.put("session:1", "a secret", time.Hour-time.Second)
	w.put("product:1", correct(1).json(t), 0)
	w.client.HSet(t.Context(), "customer:hash", "a", "b")
	for i := range 100 {
		w.put(fmt.Sprintf("customer:%d", 100+i), correct(100+i).json(t), time.Hour+time.Duration(i)*10*time.Second)
	}
	for _, tt := range []struct {
		name, look string
		words      []string
		says, not  []string
	}{
		{"one that agrees", "cache get", []string{"customer:1"}, []string{"customer:1 agrees with its row", "email | c•••@example.com | c•••@example.com | yes", "balance | 1.5 | 1.50 | yes", "$.more.note = note | ••• (6 characters)", "string", "expires 20"}, []string{"c1@example.com", "test/cache"}},
		{"one that differs", "cache get", []string{"customer:2"}, []string{"customer:2 differs from its row in 2 of 12 fields: email, balance; it has no expiry", "email | o•••@example.org | c•••@example.com | no", "balance | 1 | 2.50 | no", "no expiry"}, nil},
		{"one without a row", "cache get", []string{"customer:5000000"}, []string{"has no row in customers; it stays for 24 h, and the policy is 24 h", "no row | no"}, nil},
		{"one that is no JSON", "cache get", []string{"customer:6"}, []string{"customer:6 cannot be read: it is not JSON"}, nil},
		{"another type", "cache get", []string{"customer:hash"}, []string{"customer:hash cannot be read: it is a hash and no string", "hash · "}, nil},
		{"one that is not there", "cache get", []string{"customer:3"}, []string{"customer:3 is not cached; its row is there."}, nil},
		{"one that is nowhere", "cache get", []string{"customer:1999999"}, []string{"customer:1999999 is not cached, and there is no such row. Near it are customer:1"}, nil},
		{"one that no check knows", "cache get", []string{"session:1"}, []string{"session:1 belongs to no check of a cache, so its value is not shown", "string"}, []string{"secret"}},
		{"nothing that anybody knows", "cache get", []string{"nothing"}, []string{"There is no key nothing in test/cache, and no check knows such keys: those of customer-cache look like customer:*."}, nil},
		{"several", "cache get", []string{"customer:1", "customer:2", "customer:3"}, []string{"3 keys looked at", "customer:1 agrees", "customer:2 differs", "customer:3 is not cached"}, nil},
		{"expiries", "cache ttl", []string{"customer:1", "customer:2", "customer:5000000", "customer:3", "session:1", "product:1"}, []string{
			"6 keys: 2 against the policy, 1 not there", "customer:2 | none |  | needs an expiry", "customer:5000000 | 24h5", "at most 24 h", "customer:3 | not there", "session:1 | 59m", "belongs to no check", "product:1 | none |  | needs none",
		}, nil},
		{"one expiry", "cache ttl", []string{"customer:2"}, []string{"customer:2: ttl none (needs an expiry)"}, nil},
		{"all that should have expired", "cache scan", nil, []string{"Expiries: 3 of 106 keys should have expired or been given one", "no expiry | 2 | customer:", "expiry beyond policy (24 h) | 1 | customer:5000000", "expires in 1 to 6 h"}, nil},
		{"some of them", "cache scan", []string{"customer:1?"}, nil, nil},
		{"with a pattern that matches all", "cache scan", []string{"*"}, []string{"Expiries: 3 of 106 keys", "customer:*", "product:*"}, []string{"session"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.name == "some of them" {
				_, err := w.look(tt.look, look.Question{Words: tt.words})
				wants(t, err, "No key that a check knows matches customer:1?. What they know is customer:*, product:*.")
				return
			}
			got := w.looked(tt.look, tt.words...)
			for _, says := range tt.says {
				if !strings.Contains(got, says) {
					t.Errorf("it does not say %q:\n%s", says, got)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(got, not) {
					t.Errorf("it says %q:\n%s", not, got)
				}
			}
		})
	}
}

func TestLooksThatCannotBeAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, customersSQL)
	for _, tt := range []struct {
		name, look string
		q          look.Question
		says       string
	}{
		{"no key", "cache get", look.Question{}, "Which key? Name one or some, such as customer:*."},
		{"too many", "cache ttl", look.Question{Words: strings.Fields(strings.Repeat("customer:%d ", 1) + "a b c d e f g h i j k")}, "are more than can be looked at together (10)"},
		{"two patterns", "cache scan", look.Question{Words: []string{"a*", "b*"}}, "Give one pattern"},
		{"no such check", "cache get", look.Question{Words: []string{"customer:1"}, Check: "orders"}, "orders is no check of a cache. Those are customer-cache, product-cache, off-cache."},
		{"a target that is off", "cache scan", look.Question{Check: "off-cache"}, "No cache can be looked at: the config gives no address for other."},
		{"a shared channel", "cache get", look.Question{Words: []string{"customer:1"}, NoRows: true}, "This channel is shared with another organisation"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := w.look(tt.look, tt.q)
			wants(t, err, tt.says)
		})
	}
	_, err := Looks(nil)["cache get"].Look(t.Context(), look.Question{Words: []string{"x"}}, nil)
	wants(t, err, "The config declares no check of kind cache")
}
