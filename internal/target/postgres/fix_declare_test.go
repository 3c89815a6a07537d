package postgres

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/shop"
)

func TestPlanRulesHaveDefaults(t *testing.T) {
	t.Parallel()
	orphans := declareCheck(t, "orphans", familyCheck)
	for words, want := range map[string]fix.Rules{
		`{mode: delete}`: {Caps: fix.Caps{Rows: 10_000, Share: 0.05}, SecondOver: 500, Expiry: 10 * time.Minute},
		`{mode: delete, max_rows: 3, max_share: 1, approve_over: 0, expiry: 90s}`: {Caps: fix.Caps{Rows: 3, Share: 1}, Expiry: 90 * time.Second},
	} {
		f, err := DeclareFix("orphans", orphans, yamlNode(t, words))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, f.Rules()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", words, diff)
		}
	}
}

func TestPlanDeclarationNamesAllItsFaults(t *testing.T) {
	t.Parallel()
	checks := shopChecks()
	rows := `{table: goods, wrong: "n < 0"}`
	query := `{sql: SELECT id FROM shelf}`
	for name, c := range map[string]struct {
		kind, check, fix string
		want             []string
	}{
		"nothing":         {"orphans", familyCheck, `~`, []string{"line 1: fix: a fix is a mapping"}},
		"a word":          {"orphans", familyCheck, `delete`, []string{"line 1: fix: a fix is a mapping"}},
		"empty":           {"orphans", familyCheck, `{}`, []string{`line 1: fix: mode is "", but checks of kind orphans are repaired by delete or quarantine or attach or set-null`}},
		"unknown word":    {"orphans", familyCheck, "mode: delete\nmax_row: 5", []string{"line 2: fix: field max_row not found"}},
		"a common word":   {"orphans", familyCheck, "mode: delete\ntitle: x", []string{"line 2: fix: field title not found"}},
		"another's mode":  {"orphans", familyCheck, "mode: set", []string{`line 1: fix: mode is "set"`}},
		"another's words": {"totals", checks[shop.OrderTotals].words, "mode: set\nreferences: []", []string{"line 2: fix: field references not found"}},
		"caps": {
			"orphans", familyCheck, "mode: delete\nmax_rows: 0\nmax_share: 1.5\napprove_over: -1\nexpiry: 0s",
			[]string{"line 2: fix: max_rows is 0", "line 3: fix: max_share is 1.5", "line 4: fix: approve_over is -1", "line 5: fix: expiry is 0s"},
		},
		"not numbers":   {"orphans", familyCheck, "mode: delete\nmax_rows: many\nmax_share: .nan\nexpiry: soon", []string{"line 2:", "line 3: fix: max_share is NaN", "line 4:"}},
		"modes":         {"orphans", familyCheck, "mode: delete\nmodes: [attach, adjust]", []string{`line 2: fix: modes is "adjust"`}},
		"parent":        {"orphans", familyCheck, "mode: delete\nparent: x", []string{"line 2: fix: parent is whom to attach to"}},
		"references":    {"duplicates", peopleCheck, "references:\n  - {table: x}\n  - {column: y}", []string{"line 1: fix: references: column is missing in number 1", "line 1: fix: references: table is missing in number 2"}},
		"twice":         {"orphans", familyCheck, "mode: delete\nmode: attach", []string{"line 2: fix: mapping key \"mode\" already defined"}},
		"nothing to do": {"rows", rows, `{}`, []string{"line 1: fix: a fix of kind rows needs either update or delete"}},
		"both":          {"rows", rows, `{delete: true, update: {set: {n: 0}}}`, []string{"needs either update or delete"}},
		"expressions": {
			"rows", rows, "update:\n  set:\n    n: pg_sleep(9)\n    m: 1; DROP TABLE x\n    o: ''\n    p: [1]",
			[]string{"line 6: set: the value of p"},
		},
		"more expressions": {
			"rows", rows, "update:\n  set:\n    n: pg_sleep(9)\n    m: 1; DROP TABLE x\n    o: ''",
			[]string{"n: calls the function pg_sleep", "m: cannot be parsed", "o is set to nothing"},
		},
		"no set":         {"rows", rows, `{update: {}}`, []string{"set is missing"}},
		"no transitions": {"match", checks[shop.OrderPayments].words, `{}`, []string{"transitions is missing"}},
		"transitions": {
			"match", checks[shop.OrderPayments].words,
			"status_column: status\ntransitions:\n  - {class: paid_but_pendin, from: A, to: B}\n  - {class: unpaid, from: A, to: A}\n  - {class: unpaid, from: B}\n  - {class: unpaid, from: C, to: D}\n  - {class: unpaid, from: C, to: E}\n  - {class: no_order, from: C, to: E}",
			[]string{"did you mean paid_but_pending?", "from A to itself", "number 3 needs", "from C stands twice", `no class "no_order"`},
		},
		"no column":       {"match", checks[shop.OrderPayments].words, `{transitions: [{class: unpaid, from: A, to: B}]}`, []string{"names no column"}},
		"adjust without":  {"totals", checks[shop.OrderTotals].words, `{mode: adjust}`, []string{"adjust needs adjust"}},
		"adjust unasked":  {"totals", checks[shop.OrderTotals].words, `{adjust: {columns: {order_id: key}}}`, []string{"neither the mode nor among modes"}},
		"adjust nothing":  {"totals", checks[shop.OrderTotals].words, `{mode: adjust, adjust: {columns: {id: x}}}`, []string{"must name order_id", "gives no column the difference"}},
		"adjust another":  {"totals", checks[shop.OrderTotals].words, `{mode: adjust, adjust: {table: x, columns: {order_id: key, quantity: difference}}}`, []string{"adjust.table is x"}},
		"foreign keys":    {"foreign-keys", `{}`, `{mode: repair}`, []string{`mode is "repair"`}},
		"query, no table": {"query", query, `{delete: true}`, []string{"table is missing"}},
		"query, no way":   {"query", query, `{table: shelf}`, []string{"exactly one of update"}},
		"query, two ways": {"query", query, `{table: shelf, delete: true, statement: DELETE FROM shelf}`, []string{"exactly one of update"}},
		"query, key":      {"query", query, `{table: shelf, delete: true, key: [a, b]}`, []string{"key names 2 columns"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := DeclareFix(c.kind, declareCheck(t, c.kind, c.check), yamlNode(t, c.fix))
			if err == nil {
				t.Fatalf("declared: %+v", f)
			}
			var fault *declare.Fault
			if !errors.As(err, &fault) {
				t.Errorf("%v is no Fault", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
}

func TestPlanDigestIsOfTheDeclarationAlone(t *testing.T) {
	t.Parallel()
	base := `{kind: orphans, table: a, show: [b, c], fix: {max_rows: 5}}`
	same := "# a comment\nkind: orphans\ntable: \"a\"\nshow:\n  - b\n  - c\nfix:\n  max_rows: 5\n"
	want := declare.Digest(yamlNode(t, base))
	if got := declare.Digest(yamlNode(t, same)); got != want || len(want) != 64 {
		t.Errorf("another layout has the digest %s, want %s", got, want)
	}
	if got := declare.Digest(yamlNode(t, "{kind: orphans, table: &x a, show: [b, c], fix: {max_rows: 5}}")); got != want {
		t.Error("an anchor changes the digest")
	}
	for _, other := range []string{
		`{kind: orphans, table: a, show: [b, c], fix: {max_rows: 6}}`,
		`{kind: orphans, table: a, show: [b, c], fix: {max_rows: "5"}}`,
		`{kind: orphans, table: a, show: [bc], fix: {max_rows: 5}}`,
		`{kind: orphans, table: a, show: [b, c], fix: {}, max_rows: 5}`,
		`{kind: orphans, table: a, show: [b, c]}`,
	} {
		if declare.Digest(yamlNode(t, other)) == want {
			t.Errorf("%s has the same digest", other)
		}
	}
	if declare.Digest(nil) == want {
		t.Error("nothing has the same digest")
	}
}

// TestPlanExampleIsTested keeps the example config's fixes those of the tests.
func TestPlanExampleIsTested(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var checks struct {
		Checks map[string]struct {
			Fix map[string]any `yaml:"fix"`
		} `yaml:"checks"`
	}
	if err := yamlNode(t, string(text)).Load(&checks); err != nil {
		t.Fatal(err)
	}
	for name, words := range shopFixes() {
		have := checks.Checks[name].Fix
		if have == nil {
			continue // the example need not repair everything
		}
		var want map[string]any
		if err := yamlNode(t, words).Load(&want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s: the example's fix is another one (-tested +example):\n%s", name, diff)
		}
	}
}

func TestPlanFixIsTriedOnALiveDatabase(t *testing.T) {
	t.Parallel()
	dsn, _ := plannedShop(t)
	target := open(t, brisk(dsn))
	for name := range shopFixes() {
		r := shopRemedy(t, target, name)
		if err := r.Validate(t.Context(), target, r.check); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	checks := shopChecks()
	for name, c := range map[string]struct{ check, fix, want string }{
		"a table":       {shop.OrphanedOrders, `{mode: delete, references: [{table: order_item, column: order_id}]}`, "did you mean order_items?"},
		"a column":      {shop.OrphanedOrders, `{mode: delete, references: [{table: order_items, column: order}]}`, "no column order"},
		"columns":       {shop.OrphanedOrders, `{mode: delete, references: [{table: order_items, column: [order_id, id]}]}`, "refers to orders by 2 columns"},
		"an expression": {shop.NegativeStock, `{update: {set: {stock_quantity: stok + 1}}}`, "stok"},
		"a type":        {shop.NegativeStock, `{update: {set: {stock_quantity: name}}}`, ""},
		"a movement":    {shop.ProductStock, `{mode: adjust, adjust: {columns: {product_id: key, quantity: difference}}}`, "needs a id that is known"},
		"a reason":      {shop.ProductStock, `{mode: adjust, adjust: {columns: {id: "{plan}", product_id: key, quantity: difference}}}`, "reason of inventory is NOT NULL"},
		"a status":      {shop.OrderPayments, `{transitions: [{class: unpaid, column: stat, from: A, to: B}]}`, "no column stat"},
	} {
		r := newRemedy(t, target, checks[c.check].kind, checks[c.check].words, c.fix)
		err := r.Validate(t.Context(), target, r.check)
		if (err == nil) != (c.want == "") {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && !strings.Contains(sentence(t, err), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
