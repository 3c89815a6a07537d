package app_test

import (
	"strings"
	"testing"

	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/reconcile"
)

// TestCachedValuesAreComparedWithTheDatabaseItself, in all looks and for plans: a
// replica does not know yet what a value that was refreshed does.
func TestCachedValuesAreComparedWithTheDatabaseItself(t *testing.T) {
	t.Parallel()
	primary, replica := pgtest.Database(t), pgtest.Database(t)
	for dsn, name := range map[string]string{primary: "new", replica: "old"} {
		pgtest.Exec(t, dsn, "CREATE TABLE customers (id text PRIMARY KEY, name text); INSERT INTO customers VALUES ('c1', '"+name+"')")
	}
	c, err := config.Parse("c.yaml", []byte("targets:\n  shop:\n    postgres: {dsn: \""+primary+"\", read_dsn: \""+replica+"\"}\n"), config.System())
	if err != nil {
		t.Fatal(err)
	}
	targets, err := app.OpenTargets(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer targets.Close()
	for _, full := range []bool{true, false} {
		r, err := targets.Rows().Reader(t.Context(), reconcile.From{Target: "shop", Table: "customers", Key: "id", Columns: []string{"name"}}, reconcile.Pace{Full: full})
		if err != nil {
			t.Fatal(err)
		}
		rows, _, err := r.Rows(t.Context(), []string{"c1", "c2"})
		if err != nil || len(rows) != 2 || rows[0] == nil || *rows[0][0] != "new" || rows[1] != nil {
			t.Errorf("rows are %v, %v", rows, err)
		}
	}
	_, err = targets.Rows().Reader(t.Context(), reconcile.From{Target: "warehouse"}, reconcile.Pace{})
	if want := "Target warehouse is off: the config gives no address for it, so I cannot look up there what cached values were made from."; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a database that is off: %v, want %s", err, want)
	}
}
