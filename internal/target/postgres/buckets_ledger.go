package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// ledger is one side of a comparison: rows whose amounts are added up by key.
// The expressions may name columns bare or behind the table's own name.
type ledger struct {
	table *Table
	alias string // the table's own quoted name
	key   []Column

	where    string // rows that count at all
	amount   string // what a row is worth
	applies  string // rows whose amount counts; the others only take part
	negative string // rows whose amount counts against; FALSE for none
	currency string // an expression of type text; empty: all money is alike
	unknown  bool   // a NULL amount is wrong: it lights its bucket, as NaN
	judged   string // rows that the check judges: they are counted
}

// from is the table under its alias.
func (l *ledger) from() string { return l.table.SQL() + " AS " + l.alias }

// present is the predicate of rows that have a key at all.
func (l *ledger) present() string {
	var parts []string
	for _, c := range l.key {
		if !c.NotNull {
			parts = append(parts, c.In(l.alias)+" IS NOT NULL")
		}
	}
	if len(parts) == 0 {
		return "TRUE"
	}
	return strings.Join(parts, " AND ")
}

// hash is the hash of the key, a bigint. Columns are chained by the seed, so
// that a key of several columns needs no type of its own. Only for keys that are hashable.
func (l *ledger) hash(seed int64) string {
	sql := fmt.Sprintf("(%d)::bigint", seed)
	for _, c := range l.key {
		switch hashFamily(c.Type) {
		case "integer":
			sql = fmt.Sprintf("hashint8extended(%s::bigint, %s)", c.In(l.alias), sql)
		case "text", "character":
			sql = fmt.Sprintf("hashtextextended(%s::text, %s)", c.In(l.alias), sql)
		case "uuid":
			sql = fmt.Sprintf("uuid_hash_extended(%s, %s)", c.In(l.alias), sql)
		case "numeric":
			sql = fmt.Sprintf("hash_numeric_extended(%s, %s)", c.In(l.alias), sql)
		default:
			return "NULL::bigint" // see hashable
		}
	}
	return sql
}

// hashFamily names the types whose equal values have equal hashes.
func hashFamily(t string) string {
	switch t {
	case "smallint", "integer", "bigint":
		return "integer"
	case "text", "character varying":
		return "text"
	case "character", "uuid", "numeric":
		return t
	}
	return ""
}

// bucket is the predicate-side form of a key's bucket.
func (l *ledger) bucket(seed int64, buckets int) string {
	hash := l.hash(seed)
	return fmt.Sprintf("(%s & %d)::integer", hash, buckets-1)
}

// hashed is the name of the hash inside a sums statement; no sane column has it.
const hashed = `"#hash"`

// sums is the statement of one chunk: per bucket the weighted sum, the rows
// read and the rows judged. The hash is
// computed once per row: OFFSET 0 keeps the subquery from being flattened, which
// would compute it for the bucket and again for the weight.
func (l *ledger) sums(seed int64, buckets int, scope string) string {
	hash := l.hash(seed)
	return fmt.Sprintf(`SELECT (%[1]s & %[2]d)::integer, (%[3]s)::text, count(*), %[4]s
FROM (SELECT %[5]s AS %[1]s, %[6]s.* FROM %[7]s WHERE %[8]s OFFSET 0) AS %[6]s
GROUP BY 1`, hashed, buckets-1, l.sum(), counted(l.judged), hash, l.alias, l.from(), all(scope, l.where, l.present()))
}

// counted counts the rows of a condition. An aggregate costs a twentieth of the
// pass, so none is computed of a constant.
func counted(condition string) string {
	switch condition {
	case "TRUE":
		return "count(*)"
	case "FALSE":
		return "0::bigint"
	}
	return "count(*) FILTER (WHERE " + condition + ")"
}

// all joins conditions, without those that always hold.
func all(conditions ...string) string {
	var parts []string
	for _, c := range conditions {
		if c != "TRUE" {
			parts = append(parts, c)
		}
	}
	if len(parts) == 0 {
		return "TRUE"
	}
	return strings.Join(parts, " AND ")
}

// sum is the weighted sum of the rows that apply.
func (l *ledger) sum() string {
	hash := hashed
	if l.currency != "" {
		hash = fmt.Sprintf("hashtextextended(coalesce(%s, ''), %s)", l.currency, hashed)
	}
	weight := fmt.Sprintf("((%s >> 33) | 1)", hash)
	if l.negative != "FALSE" {
		weight = fmt.Sprintf("(CASE WHEN %s THEN -%s ELSE %[2]s END)", l.negative, weight)
	}
	sum := "sum(" + l.weighted(weight) + ")"
	if l.applies != "TRUE" {
		sum += " FILTER (WHERE " + l.applies + ")"
	}
	return sum
}

var productOfColumns = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(?:\s*\*\s*[A-Za-z_][A-Za-z0-9_]*)*$`)

// weighted is the amount times the weight. In front of a product of columns,
// such as quantity * unit_price, the weight multiplies the first factor only,
// as an integer, which saves a numeric multiplication per row; the others must
// be numeric then, so that nothing can overflow.
func (l *ledger) weighted(weight string) string {
	general := fmt.Sprintf("%s::numeric * (%s)::numeric", weight, l.amount)
	if l.unknown {
		general = fmt.Sprintf("%s::numeric * coalesce((%s)::numeric, 'NaN')", weight, l.amount)
	}
	if l.unknown && productOfColumns.MatchString(l.amount) {
		if c, ok := l.table.Column(strings.ToLower(l.amount)); ok && c.Type == "numeric" {
			return fmt.Sprintf("%s * coalesce(%s, 'NaN')", weight, l.amount)
		}
		return general
	}
	if !productOfColumns.MatchString(strings.TrimSpace(l.amount)) {
		return general
	}
	for i, name := range strings.Split(l.amount, "*") {
		c, ok := l.table.Column(strings.ToLower(strings.TrimSpace(name)))
		small := c.Type == "smallint" || c.Type == "integer"
		if !ok || !(c.Type == "numeric" || i == 0 && small) {
			return general
		}
	}
	return weight + " * " + l.amount
}

// chunkSums is what a chunk of a ledger comes to.
type chunkSums struct {
	sums         []bucketSum
	read, judged int64
}

// readSums reads one chunk.
func (l *ledger) readSums(ctx context.Context, s *Session, sql string, args []any) (chunkSums, error) {
	var c chunkSums
	err := s.Each(ctx, sql, args, func(rows pgx.Rows) error {
		var b bucketSum
		var read, judged int64
		if err := rows.Scan(&b.bucket, &b.sum, &read, &judged); err != nil {
			return fmt.Errorf("read bucket sums of %s: %w", l.table, err)
		}
		c.sums = append(c.sums, b)
		c.read += read
		c.judged += judged
		return nil
	})
	return c, err
}
