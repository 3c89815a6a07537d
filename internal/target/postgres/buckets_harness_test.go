package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/pgtest"
)

// ledgerTest is one database and a target on it.
type ledgerTest struct {
	t      testing.TB
	dsn    string
	target *Target
}

func newLedgerTest(t testing.TB, schema string) *ledgerTest {
	t.Helper()
	l := &ledgerTest{t: t, dsn: pgtest.Database(t)}
	if schema != "" {
		pgtest.Exec(t, l.dsn, schema)
	}
	l.target = l.open(Options{})
	return l
}

// open makes another target on the same database. Second looks come at once.
func (l *ledgerTest) open(o Options) *Target {
	l.t.Helper()
	o.Name, o.Place, o.DSN = "shop", "test/shop", Secret(l.dsn)
	if o.SecondLook == 0 {
		o.SecondLook = time.Millisecond
	}
	target, err := Open(context.Background(), o)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(target.Close)
	return target
}

// exec changes the database.
func (l *ledgerTest) exec(sql string) {
	l.t.Helper()
	pgtest.Exec(l.t, l.dsn, sql)
}

// declareLedger reads a declaration of kind totals or match.
func declareLedger(t testing.TB, kind, text string) Declaration {
	t.Helper()
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(text), &node); err != nil {
		t.Fatal(err)
	}
	d, err := Declare(kind, node.Content[0])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// withLimits makes a detector that carries a plan out as a test wants it.
func withLimits(t testing.TB, d Declaration, target *Target, l limits) check.Detector {
	t.Helper()
	switch w := d.(type) {
	case *Totals:
		return &totalsDetector{words: w, target: target, limits: l}
	case *Match:
		return &matchDetector{words: w, target: target, limits: l}
	}
	t.Fatalf("no ledger: %T", d)
	return nil
}

// ways are the plans that every test of semantics goes through.
func ways() map[string]limits {
	return map[string]limits{
		"direct":     {plan: planDirect},
		"ranges":     {plan: planRanges},
		"buckets":    {plan: planSums, buckets: 64, crowded: 2},
		"one bucket": {plan: planSums, buckets: 1, crowded: 2},
		"crowded":    {plan: planSums, buckets: 8, crowded: 0.01},
	}
}

// notebook is a recorder that remembers. What was not saved is lost when the
// run breaks off, as it is in life.
type notebook struct {
	mu       sync.Mutex
	columns  []check.Column
	unsaved  []check.Row
	saved    []check.Row
	cursor   check.Cursor
	saves    int
	refuse   func(last comparisonState) bool // whether the next save fails, by what was saved last
	onSave   func(n int)
	progress check.Progress
}

var errNotSaved = errors.New("killed")

func (n *notebook) Columns(cols []check.Column) { n.columns = cols }

func (n *notebook) Found(rows ...check.Row) { n.unsaved = append(n.unsaved, rows...) }

func (n *notebook) Save(_ context.Context, next check.Cursor) error {
	n.saves++
	if n.refuse != nil && n.cursor != nil {
		var last comparisonState
		if err := json.Unmarshal(n.cursor, &last); err != nil || n.refuse(last) {
			return errors.Join(errNotSaved, err)
		}
	}
	n.saved = append(n.saved, n.unsaved...)
	n.unsaved, n.cursor = nil, slices.Clone(next)
	if n.onSave != nil {
		n.onSave(n.saves)
	}
	return nil
}

func (n *notebook) Progress(p check.Progress) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.progress = p
}

// run carries a detector out to its end and gives what was saved.
func (l *ledgerTest) run(d check.Detector, opts check.Options) (*notebook, check.Result) {
	l.t.Helper()
	n := &notebook{}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	result, err := d.Detect(ctx, opts, nil, n)
	if err != nil {
		l.t.Fatalf("detect: %v", err)
	}
	if len(n.unsaved) > 0 {
		l.t.Errorf("%d rows were found and never saved", len(n.unsaved))
	}
	return n, result
}

// lines are the rows as text, sorted: class key values money currency.
func (n *notebook) lines() []string {
	out := []string{}
	for _, r := range n.saved {
		money := "-"
		if r.Money.Valid {
			money = r.Money.Decimal.String() + r.Currency
		}
		var values []string
		for i, v := range r.Values {
			if c := n.columns[i]; c.Class == check.Time {
				continue
			}
			if v == nil {
				values = append(values, "NULL")
			} else {
				values = append(values, *v)
			}
		}
		out = append(out, fmt.Sprintf("%s %s [%s] %s", r.Class, strings.Join(r.Key, "/"), strings.Join(values, " "), money))
	}
	slices.Sort(out)
	return out
}

// verdicts are class and key only.
func (n *notebook) verdicts() []string {
	out := []string{}
	for _, r := range n.saved {
		out = append(out, r.Class+" "+strings.Join(r.Key, "/"))
	}
	slices.Sort(out)
	return out
}

// state reads the cursor that was saved last.
func (n *notebook) state(t testing.TB) comparisonState {
	t.Helper()
	var s comparisonState
	if err := json.Unmarshal(n.cursor, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// connect opens a session of its own for a writer.
func (l *ledgerTest) connect(ctx context.Context) *pgx.Conn {
	l.t.Helper()
	conn, err := pgx.Connect(ctx, l.dsn)
	if err != nil {
		l.t.Fatal(err)
	}
	return conn
}
