package shop

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// The names of the checks that the truth judges, as in config.example.yaml.
const (
	OrphanedOrders       = "orphaned-orders"
	DuplicateEmails      = "duplicate-emails"
	OrderTotals          = "order-totals"
	ProductStock         = "product-stock"
	OrderPayments        = "order-payments"
	PaymentsWithoutOrder = "payments-without-order"
	ItemsWithoutOrder    = "items-without-order"
	ItemsWithoutProduct  = "items-without-product"
	NegativeStock        = "negative-stock"
	NegativeTotals       = "negative-totals"
	PaidNotCompleted     = "paid-not-completed"
	ForeignKeys          = "foreign-keys"
)

// MinimumAge is the age below which a row is not judged by orphaned-orders (late parents), by order-payments
// and by paid-not-completed (asynchronous capture). It is counted from created_at.
const MinimumAge = 10 * time.Minute

// Plant is one kind of defect, or of innocent look-alike, as one check sees it. A kind that fails two checks is
// two plants.
type Plant struct {
	// Kind names what was done to the rows, for example "email-tie".
	Kind string `json:"kind"`
	// Check is the check that must report the keys, or for an innocent plant must never report them.
	Check string `json:"check"`
	// Class is, for order-payments, unpaid, underpaid, overpaid, paid_twice, wrong_currency, paid_but_pending or
	// paid_but_cancelled, and for duplicate-emails duplicate or conflict; otherwise empty. An innocent plant has
	// one only if it matures.
	Class string `json:"class,omitempty"`
	// Table is the table whose primary key Keys holds.
	Table string `json:"table"`
	// Constraint is the foreign key concerned, for foreign-keys only. For one that is not validated it is the key too.
	Constraint string `json:"constraint,omitempty"`
	Innocent   bool   `json:"innocent"`
	// Keys are exact primary keys. For duplicates they are all rows but the one to keep.
	Keys []string `json:"keys"`
	// Kept are the rows to keep, one for each group of duplicates.
	Kept []string `json:"kept,omitempty"`
	// Matures is when an innocent plant reaches MinimumAge and so becomes a defect; zero: never. See Truth.At.
	Matures time.Time `json:"matures,omitzero"`
	// Money is what is at stake in all keys together, in Currency: the order's total for orphaned-orders, the
	// absolute difference for order-totals (a NULL total counts as 0) and order-payments, the amount for
	// payments-without-order, what is held for paid-not-completed; otherwise 0.
	Money Amount `json:"money"`
	// First and Last are the earliest and latest created_at among the keys, for products updated_at, which tells
	// when the stock last changed; zero for a constraint.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	About string    `json:"about"`
}

// Currency is the currency of every planted row's money at stake. The shop also has orders in EUR, all innocent.
const Currency = "USD"

// Truth is everything that was planted in one shop. It can be written to and read from JSON. It is not stored in
// the shop's database, where a check could stumble over it.
type Truth struct {
	Seed   int64     `json:"seed"`
	Now    time.Time `json:"now"`
	Plants []Plant   `json:"plants"`
	// Rows is the number of rows of each table when the shop was made.
	Rows map[string]int64 `json:"rows"`
	// Orders, Customers and Products are how many places the shop has for ordinary rows: ids run from o1, c1
	// and p1 to these numbers, less the deleted ones.
	Orders    int `json:"orders"`
	Customers int `json:"customers"`
	Products  int `json:"products"`
	// Reserved are the ids, per table (orders, customers, products), of all planted rows and the parents of
	// planted children: whoever changes them changes the truth.
	Reserved map[string][]string `json:"reserved"`
}

// Checks gives the names of all checks that have a plant, sorted.
func (t *Truth) Checks() []string {
	var names []string
	for _, p := range t.Plants {
		names = append(names, p.Check)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Defects gives what a check must find: exactly these keys. Constraints that are not validated are among the
// keys of foreign-keys by their name.
func (t *Truth) Defects(check string) map[string]Plant { return t.byKey(check, false) }

// Innocents gives the planted keys that a check must never report. No other key may be reported either, unless
// it is in Defects; these are the tempting ones.
func (t *Truth) Innocents(check string) map[string]Plant { return t.byKey(check, true) }

func (t *Truth) byKey(check string, innocent bool) map[string]Plant {
	found := map[string]Plant{}
	for _, p := range t.Plants {
		if p.Check == check && p.Innocent == innocent {
			for _, key := range p.Keys {
				found[key] = p
			}
		}
	}
	return found
}

// Money is what is at stake in all defects of a check, in Currency.
func (t *Truth) Money(check string) Amount {
	var sum Amount
	for _, p := range t.Plants {
		if p.Check == check && !p.Innocent {
			sum += p.Money
		}
	}
	return sum
}

// Times gives the earliest First and the latest Last of a check's defects; zero times if it has none that are rows.
func (t *Truth) Times(check string) (first, last time.Time) {
	for _, p := range t.Plants {
		if p.Check != check || p.Innocent || p.First.IsZero() {
			continue
		}
		if first.IsZero() || p.First.Before(first) {
			first = p.First
		}
		if p.Last.After(last) {
			last = p.Last
		}
	}
	return first, last
}

// At is the truth as it will be at a later time: what was innocent only because it was young has become a
// defect. Compare with the time the check took as now.
func (t *Truth) At(now time.Time) *Truth {
	later := *t
	later.Plants = slices.Clone(t.Plants)
	for i := range later.Plants {
		p := &later.Plants[i]
		if !p.Matures.IsZero() && !now.Before(p.Matures) {
			p.Innocent, p.Matures = false, time.Time{}
		}
	}
	return &later
}

// With is the truth with more plants, such as those of Break.
func (t *Truth) With(plants ...Plant) (*Truth, error) {
	more := *t
	more.Plants = append(slices.Clone(t.Plants), plants...)
	return &more, more.validate()
}

// validate refuses a key that is planted twice for one check: it would be counted once and paid for twice.
func (t *Truth) validate() error {
	type place struct{ check, table, key string }
	seen := map[place]string{}
	for _, p := range t.Plants {
		for _, key := range p.Keys {
			at := place{p.Check, p.Table, key}
			if other, twice := seen[at]; twice {
				return fmt.Errorf("truth: %s %q is planted twice for %s: as %s and as %s", p.Table, key, p.Check, other, p.Kind)
			}
			seen[at] = p.Kind
		}
	}
	return nil
}

func (t *Truth) sort() {
	slices.SortFunc(t.Plants, func(a, b Plant) int {
		return cmp.Or(cmp.Compare(a.Check, b.Check), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Class, b.Class))
	})
	for _, p := range t.Plants {
		slices.Sort(p.Keys)
		slices.Sort(p.Kept)
	}
}

// ReadTruth reads what json.Marshal made of a truth and refuses one that contradicts itself.
func ReadTruth(data []byte) (*Truth, error) {
	var t Truth
	if err := json.Unmarshal(data, &t); err != nil {
		return nil, fmt.Errorf("read truth: %w", err)
	}
	return &t, t.validate()
}
