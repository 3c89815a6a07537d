package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/fix"
)

// write makes one step. left are the changes that turned out not to be possible.
func (w *work) write(ctx context.Context, step []int) (left []int, err error) {
	if f := w.forms[w.batch.Changes[step[0]].Form]; f.Op == fix.Validate {
		return w.prove(ctx, f, step)
	}
	f, s, b := w.bundle(step)
	switch f.Op {
	case fix.Insert:
		return nil, w.insert(ctx, f, s, b, step)
	case fix.Keep: // has its lock
		for _, i := range step {
			w.fates[i].made = true
		}
		return nil, nil
	default:
	}
	do := "UPDATE " + s.table + " AS t SET " + s.sets(f) + " FROM ib_seen"
	after := "(t.*)::text"
	if f.Op != fix.Update {
		do, after = "DELETE FROM "+s.table+" AS t USING ib_seen", "NULL::text"
	}
	sql := fmt.Sprintf(`WITH ib_seen AS MATERIALIZED (
  SELECT ib.*, (t.*)::text AS ib_before, ib.ib_same OR (%s) AS ib_right, %s AS ib_held FROM %s JOIN %s AS t ON %s),
ib_done AS (%s WHERE %s AND ib_seen.ib_right AND NOT ib_seen.ib_held RETURNING ib_seen.ib_i, %s AS ib_after)
SELECT s.ib_i, s.ib_right, s.ib_held, s.ib_before, d.ib_i IS NOT NULL, d.ib_after FROM ib_seen s LEFT JOIN ib_done d USING (ib_i)`,
		s.same(f), condition(f.Held), b.sql(), s.table, s.keyIs("t", "ib", f.Key), do, s.keyIs("t", "ib_seen", f.Key), after)
	there := map[int]bool{}
	err = w.each(ctx, sql, b.args, func(rows pgx.Rows) error {
		var i int
		var right, held, made bool
		var before, after *string
		if err := rows.Scan(&i, &right, &held, &before, &made, &after); err != nil {
			return err
		}
		there[i] = true
		switch fate := &w.fates[i]; {
		case !right:
			fate.why = fix.WhyChanged
		case held:
			fate.why = fix.WhyDependant
		case made:
			fate.made, fate.before, fate.after = true, before, after
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, i := range step {
		fate := &w.fates[i]
		if !there[i] {
			fate.why = fix.WhyGone
		}
		switch {
		case fate.why != "":
			left = append(left, i)
		case !fate.made:
			return nil, w.swallowed(ctx, f)
		}
	}
	return left, nil
}

// insert puts rows back, exactly.
func (w *work) insert(ctx context.Context, f fix.Form, s *shape, b *bundle, step []int) error {
	names, values := s.written("(ib_row.ib_r)")
	tag, err := w.affect(ctx, fmt.Sprintf(`INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE
SELECT %s FROM (SELECT ib.ib_i, ib.ib_a::%s AS ib_r FROM %s OFFSET 0) AS ib_row ORDER BY ib_row.ib_i`,
		s.table, names, values, s.table, b.sql()), b.args)
	if err != nil {
		return err
	}
	if tag != int64(len(step)) {
		return w.swallowed(ctx, f)
	}
	exact := 0
	err = w.each(ctx, fmt.Sprintf("SELECT ib.ib_i, (t.*)::text, (t.*)::text = ib.ib_a FROM %s JOIN %s AS t ON %s", b.sql(), s.table, s.keyIs("t", "ib", f.Key)),
		b.args, func(rows pgx.Rows) error {
			var i int
			var row string
			var same bool
			err := rows.Scan(&i, &row, &same)
			if err == nil && same {
				exact++
				w.fates[i].made, w.fates[i].after = true, &row
			}
			return err
		})
	if err == nil && exact != len(step) {
		return w.altered(ctx, f)
	}
	return err
}

// prove validates a foreign key. left are those that need no proof any more.
func (w *work) prove(ctx context.Context, f fix.Form, step []int) (left []int, err error) {
	former := w.timeout
	w.timeout = w.x.validate
	defer func() { w.timeout = former }()
	const limit = "SELECT set_config('statement_timeout', $1, true)"
	if err := w.exec(ctx, limit, millis(w.timeout)); err != nil {
		return nil, err
	}
	for _, i := range step {
		var did *bool
		err := w.each(ctx, "SELECT integritybot.validate_constraint($1::text::regclass, $2)", []any{f.Table, f.Name},
			func(rows pgx.Rows) error { return rows.Scan(&did) })
		switch {
		case err != nil:
			return nil, err
		case did == nil:
			w.fates[i].why = fix.WhyGone
		case !*did:
			w.fates[i].why = fix.WhyUnless
		default:
			w.fates[i].made = true
		}
		if w.fates[i].why != "" {
			left = append(left, i)
		}
	}
	return left, w.exec(ctx, limit, millis(former))
}
