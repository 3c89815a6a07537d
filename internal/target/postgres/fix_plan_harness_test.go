package postgres

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/shop"
)

// shopFixes are the fixes of the shop's checks, as in config.example.yaml.
func shopFixes() map[string]string {
	return map[string]string{
		shop.OrphanedOrders: `
mode: quarantine
modes: [delete, attach]
references:
  - {table: order_items, column: order_id}
  - {table: payments, column: order_id}
max_rows: 10000
max_share: 0.05
approve_over: 500
expiry: 10m`,
		shop.OrderTotals: `{mode: set}`,
		shop.OrderPayments: `
mode: status
status_column: status
transitions:
  - {class: paid_but_pending, from: PENDING, to: COMPLETED}`,
		shop.DuplicateEmails: `
mode: keep-oldest
references:
  - {table: orders, column: customer_id}`,
		shop.ProductStock: `
mode: set
modes: [adjust]
adjust:
  columns: {id: "adjust-{plan}-{key}", product_id: key, quantity: difference, reason: ADJUSTMENT}`,
		shop.PaymentsWithoutOrder: `{mode: quarantine, modes: [set-null]}`,
		shop.ItemsWithoutOrder:    `{mode: quarantine, modes: [delete]}`,
		shop.ItemsWithoutProduct:  `{mode: set-null}`,
		shop.NegativeStock:        `{update: {set: {stock_quantity: 0}}}`,
		shop.ForeignKeys:          `{mode: validate}`,
	}
}

// shopChecks are the checks that the fixes are for.
func shopChecks() map[string]struct{ kind, words string } {
	checks := rowChecks()
	for name, c := range shopLedgers() {
		checks[name] = c
	}
	emails := checks[shop.DuplicateEmails]
	emails.words = `{table: customers, columns: [email], keep: created_at, time: created_at, compare: [name, phone]}`
	checks[shop.DuplicateEmails] = emails
	return checks
}

// shopTruth is what is wrong in the template of plannedShop, which is made once.
var shopTruth struct {
	sync.Mutex
	truth *shop.Truth
}

// plannedShop gives a shop of its own with everything wrong in it, ready for
// fixes.
func plannedShop(t *testing.T) (string, *shop.Truth) {
	t.Helper()
	dsn := pgtest.Template(t, "planned shop", func(dsn string) {
		truth, err := shop.Generate(t.Context(), dsn, shop.Options{Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		makeReady(t, dsn)
		shopTruth.Lock()
		defer shopTruth.Unlock()
		shopTruth.truth = truth
	})
	shopTruth.Lock()
	defer shopTruth.Unlock()
	return dsn, shopTruth.truth
}

func yamlNode(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Load([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Kind == yaml.DocumentNode {
		return doc.Content[0]
	}
	return &doc
}

// remedy is a check together with its fix.
type remedy struct {
	Fix
	check    check.Check
	detector check.Detector
	target   *Target
}

func newRemedy(t *testing.T, target *Target, kind, words, fixWords string) *remedy {
	t.Helper()
	declaration := declareCheck(t, kind, words)
	f, err := DeclareFix(kind, declaration, yamlNode(t, fixWords))
	if err != nil {
		t.Fatalf("fix: %v", err)
	}
	return &remedy{
		Fix: f, detector: declaration.Detector(target), target: target,
		check: check.Check{Name: "the-check", Noun: "rows", Means: "are wrong", Target: "shop", Currency: "USD"},
	}
}

func shopRemedy(t *testing.T, target *Target, name string) *remedy {
	t.Helper()
	c := shopChecks()[name]
	return newRemedy(t, target, c.kind, c.words, shopFixes()[name])
}

// order is a plan as it is asked for.
func asked(change ...func(*fix.Order)) fix.Order {
	o := fix.Order{ID: 1043, Check: "the-check", AskedAt: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)}
	for _, c := range change {
		c(&o)
	}
	return o
}

func mode(m string) func(*fix.Order)     { return func(o *fix.Order) { o.Mode = m } }
func limit(n int) func(*fix.Order)       { return func(o *fix.Order) { o.Limit = n } }
func argument(a string) func(*fix.Order) { return func(o *fix.Order) { o.Argument = a } }

// uncapped lets a plan repair whatever the check finds.
func uncapped() fix.Caps { return fix.Caps{Rows: 10_000, Share: 1} }

func (r *remedy) try(t *testing.T, o fix.Order, caps fix.Caps) (fix.Draft, error) {
	t.Helper()
	return r.Planner(r.target, r.check).Draft(t.Context(), o, caps, nil)
}

func (r *remedy) draft(t *testing.T, o fix.Order) fix.Draft {
	t.Helper()
	d, err := r.try(t, o, uncapped())
	if err != nil {
		t.Fatalf("draft: %v", err)
	}
	return d
}

// refused drafts what must not be possible, and gives the sentence.
func (r *remedy) refused(t *testing.T, o fix.Order) string {
	t.Helper()
	d, err := r.try(t, o, uncapped())
	if err == nil {
		t.Fatalf("drafted: %+v", d)
	}
	return sentence(t, err)
}

// changesOf are the keys of the changes of an operation in a table, sorted.
func changesOf(d fix.Draft, op fix.Op, table string) []string {
	keys := []string{}
	for _, c := range d.Content.Changes {
		if f := d.Content.Forms[c.Form]; f.Op == op && f.Table == `"public"."`+table+`"` {
			keys = append(keys, joined(c.Key))
		}
	}
	slices.Sort(keys)
	return keys
}

func hashOf(t *testing.T, d fix.Draft, o fix.Order) string {
	t.Helper()
	h, err := d.Content.Hash(o, "shop")
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// applied carries a plan out as the worker does and gives what was left alone.
func (r *remedy) applied(t *testing.T, x *Fixing, o fix.Order, d fix.Draft) (fix.Plan, []fix.Skipped) {
	t.Helper()
	p := fix.Plan{Order: o, Draft: d, Hash: hashOf(t, d, o), Batches: len(d.Content.Batches())}
	_, skipped := carry(t, x, p, d.Content)
	return p, skipped
}

// undone takes a plan back.
func undone(t *testing.T, x *Fixing, p fix.Plan, forms []fix.Form) {
	t.Helper()
	o := asked(func(o *fix.Order) { o.ID, o.Undoes = p.ID+1, p.ID })
	back, err := x.Inverse(t.Context(), o, p, forms)
	if err != nil {
		t.Fatalf("inverse: %v", err)
	}
	if len(back.Left) > 0 {
		t.Errorf("the undo leaves %+v", back.Left)
	}
	_, skipped := carry(t, x, fix.Plan{Order: o, Hash: hashOf(t, back, o)}, back.Content)
	if len(skipped) > 0 {
		t.Errorf("the undo skipped %v", skipped)
	}
}

// left counts the failing rows that a plan does not touch.
func left(d fix.Draft) (n int64) {
	for _, l := range d.Left {
		n += l.Rows
	}
	return n
}

// repaired carries a plan out, runs the check again, and takes it back: what it
// left alone still fails and nothing else does, and then every row is as before.
func (r *remedy) repaired(t *testing.T, dsn string, o fix.Order, d fix.Draft) {
	t.Helper()
	before := checksums(t, dsn)
	x := fixer(t, dsn)
	p, skipped := r.applied(t, x, o, d)
	if len(skipped) > 0 {
		t.Fatalf("skipped %d changes: %v", len(skipped), skipped[:min(3, len(skipped))])
	}
	rec, _ := detect(t, r.detector, check.Options{Full: true})
	if got := int64(len(rec.saved)); got != d.Found-d.Rows {
		t.Errorf("after the fix the check finds %d rows, before %d of which %d were to be repaired: %v", got, d.Found, d.Rows, rec.keys()[:min(5, len(rec.saved))])
	}
	if d.Irreversible != "" {
		return
	}
	undone(t, x, p, d.Content.Forms)
	sameRows(t, dsn, before)
}

func diffKeys(t *testing.T, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
