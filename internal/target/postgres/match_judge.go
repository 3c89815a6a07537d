package postgres

import (
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
)

// judgeAt makes the exact judgement for a run that began at a moment.
func (w *Match) judgeAt(c *comparison, now time.Time) {
	s := c.judge.subject
	c.left.judged = all(s.where, s.old(now), s.recent(now, c.r.opts.Since), "("+w.states()+")")
	c.judge = &judgement{
		subject: s,
		left:    w.leftColumns(c),
		judged:  c.left.judged,
		right:   func(where string) string { return w.rightRows(c, where, now) },
		way:     w.way(),
		shown:   w.shown(),
		row:     w.complete,
	}
	if w.Unmatched == "report" {
		c.strays = w.strays(c, now)
	}
}

// states is the condition of left rows that are judged by their state.
func (w *Match) states() string {
	parts := []string{w.expected()}
	for _, f := range w.Left.Forbid {
		parts = append(parts, "(("+f.Where+") IS TRUE)")
	}
	return strings.Join(parts, " OR ")
}

// leftColumns are: due, what the right rows must come to; unwanted, the class
// of a match that must not be; cur, the currency.
func (w *Match) leftColumns(c *comparison) string {
	unwanted := "NULL::text"
	if len(w.Left.Forbid) > 0 {
		unwanted = "CASE WHEN " + w.expected() + " THEN NULL"
		for _, f := range w.Left.Forbid {
			unwanted += fmt.Sprintf(" WHEN (%s) THEN '%s'", f.Where, f.Class)
		}
		unwanted += " END"
	}
	return fmt.Sprintf("CASE WHEN %s THEN (%s)::numeric ELSE 0 END AS due, %s AS unwanted, %s AS cur",
		w.expected(), w.Left.Amount, unwanted, orNull(c.left.currency))
}

func orNull(text string) string {
	if text == "" {
		return "NULL::text"
	}
	return text
}

// pieces groups right rows by key and currency: what they come to, how many
// add, and when the last of them came.
func (w *Match) pieces(c *comparison, where string) string {
	n := len(c.right.key)
	latest := "NULL::timestamptz"
	if w.Right.Time != "" {
		latest = fmt.Sprintf("max(%s)::timestamptz", named(c.right.table, c.right.alias, w.Right.Time))
	}
	first := strings.Replace(latest, "max(", "min(", 1)
	signed := fmt.Sprintf("(%s)::numeric", w.Right.Amount)
	if c.right.negative != "FALSE" {
		signed = fmt.Sprintf("CASE WHEN %s THEN -%s ELSE %[2]s END", c.right.negative, signed)
	}
	return fmt.Sprintf(`SELECT %s, %s AS cur, coalesce(sum(%s), 0) AS net, count(*) FILTER (WHERE NOT %s) AS adds, %s AS latest, %s AS earliest
FROM %s WHERE %s AND %s GROUP BY %s`,
		keyAs(c.right.alias, c.right.key), orNull(c.right.currency), signed, c.right.negative, latest, first,
		c.right.from(), where, c.right.where, ordinals(n+1))
}

// rightRows is what the right rows of each left row come to: net and adds in
// its own currency; foreign, what is left in others, and which; young, whether
// the last of them is too young for judgement.
func (w *Match) rightRows(c *comparison, where string, now time.Time) string {
	same := "ib_p.cur IS NOT DISTINCT FROM ib_l.cur"
	keys := keyNames("ib_l", c.left.key)
	for i := range keys {
		keys[i] += fmt.Sprintf(" AS k%d", i+1)
	}
	beyond := fmt.Sprintf("NOT (%s) AND abs(ib_p.net) > %s", same, major(w.Tolerance, w.Scale))
	return fmt.Sprintf(`ib_p AS (%s),
ib_r AS (SELECT %s, coalesce(sum(ib_p.net) FILTER (WHERE %s), 0) AS net, coalesce(sum(ib_p.adds) FILTER (WHERE %[3]s), 0) AS adds,
       coalesce(bool_or(%s), FALSE) AS is_foreign, sum(abs(ib_p.net)) FILTER (WHERE %[4]s) AS outside,
       string_agg(ib_p.net || ' ' || coalesce(ib_p.cur, '?'), ', ' ORDER BY ib_p.cur) FILTER (WHERE %[4]s) AS others,
       min(ib_p.cur) FILTER (WHERE %[4]s) AS other, coalesce(max(ib_p.latest) > %s, FALSE) AS young
FROM ib_l JOIN ib_p ON %s GROUP BY %s)`,
		w.pieces(c, where), strings.Join(keys, ", "), same, beyond, moment(now.Add(-time.Duration(w.MinAge))),
		joinKeys("ib_l", "ib_p", len(keys)), ordinals(len(keys)))
}

// way classifies. The order matters: what is too young says nothing; money in
// another currency explains what is missing in the right one.
func (w *Match) way() string {
	tolerance := major(w.Tolerance, w.Scale)
	net := "coalesce(ib_r.net, 0)"
	young := ""
	if w.MinAge > 0 {
		young = "WHEN ib_r.young THEN NULL "
	}
	return fmt.Sprintf(`CASE %[1]sWHEN ib_l.unwanted IS NOT NULL THEN CASE WHEN abs(%[2]s) > %[3]s OR ib_r.is_foreign THEN ib_l.unwanted END
WHEN ib_l.due IS NULL THEN '%[4]s'
WHEN ib_r.is_foreign THEN '%[5]s'
WHEN abs(%[2]s - ib_l.due) <= %[3]s THEN NULL
WHEN %[2]s > ib_l.due THEN CASE WHEN %[9]s THEN '%[6]s' ELSE '%[7]s' END
WHEN %[2]s <= %[3]s AND ib_l.due > %[3]s THEN '%[8]s'
ELSE '%[10]s' END`,
		young, net, tolerance, w.class(wayNoAmount), w.class(wayCurrency), w.class(wayTwice), w.class(wayMore), w.class(wayMissing),
		w.twice(), w.class(wayLess))
}

// twice is the condition of the whole amount having come several times: more
// than one row, and a multiple of what is due.
func (w *Match) twice() string {
	return fmt.Sprintf(`ib_r.adds > 1 AND ib_l.due > %[1]s AND round(ib_r.net / nullif(ib_l.due, 0)) > 1
  AND abs(ib_r.net - round(ib_r.net / nullif(ib_l.due, 0)) * ib_l.due) <= %[1]s`, major(w.Tolerance, w.Scale))
}

func (w *Match) shown() []string {
	shown := []string{
		"ib_l.due::text AS expected", "coalesce(ib_r.net, 0)::text AS matched",
		"(coalesce(ib_r.net, 0) - ib_l.due)::text AS difference",
		"ib_r.outside::text AS outside", "ib_r.other AS other",
	}
	if w.Right.Currency != "" {
		shown = append(shown, "ib_r.others AS others")
	}
	return shown
}

// complete makes a row of what is shown. At stake is the difference; in a wrong
// currency it is what is due in the right one; where nothing is due or known, it
// is all that was matched.
func (w *Match) complete(row *check.Row, way string, shown []*string) {
	row.Class = way
	due, matched, difference, outside, other := shown[0], shown[1], shown[2], shown[3], shown[4]
	row.Values = append(row.Values, due, matched, difference)
	row.Values = append(row.Values, shown[5:]...)
	switch {
	case way == w.class(wayNoAmount):
		row.Money = amount(matched)
	case way == w.class(wayCurrency):
		row.Money = amount(due)
	default:
		row.Money = amount(difference)
		if row.Money.Valid && row.Money.Decimal.IsZero() && outside != nil {
			row.Money = amount(outside)
			if other != nil {
				row.Currency = *other
			}
		}
	}
}

// strays are right rows whose key no left row has and that do not come to zero.
func (w *Match) strays(c *comparison, now time.Time) *strays {
	n := len(c.right.key)
	tolerance := major(w.Tolerance, w.Scale)
	cutoff := "TRUE"
	if w.MinAge > 0 && w.Right.Time != "" {
		cutoff = fmt.Sprintf("coalesce(max(latest) <= %s, TRUE)", moment(now.Add(-time.Duration(w.MinAge))))
	}
	if c.r.opts.Since > 0 && w.Right.Time != "" {
		cutoff += fmt.Sprintf(" AND max(latest) >= %s", moment(now.Add(-c.r.opts.Since)))
	}
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("k%d::text", i+1)
	}
	picked := strings.Join(keys, ", ")
	grouped := func(where string) string {
		return fmt.Sprintf("FROM (%s) AS ib_p GROUP BY %s HAVING bool_or(abs(net) > %s) AND %s",
			w.pieces(c, where), ordinals(n), tolerance, cutoff)
	}
	width := len(c.judge.subject.shown)
	return &strays{
		way:  w.class(wayStray),
		keys: func(where string) string { return "SELECT " + picked + " " + grouped(where) },
		full: func(where string) string {
			return fmt.Sprintf(`SELECT %s, (array_agg(net::text ORDER BY abs(net) DESC, cur))[1], (array_agg(cur ORDER BY abs(net) DESC, cur))[1],
       string_agg(net || ' ' || coalesce(cur, '?'), ', ' ORDER BY cur), min(earliest) %s`, picked, grouped(where))
		},
		scan: func(rows pgx.Rows) (Failing, error) { return w.scanStray(rows, c.judge.subject, n, width) },
	}
}

// scanStray makes a row of a stray: of the left table's columns it has only
// those of the key.
func (w *Match) scanStray(rows pgx.Rows, s *subject, n, width int) (Failing, error) {
	row := check.Row{Key: make([]string, n), Values: make([]*string, width)}
	var net, currency, others *string
	var at *time.Time
	dest := make([]any, 0, n+4)
	for i := range row.Key {
		dest = append(dest, &row.Key[i])
	}
	if err := rows.Scan(append(dest, &net, &currency, &others, &at)...); err != nil {
		return Failing{}, fmt.Errorf("read rows that match nothing: %w", err)
	}
	for i, c := range s.shown {
		for j, k := range s.key {
			if c.Name == k.Name {
				row.Values[i] = &row.Key[j]
			}
		}
	}
	row.Class = w.class(wayStray)
	row.Values = append(row.Values, nil, net, net)
	if w.Right.Currency != "" {
		row.Values = append(row.Values, others)
	}
	if currency != nil {
		row.Currency = *currency
	}
	row.Money = amount(net)
	if at != nil {
		row.At = at.UTC()
	}
	return Failing{Row: row}, nil
}
