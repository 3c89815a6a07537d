package postgres

import (
	"context"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/check"
)

func TestZZBench(t *testing.T) {
	dsn := os.Getenv("ZZ_DSN")
	l := &ledgerTest{t: t, dsn: dsn}
	target := l.open(Options{SecondLook: 250 * time.Millisecond})
	stock := declareLedger(t, "totals", "table: products\ncolumn: stock_quantity\nrows: {table: inventory, key: product_id, sum: quantity}\ntolerance: 0\nscale: 0")
	totals := declareLedger(t, "totals", strings.ReplaceAll(orderTotals, "total\n", "total_amount\n"))
	totals.(*Totals).Of.Table = "order_items"
	pay := declareLedger(t, "match", strings.ReplaceAll(orderPayments, "amount: total", "amount: total_amount"))
	for _, mode := range strings.Fields(os.Getenv("ZZ_MODES")) {
		for _, c := range []struct {
			name string
			d    Declaration
		}{{"stock", stock}, {"totals", totals}, {"payments", pay}} {
			if only := os.Getenv("ZZ_ONLY"); only != "" && only != c.name {
				continue
			}
			n := &notebook{}
			plan := strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(mode, "full"), "polite"), "_", " ")
			began := time.Now()
			n.onSave = func(k int) { t.Logf("   save %d at %s, step %d, %d bytes", k, time.Since(began).Round(time.Millisecond), n.state(t).Step, len(n.cursor)) }
			res, err := withLimits(t, c.d, target, limits{plan: plan}).Detect(context.Background(), check.Options{Full: strings.HasPrefix(mode, "full")}, nil, n)
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			t.Logf("%s %s: %s rows %d scanned %d plan %s notes %v err %v sys %d MB", mode, c.name, time.Since(began).Round(time.Millisecond), len(n.saved), res.Scanned, res.Plan, res.Notes, err, m.Sys>>20)
		}
	}
}
