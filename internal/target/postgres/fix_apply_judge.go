package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/fix"
)

// seen is a row that was looked at under its lock.
type seen struct {
	rows   int  // with this key
	locked bool // by us
	same   bool // as when the plan was made
	unless bool // the form's condition holds
}

// judge locks the rows of changes and looks at each: it is still as it was, or
// its atom is left alone with the reason. Nothing is written. Without wait,
// what others have locked is passed by; with it, waiting may end in an error of
// the server.
func (w *work) judge(ctx context.Context, changes []int, wait bool) error {
	var order []int
	forms := map[int][]int{}
	for _, i := range changes {
		c := w.batch.Changes[i]
		if op := w.forms[c.Form].Op; op == fix.Validate || (op == fix.Insert && !w.fates[i].first) {
			continue
		}
		if _, ok := forms[c.Form]; !ok {
			order = append(order, c.Form)
		}
		forms[c.Form] = append(forms[c.Form], i)
	}
	for _, form := range order {
		if err := w.judgeForm(ctx, forms[form], wait); err != nil {
			return err
		}
	}
	// Only now, so that a reason of its own comes before that of its atom.
	for _, i := range changes {
		if w.fates[i].why != "" {
			w.leave(w.fates[i].atom, fix.WhyGroup)
		}
	}
	return nil
}

func (w *work) judgeForm(ctx context.Context, changes []int, wait bool) error {
	f, s, b := w.bundle(changes)
	found := map[int]*seen{}
	for _, i := range changes {
		found[i] = &seen{}
	}
	if f.Op == fix.Insert {
		if err := w.lookFree(ctx, f, s, b, found); err != nil {
			return err
		}
	} else if err := w.lockAndLook(ctx, f, s, b, found, wait); err != nil {
		return err
	}
	for _, i := range changes {
		fate := &w.fates[i]
		why, err := w.why(f, found[i], fate.first)
		if err != nil {
			return err
		}
		fate.why, fate.same = why, found[i].same
		fate.made = why == "" && f.Op == fix.Keep
	}
	return nil
}

// why is the reason to leave a row alone, or empty. Whether a row that an earlier
// change of the batch is about is there, and the same, is seen when its turn
// comes.
func (w *work) why(f fix.Form, row *seen, first bool) (fix.Why, error) {
	switch {
	case row.rows > 1:
		return "", problemf("The key of a change fits %d rows of %s on Postgres %s: it has to tell rows apart.", row.rows, f.Table, w.x.t.opts.Place)
	case f.Op == fix.Insert && row.rows > 0:
		return fix.WhyTaken, nil
	case f.Op == fix.Insert && row.unless:
		return fix.WhyUnless, nil
	case f.Op == fix.Insert:
		return "", nil
	case row.rows == 0 && !first:
		return "", nil
	case row.rows == 0:
		return fix.WhyGone, nil
	case !row.locked:
		return fix.WhyLocked, nil
	case !row.same && first:
		return fix.WhyChanged, nil
	case row.unless:
		return fix.WhyUnless, nil
	}
	return "", nil
}

// lockAndLook takes two statements, because the second has to see all that was
// committed before the locks were ours.
func (w *work) lockAndLook(ctx context.Context, f fix.Form, s *shape, b *bundle, found map[int]*seen, wait bool) error {
	from := fmt.Sprintf("%s JOIN %s AS t ON %s", b.sql(), s.table, s.keyIs("t", "ib", f.Key))
	strength := "FOR UPDATE OF t"
	switch f.Op {
	case fix.Update: // does not keep others from referring to the row
		strength = "FOR NO KEY UPDATE OF t"
	case fix.Keep:
		strength = "FOR SHARE OF t" // it is to stay as it is until the end, too
	default:
	}
	if !wait {
		strength += " SKIP LOCKED"
	}
	err := w.each(ctx, "SELECT ib.ib_i FROM "+from+" "+strength, b.args, func(rows pgx.Rows) error {
		var i int
		err := rows.Scan(&i)
		if err == nil {
			found[i].locked = true
		}
		return err
	})
	if err != nil {
		return err
	}
	sql := fmt.Sprintf("SELECT ib.ib_i, %s, %s FROM %s", s.same(f), condition(f.Unless), from)
	return w.each(ctx, sql, b.args, func(rows pgx.Rows) error {
		var i int
		var same, unless bool
		err := rows.Scan(&i, &same, &unless)
		if err == nil {
			found[i].rows, found[i].same, found[i].unless = found[i].rows+1, same, unless
		}
		return err
	})
}

// lookFree asks whether the keys of rows to be inserted are free. In the form's
// condition t is the row to be.
func (w *work) lookFree(ctx context.Context, f fix.Form, s *shape, b *bundle, found map[int]*seen) error {
	sql := fmt.Sprintf(`SELECT ib.ib_i, (SELECT count(*) FROM (SELECT FROM %s AS ib_t WHERE %s LIMIT 1) AS ib_one), %s
FROM %s, LATERAL (SELECT (ib.ib_a::%s).*) AS t`,
		s.table, s.keyIs("ib_t", "ib", f.Key), condition(f.Unless), b.sql(), s.table)
	return w.each(ctx, sql, b.args, func(rows pgx.Rows) error {
		var i, taken int
		var unless bool
		err := rows.Scan(&i, &taken, &unless)
		if err == nil {
			found[i].rows, found[i].unless = taken, unless
		}
		return err
	})
}
