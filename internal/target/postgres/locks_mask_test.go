package postgres

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestMaskStatement: values go, whatever they look like; names and words stay.
func TestMaskStatement(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"":       "",
		"COMMIT": "COMMIT",
		"UPDATE orders SET total=-1.50, n = n+1e-5 WHERE id IN (1,2, 0x1F, 1_000)": "UPDATE orders SET total=-?, n = n+? WHERE id IN (?,?, ?, ?)",
		"SELECT 'it''s', '', 'a' 'b'":                                                      "SELECT ?, ?, ? ?",
		"SELECT E'it\\'s', e'\\\\', b'101', X'ff', N'x', U&'d\\0061t'":                     "SELECT ?, ?, ?, ?, ?, ?",
		"select $1, $22 from t1 where a$b = $$x 'y' $$ and c = $tag$ $$ alice $tag$ and d": "select $1, $22 from t1 where a$b = ? and c = ? and d",
		"SELECT 1 /* user=alice /* nested */ still */ -- alice\n\t , 2":                    "SELECT ? , ?",
		"--alice": "",
		"/*alice": "",
		`SELECT "Order Items".x, "weird@alice", "a", "a""b" FROM "public"."orders"`: `SELECT "?".x, "?", "a", "a""b" FROM "public"."orders"`,
		`WHERE email = "alice@example.org"`:                                         `WHERE email = "?"`,
		`SELECT U&"d\0061t" FROM x`:                                                 `SELECT ?`,
		"SELECT a::text, b->>'k', c[1], interval '1 day', .5, 5.":                   "SELECT a::text, b->>?, c[?], interval ?, ?, ?",
		// Cut off by the server.
		"SELECT 'ali":     "SELECT ?",
		"SELECT $tag$ali": "SELECT ?",
		"SELECT $ta":      "SELECT ?",
		`SELECT "ali`:     "SELECT ?",
		"SELECT 12":       "SELECT ?",
		"SELECT E'ali\\":  "SELECT ?",
		"SELECT 'caf\xc3": "SELECT ?",
		// Whether a backslash guards the quote depends on the session.
		`SELECT 'a\' OR name = 'alice'`:                      "SELECT ?…",
		`SELECT 'a\\', 'alice'`:                              "SELECT ?…",
		`SELECT 'C:\dir', x`:                                 "SELECT ?, x",
		"ALTER ROLE app PASSWORD 'alice'":                    "ALTER ROLE app PASSWORD ?",
		"SELECT naïve, größe FROM t WHERE x='é🙂'":            "SELECT naïve, größe FROM t WHERE x=?",
		"BEGIN; INSERT INTO t VALUES (1,'alice',NULL,true);": "BEGIN; INSERT INTO t VALUES (?,?,NULL,true);",
	} {
		if got := maskStatement(sql); got != want {
			t.Errorf("%q is shown as %q, want %q", sql, got, want)
		}
	}
}

// FuzzMaskStatement: a value in quotes is never shown, wherever a statement is
// cut and whatever stands around it.
func FuzzMaskStatement(f *testing.F) {
	f.Add("SELECT ", " FROM t", uint16(9))
	f.Add("SELECT $a$ '", "'$a$ /*", uint16(40))
	f.Add("-- '", "\nE'\\", uint16(3))
	f.Fuzz(func(t *testing.T, before, after string, cut uint16) {
		_ = maskStatement(before) // of whatever is no SQL at all
		if strings.ContainsAny(before, "'\"$\\/-") || strings.Contains(before, "qzq") {
			return // then the value may not be one
		}
		for _, value := range []string{"'qzq'", "'a''qzq'", "$$qzq$$", "$t$qzq$t$", "E'\\'qzq'", "/* qzq */ 1", "5qzq"} {
			sql := before + " " + value + after
			if strings.Contains(after, "qzq") {
				return
			}
			sql = sql[:min(len(sql), int(cut))]
			got := maskStatement(sql)
			if strings.Contains(got, "qzq") {
				t.Errorf("%q is shown as %q", sql, got)
			}
			if !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\t") {
				t.Errorf("%q is shown as %q", sql, got)
			}
		}
	})
}
