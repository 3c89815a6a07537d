package postgres

import (
	"net/url"
	"strings"
	"testing"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/pgtest"
)

func TestFixReadyNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, first, want string }{
		{"nothing", "", ""},
		{"the schema", "DROP SCHEMA integritybot CASCADE", "it has no schema integritybot. Have its owner run deploy/sql/target.sql."},
		{"the schema's grant", "REVOKE ALL ON SCHEMA integritybot FROM integritybot_fixer", `GRANT USAGE ON SCHEMA integritybot TO "integritybot_fixer"`},
		{"a table", "DROP TABLE integritybot.quarantine", "has no quarantine. Have its owner run deploy/sql/target.sql again."},
		{"the function", "DROP FUNCTION integritybot.validate_constraint", "has no validate_constraint"},
		{
			"grants", "REVOKE DELETE ON integritybot.before_image FROM integritybot_fixer; REVOKE INSERT ON integritybot.applied FROM integritybot_fixer",
			`GRANT DELETE ON integritybot.before_image TO "integritybot_fixer"; GRANT INSERT ON integritybot.applied TO "integritybot_fixer".`,
		},
		{"write access", "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$", "can only be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dsn := repairDatabase(t)
			if c.first != "" {
				pgtest.Exec(t, dsn, c.first)
			}
			err := fixer(t, dsn).Ready(t.Context())
			if c.want == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(sentence(t, err), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestFixReadyWithoutADatabase(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	for want, d := range map[string]string{
		"refused the connection":                 "postgres://me:s3cret@127.0.0.1:1/x?sslmode=disable",
		"the database of the DSN does not exist": moved(t, dsn, func(u *url.URL) { u.Path = "/nowhere" }),
		"refused the login of role stranger":     moved(t, dsn, func(u *url.URL) { u.User = url.UserPassword("stranger", "s3cret") }),
	} {
		x := fixer(t, dsn, func(o *FixOptions) { o.DSN = Secret(d) })
		err := x.Ready(t.Context())
		if got := sentence(t, err, "s3cret"); !strings.Contains(got, want) {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
	if _, err := OpenFixing(t.Context(), FixOptions{Name: "shop", Store: "s", DSN: "postgres://me:s3cret@:nope/x"}); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
	if _, err := OpenFixing(t.Context(), FixOptions{Name: "shop", DSN: "postgres://x"}); err == nil || !strings.Contains(err.Error(), "id of the bot's store") {
		t.Errorf("got %v", err)
	}
}

func moved(t *testing.T, dsn string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}

func TestFixMayChangeNamesTheGrant(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	pgtest.Exec(t, dsn, `CREATE TABLE closed (id int PRIMARY KEY, a int); GRANT SELECT ON closed TO integritybot_fixer; CREATE VIEW seen AS SELECT * FROM closed;
CREATE TABLE hidden (id int PRIMARY KEY); GRANT ALL ON hidden TO integritybot_fixer; ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
CREATE TABLE partly (id int PRIMARY KEY, a int); GRANT SELECT, UPDATE (a) ON partly TO integritybot_fixer; CREATE SCHEMA shut; CREATE TABLE shut.t (id int PRIMARY KEY)`)
	x := fixer(t, dsn)
	for _, c := range []struct {
		name, table string
		ops         []fix.Op
		want        string
	}{
		{"granted", "orders", []fix.Op{fix.Update, fix.Delete, fix.Insert, fix.Quarantine, fix.Keep, fix.Validate}, ""},
		{"granted, as in a form", oddForm.Table, []fix.Op{fix.Delete}, ""},
		{"one column", "partly", []fix.Op{fix.Update}, ""},
		{"update", "closed", []fix.Op{fix.Update}, `GRANT UPDATE ON "public"."closed" TO "integritybot_fixer"`},
		{"delete", `"public"."closed"`, []fix.Op{fix.Delete}, `GRANT DELETE, INSERT, UPDATE ON "public"."closed" TO "integritybot_fixer"`},
		{"schema", "shut.t", []fix.Op{fix.Delete}, `GRANT USAGE ON SCHEMA "shut" TO "integritybot_fixer"`},
		{"view", "seen", []fix.Op{fix.Update}, "is not a table"},
		{"row security", "hidden", []fix.Op{fix.Update}, "BYPASSRLS"},
		{"no such table", "order", []fix.Op{fix.Update}, "did you mean orders?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := x.MayChange(t.Context(), c.table, c.ops)
			if c.want == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(sentence(t, err), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestFixBusy(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	x := fixer(t, dsn)
	next := &fix.Batch{}
	if why, err := x.Busy(t.Context(), fix.Plan{}, nil, next); err != nil || why != "" {
		t.Errorf("an idle database is busy: %q, %v", why, err)
	}
	busy := fixer(t, dsn, func(o *FixOptions) { o.Polite.LongestTransaction = 1 })
	conn := dial(t, dsn)
	if _, err := conn.Exec(t.Context(), "BEGIN; SELECT 1"); err != nil {
		t.Fatal(err)
	}
	if why, err := busy.Busy(t.Context(), fix.Plan{}, nil, next); err != nil || !strings.Contains(why, "a transaction is open") {
		t.Errorf("got %q, %v", why, err)
	}
	if why, err := busy.Busy(t.Context(), fix.Plan{}, nil, nil); err != nil || why != "" {
		t.Errorf("after the last batch: %q, %v", why, err)
	}
}
