//go:build cgo

package postgres

import (
	"strings"
	"testing"
)

// hostile statements: each does harm, or could, in a read-only transaction or
// out of it.
func hostile() map[string]string {
	return map[string]string{
		"program":               `COPY (SELECT 1) TO PROGRAM 'rm -rf /'`,
		"program from":          `COPY t FROM PROGRAM 'curl x'`,
		"file":                  `COPY t TO '/tmp/x'`,
		"stdout":                `COPY t TO STDOUT`,
		"block":                 `DO $$ BEGIN PERFORM 1; END $$`,
		"terminate":             `SELECT pg_terminate_backend(1)`,
		"terminate, hidden":     `SELECT id FROM orders WHERE pg_catalog.pg_terminate_backend(id) IS NULL`,
		"cancel":                `SELECT pg_cancel_backend(1)`,
		"read file":             `SELECT pg_read_file('/etc/passwd')`,
		"read binary file":      `SELECT pg_read_binary_file('/etc/passwd')`,
		"list files":            `SELECT * FROM pg_ls_dir('/')`,
		"stat file":             `SELECT * FROM pg_stat_file('/etc/passwd')`,
		"import":                `SELECT lo_import('/etc/passwd')`,
		"export":                `SELECT lo_export(1, '/tmp/x')`,
		"large object":          `SELECT lo_get(1)`,
		"dblink":                `SELECT * FROM dblink('host=x', 'DELETE FROM t') AS t(a int)`,
		"dblink exec":           `SELECT dblink_exec('x', 'DELETE FROM t')`,
		"set a setting":         `SELECT set_config('default_transaction_read_only', 'off', false)`,
		"read a setting":        `SELECT current_setting('data_directory')`,
		"next value":            `SELECT nextval('s')`,
		"set value":             `SELECT setval('s', 1)`,
		"last value":            `SELECT lastval()`,
		"into":                  `SELECT * INTO x FROM t`,
		"for update":            `SELECT * FROM t FOR UPDATE`,
		"for share":             `SELECT * FROM t FOR KEY SHARE SKIP LOCKED`,
		"for update inside":     `SELECT * FROM (SELECT * FROM t FOR UPDATE) s`,
		"delete in with":        `WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d`,
		"update in with":        `WITH d AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM d`,
		"insert in with":        `WITH d AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM d`,
		"insert in with inside": `SELECT * FROM t WHERE id IN (WITH d AS (INSERT INTO t VALUES (1) RETURNING id) SELECT id FROM d)`,
		"merge":                 `MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE`,
		"two":                   `SELECT 1; SELECT 2`,
		"two, one bad":          `SELECT 1; DROP TABLE t`,
		"none":                  `-- nothing`,
		"empty":                 `;`,
		"sleep":                 `SELECT pg_sleep(3600)`,
		"sleep for":             `SELECT pg_sleep_for('1 hour')`,
		"lock":                  `SELECT pg_advisory_lock(1)`,
		"try lock":              `SELECT pg_try_advisory_xact_lock(1)`,
		"unlock":                `SELECT pg_advisory_unlock_all()`,
		"query in a string":     `SELECT query_to_xml('DELETE FROM t', true, true, '')`,
		"table in a string":     `SELECT table_to_xml('t', true, true, '')`,
		"cursor in a string":    `SELECT database_to_xml(true, true, '')`,
		"statistics":            `SELECT ts_stat('SELECT 1')`,
		"reload":                `SELECT pg_reload_conf()`,
		"rotate":                `SELECT pg_rotate_logfile()`,
		"promote":               `SELECT pg_promote()`,
		"switch":                `SELECT pg_switch_wal()`,
		"slot":                  `SELECT pg_create_logical_replication_slot('x', 'y')`,
		"notify":                `SELECT pg_notify('x', 'y')`,
		"notify statement":      `NOTIFY x`,
		"listen":                `LISTEN x`,
		"reset statistics":      `SELECT pg_stat_reset()`,
		"snapshot":              `SELECT pg_export_snapshot()`,
		"passwords":             `SELECT rolpassword FROM pg_authid`,
		"shadow":                `SELECT * FROM pg_catalog.pg_shadow`,
		"others' statements":    `SELECT query FROM pg_stat_activity`,
		"settings":              `SELECT * FROM pg_settings`,
		"hba":                   `SELECT * FROM pg_hba_file_rules`,
		"mappings":              `SELECT * FROM pg_user_mappings`,
		"a function of theirs":  `SELECT public.cleanup()`,
		"an unknown function":   `SELECT cleanup()`,
		"an operator of theirs": `SELECT 1 OPERATOR(public.+) 1`,
		"an unknown operator":   `SELECT id <=> 1 FROM t`,
		"who":                   `SELECT session_user`,
		"random":                `SELECT random()`,
		"generate in from":      `SELECT * FROM pg_logical_slot_get_changes('x', NULL, NULL)`,
		"explain":               `EXPLAIN ANALYZE DELETE FROM t`,
		"prepare":               `PREPARE p AS SELECT 1`,
		"execute":               `EXECUTE p`,
		"call":                  `CALL p()`,
		"set":                   `SET default_transaction_read_only = off`,
		"begin":                 `BEGIN READ WRITE`,
		"commit":                `COMMIT`,
		"create":                `CREATE TABLE t (a int)`,
		"create as":             `CREATE TABLE t AS SELECT 1`,
		"vacuum":                `VACUUM`,
		"lock table":            `LOCK TABLE t`,
		"update":                `UPDATE t SET a = 1`,
		"parameter":             `SELECT $1`,
		"sample":                `SELECT * FROM t TABLESAMPLE system (1)`,
		"xml":                   `SELECT xmlparse(document '<a/>')`,
		"broken":                `SELECT FROM WHERE`,
		"a string left open":    `SELECT 'x`,
		"a comment left open":   `SELECT 1 /* x`,
		"nothing at all":        ``,
		"explain in a union":    `SELECT 1 UNION SELECT pg_backend_pid()`,
		"sort by function":      `SELECT id FROM t ORDER BY pg_sleep(1)`,
		"limit by function":     `SELECT id FROM t LIMIT (SELECT nextval('s'))`,
		"window by function":    `SELECT count(*) OVER (ORDER BY setval('s', 1)) FROM t`,
		"case":                  `SELECT CASE WHEN pg_try_advisory_lock(1) THEN 1 END`,
		"quoted name":           `SELECT "pg_sleep"(1)`,
		"unicode name":          `SELECT U&"pg\005fsleep"(1)`,
	}
}

func TestGuardRefusesTheHostile(t *testing.T) {
	t.Parallel()
	for name, sql := range hostile() {
		t.Run(name, func(t *testing.T) {
			if clean, err := GuardQuery(sql); err == nil {
				t.Errorf("accepted %s as %q", sql, clean)
			}
		})
	}
}

func TestGuardAcceptsTheLegitimate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sql, want string }{
		"plain":                                {`SELECT id FROM orders`, `SELECT id FROM orders`},
		"semicolon":                            {" SELECT id FROM orders ; ", `SELECT id FROM orders`},
		"a remark":                             {"SELECT id -- the key\nFROM orders; -- done", "SELECT id -- the key\nFROM orders"},
		"runbook":                              {`SELECT o.id, o.total_amount, SUM(oi.quantity * oi.unit_price) AS t FROM orders o JOIN order_items oi ON o.id = oi.order_id GROUP BY o.id, o.total_amount HAVING o.total_amount != SUM(oi.quantity * oi.unit_price)`, ""},
		"with":                                 {`WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM x WHERE n < 5) SELECT n FROM x`, ""},
		"windows":                              {`SELECT id, row_number() OVER (PARTITION BY email ORDER BY created_at DESC NULLS LAST) FROM customers`, ""},
		"exists":                               {`SELECT id FROM orders o WHERE NOT EXISTS (SELECT FROM customers c WHERE c.id = o.customer_id) AND created_at < now() - interval '10 min'`, ""},
		"any":                                  {`SELECT id FROM orders WHERE status = ANY (ARRAY['A', 'B']) OR total NOT BETWEEN 1 AND 2 OR note LIKE 'a%' OR note !~* 'b'`, ""},
		"json":                                 {`SELECT id FROM events WHERE payload->>'a' IS NULL AND payload @> '{"b": 1}'::jsonb`, ""},
		"sets":                                 {`SELECT id FROM a EXCEPT SELECT id FROM b ORDER BY 1 LIMIT 10`, ""},
		"lateral":                              {`SELECT o.id FROM orders o CROSS JOIN LATERAL (SELECT count(*) AS n FROM items i WHERE i.order_id = o.id) c WHERE c.n = 0`, ""},
		"cases":                                {`SELECT CASE status WHEN 'A' THEN 1 ELSE 2 END, coalesce(a, 0), nullif(b, 0), greatest(a, b), extract(year FROM at), current_date FROM t`, ""},
		"sequences":                            {`SELECT schemaname, sequencename FROM pg_sequences WHERE last_value > max_value * 0.8`, ""},
		"schema":                               {`SELECT table_name FROM information_schema.tables`, ""},
		"a table whose name begins alike":      {`SELECT id FROM pgbench_accounts WHERE abalance IS NULL`, ""},
		"generated":                            {`SELECT d FROM generate_series(1, 10) AS d WHERE d NOT IN (SELECT n FROM t)`, ""},
		"an accent before the statement's end": {`SELECT 'é' AS a FROM t ; `, `SELECT 'é' AS a FROM t`},
		"filter":                               {`SELECT count(*) FILTER (WHERE a > 1), string_agg(b, ',' ORDER BY b) FROM t GROUP BY GROUPING SETS ((a), ())`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			clean, err := GuardQuery(c.sql)
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			if c.want != "" && clean != c.want {
				t.Errorf("gave %q, want %q", clean, c.want)
			}
		})
	}
}

func TestGuardExpression(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql string
		ok  bool
	}{
		"nothing":             {"", true},
		"comparison":          {"total < 0", true},
		"brackets in text":    {"note = ')('", true},
		"subquery":            {"id IN (SELECT id FROM t)", true},
		"a remark at the end": {"total < 0 -- never", true},
		"amount":              {"quantity * unit_price", true},
		"reaching out":        {"true) OR (true", false},
		"union":               {"true) UNION SELECT (1", false},
		"grouping":            {"true) GROUP BY (1", false},
		"two statements":      {"true); DROP TABLE t; SELECT (1", false},
		"a semicolon":         {"total < 0;", false},
		"two expressions":     {"1, 2", false},
		"a sleep":             {"pg_sleep(1) IS NULL", false},
		"open":                {"(total < 0", false},
		"words":               {"total is less than nothing", false},
		"a remark that hides": {"true /*", false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := GuardExpression(c.sql); (err == nil) != c.ok {
				t.Errorf("%s: %v", c.sql, err)
			}
		})
	}
}

// FuzzGuard looks for text that the guard accepts and that holds a word no
// accepted statement may hold as a command.
func FuzzGuard(f *testing.F) {
	for _, sql := range hostile() {
		f.Add(sql)
	}
	f.Add(`SELECT id FROM orders WHERE total < 0`)
	f.Fuzz(func(t *testing.T, sql string) {
		clean, err := GuardQuery(sql)
		if err != nil {
			return
		}
		again, err := GuardQuery(clean)
		if err != nil || again != clean {
			t.Errorf("%q was made %q, which gives %q, %v", sql, clean, again, err)
		}
		first := strings.ToUpper(strings.TrimLeft(withoutRemarks(clean), " \t\r\n\f\v("))
		for _, word := range []string{"SELECT", "WITH", "VALUES", "TABLE"} {
			if strings.HasPrefix(first, word) {
				return
			}
		}
		t.Errorf("%q begins with something else", clean)
	})
}

// withoutRemarks strips remarks at the beginning of a statement.
func withoutRemarks(sql string) string {
	for {
		sql = strings.TrimLeft(sql, " \t\r\n\f\v(")
		switch {
		case strings.HasPrefix(sql, "--"):
			end := strings.IndexAny(sql, "\r\n")
			if end < 0 {
				return ""
			}
			sql = sql[end+1:]
		case strings.HasPrefix(sql, "/*"):
			depth, i := 0, 0
			for i < len(sql) {
				switch {
				case strings.HasPrefix(sql[i:], "/*"):
					depth, i = depth+1, i+2
				case strings.HasPrefix(sql[i:], "*/"):
					depth, i = depth-1, i+2
				default:
					i++
				}
				if depth == 0 {
					break
				}
			}
			sql = sql[i:]
		default:
			return sql
		}
	}
}
