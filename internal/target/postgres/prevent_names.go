package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// maxName is how long a name may be in Postgres, in bytes. A longer one would be
// cut silently, and then meet another.
const maxName = 63

// cleanName makes letters, digits and underscores of any text: names that we
// give need no quotes, and are safe as file names.
func cleanName(text string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(text) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			b.WriteRune(r)
			gap = false
		} else {
			gap = true
		}
	}
	if b.Len() == 0 {
		return "unnamed_" + nameDigest(text)
	}
	return short(b.String(), text, maxName)
}

// short cuts a name; what is cut off is replaced by a digest of all of it.
func short(name, whole string, most int) string {
	if len(name) <= most {
		return name
	}
	d := "_" + nameDigest(whole)
	return strings.TrimRight(name[:most-len(d)], "_") + d
}

func nameDigest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

const freeNameSQL = `
SELECT u.name FROM unnest($2::text[]) WITH ORDINALITY AS u(name, pos), pg_namespace n
WHERE n.nspname = $1
  AND NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = u.name)
  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.connamespace = n.oid AND c.conname = u.name)
  AND NOT EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = n.oid AND p.proname = u.name)
  AND NOT EXISTS (SELECT FROM pg_type y WHERE y.typnamespace = n.oid AND y.typname = u.name)
ORDER BY u.pos LIMIT 1`

// free finds a name that nothing in the schema has and this migration has not
// given yet: the parts with underscores, behind them the suffix.
func (m *migration) free(ctx context.Context, t *Target, schema string, parts []string, suffix string) (string, error) {
	var names []string
	for n := 1; n <= 99; n++ {
		if name := numberedName(parts, suffix, n); !nameTaken(m.taken, schema, name) {
			names = append(names, name)
		}
	}
	var found string
	err := t.query(ctx, freeNameSQL, []any{schema, names}, func(rows pgx.Rows) error { return rows.Scan(&found) })
	if err == nil && found == "" {
		err = problemf("All names like %s are taken in schema %s.", numberedName(parts, suffix, 1), schema)
	}
	m.taken = append(m.taken, pgx.Identifier{schema, found}.Sanitize())
	return found, err
}

func numberedName(parts []string, suffix string, n int) string {
	end := "_" + suffix
	if n > 1 {
		end = fmt.Sprintf("%s_%d", end, n)
	}
	whole := strings.Join(parts, "_")
	return short(cleanName(whole), whole, maxName-len(end)) + end
}

func nameTaken(taken []string, schema, name string) bool {
	full := pgx.Identifier{schema, name}.Sanitize()
	for _, t := range taken {
		if t == full {
			return true
		}
	}
	return false
}
