package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/fix"
)

// Inverse drafts the way back of a plan, newest change first, from the rows that
// the database itself kept. See [fix.Applier].
func (x *Fixing) Inverse(ctx context.Context, _ fix.Order, undoes fix.Plan, forms []fix.Form) (fix.Draft, error) {
	if signals(forms) {
		return fix.Draft{}, problemf("%s cannot be taken back: %s.", undoes.Ref(), endedForGood)
	}
	u := &undoing{x: x, plan: undoes, keys: map[string][]string{}, shapes: map[string]*shape{}, rows: map[string]*string{}, forms: map[string]int{}}
	u.held, u.refers, u.then = map[string]string{}, map[string]string{}, map[string]string{}
	for _, f := range forms {
		u.keys[f.Table] = f.Key
		u.then[f.Table] = f.Shape
		u.refers[f.Table] = cmp.Or(u.refers[f.Table], f.Refers, f.Held)
	}
	err := x.reading(ctx, "REPEATABLE READ", x.t.opts.StatementTimeout, func(w *work) error {
		w.plan = undoes
		if err := u.load(ctx, w); err != nil {
			return err
		}
		u.walk()
		if err := u.referred(ctx, w); err != nil {
			return err
		}
		return u.describe(ctx, w)
	})
	if err != nil {
		return fix.Draft{}, err
	}
	return u.draft, nil
}

// referred finds out what may refer by now to rows that the way back removes: a
// removal must neither cascade to rows that nobody was shown nor leave orphans.
func (u *undoing) referred(ctx context.Context, w *work) error {
	for table := range u.keys {
		var parts []string
		err := w.each(ctx, referencesSQL, []any{table}, func(rows pgx.Rows) error {
			var name, child, onDelete, onUpdate string
			var columns, refers []string
			if err := rows.Scan(&name, &child, &columns, &refers, &onDelete, &onUpdate); err != nil {
				return err
			}
			// A row that refers to itself does not count.
			on := []string{"(ib_c.tableoid, ib_c.ctid) <> (t.tableoid, t.ctid)"}
			for i := range columns {
				on = append(on, "ib_c."+quoted(columns[i])+" = t."+quoted(refers[i]))
			}
			parts = append(parts, "EXISTS (SELECT 1 FROM "+child+" AS ib_c WHERE "+strings.Join(on, " AND ")+")")
			return nil
		})
		if err != nil {
			return err
		}
		u.held[table] = strings.Join(parts, " OR ")
	}
	return nil
}

// undoing is a way back being worked out.
type undoing struct {
	x      *Fixing
	plan   fix.Plan
	keys   map[string][]string // of each table
	shapes map[string]*shape
	then   map[string]string // the columns of each table when the plan was made
	held   map[string]string // what may refer to a row of each table, by foreign keys
	refers map[string]string // and what the plan's forms say of that
	images []*image          // newest first
	// rows are how rows will be once the changes drafted so far are made; nil:
	// there is none. Rows that are not in it are as they are now.
	rows map[string]*string

	forms map[string]int // by what they say
	back  []*image       // those that are taken back, in that order
	left  []leftImage
	draft fix.Draft
}

// image is one change as the database remembers it, and the rows that have its
// keys now.
type image struct {
	pass, batch, n, group int
	table                 string
	op                    fix.Op
	before, after         *string
	keyBefore, keyAfter   []*string
	oldValues, newValues  []*string // of the columns that can be written
	nowBefore, nowAfter   *string
	undo                  fix.Change // what takes it back
	columns               []string   // that an update sets back
}

type leftImage struct {
	*image
	why string
}

// load reads all images of the plan. The error is a Problem when there are fewer
// than there were changes: a part of a way back is none.
func (u *undoing) load(ctx context.Context, w *work) error {
	var changed, kept int64
	var tables []string
	err := w.each(ctx, `
SELECT coalesce((SELECT sum(changed) FROM integritybot.applied WHERE store = $1 AND plan = $2), -1)::bigint,
       (SELECT count(*) FROM integritybot.before_image WHERE store = $1 AND plan = $2),
       ARRAY(SELECT DISTINCT tbl FROM integritybot.before_image WHERE store = $1 AND plan = $2 AND op <> $3 ORDER BY 1)`,
		[]any{u.x.store, u.plan.ID, string(fix.Validate)}, func(rows pgx.Rows) error { return rows.Scan(&changed, &kept, &tables) })
	place := u.x.t.opts.Place
	switch {
	case err != nil:
		return err
	case changed < 0:
		return problemf("Postgres %s has no record that %s was applied: there is nothing to take back.", place, u.plan.Ref())
	case kept < changed:
		return problemf("%s cannot be taken back any more: the rows as they were before it are kept on Postgres %s for a limited time, which is over.", u.plan.Ref(), place)
	}
	for _, table := range tables {
		if err := u.loadTable(ctx, w, table); err != nil {
			return err
		}
	}
	slices.SortFunc(u.images, func(a, b *image) int {
		return slices.Compare([]int{b.pass, b.batch, b.n}, []int{a.pass, a.batch, a.n})
	})
	return nil
}

func (u *undoing) loadTable(ctx context.Context, w *work, table string) error {
	s := &shape{table: table}
	if err := w.each(ctx, shapeSQL, []any{table}, s.scan); err != nil {
		return err
	}
	key := u.keys[table]
	for _, name := range key {
		if s.column(name).name == "" {
			return problemf("%s cannot be taken back: table %s on Postgres %s has no column %s any more.", u.plan.Ref(), table, u.x.t.opts.Place, name)
		}
	}
	if len(key) == 0 {
		return fmt.Errorf("no form of %s is about %s", u.plan.Ref(), table)
	}
	if then := u.then[table]; then != "" && then != s.text() {
		return problemf("%s cannot be taken back: the columns of table %s on Postgres %s are others than they were then. What was there stands in integritybot.before_image.",
			u.plan.Ref(), tableName(table), u.x.t.opts.Place)
	}
	u.shapes[table] = s
	columns := s.writable()
	now := func(row string) string {
		parts := make([]string, len(key))
		for i, name := range key {
			parts[i] = fmt.Sprintf("t.%s = (ib.%s).%[1]s", quoted(name), row)
		}
		return fmt.Sprintf("(SELECT (t.*)::text FROM %s AS t WHERE %s)", table, strings.Join(parts, " AND "))
	}
	sql := fmt.Sprintf(`SELECT ib.pass, ib.batch, ib.n, ib.grp, ib.op, ib.before, ib.after, %s, %s, %s, %s, %s, %s
FROM (SELECT i.*, i.before::%s AS ib_b, i.after::%[7]s AS ib_a FROM integritybot.before_image i
      WHERE i.store = $1 AND i.plan = $2 AND i.tbl = $3 AND i.op <> $4 OFFSET 0) AS ib`,
		recordTexts("ib_b", key), recordTexts("ib_a", key), recordTexts("ib_b", columns), recordTexts("ib_a", columns), now("ib_b"), now("ib_a"), table)
	return w.each(ctx, sql, []any{u.x.store, u.plan.ID, table, string(fix.Validate)}, func(rows pgx.Rows) error {
		m := &image{table: table}
		err := rows.Scan(&m.pass, &m.batch, &m.n, &m.group, &m.op, &m.before, &m.after,
			&m.keyBefore, &m.keyAfter, &m.oldValues, &m.newValues, &m.nowBefore, &m.nowAfter)
		u.images = append(u.images, m)
		return err
	})
}

// recordTexts are columns of a record behind ib, as an array of texts.
func recordTexts(record string, columns []string) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = fmt.Sprintf("(ib.%s).%s::text", record, quoted(c))
	}
	return "ARRAY[" + strings.Join(parts, ", ") + "]::text[]"
}

// writable names the columns that can be written.
func (s *shape) writable() []string {
	var out []string
	for _, c := range s.columns {
		if !c.generated {
			out = append(out, c.name)
		}
	}
	return out
}

// walk takes back one change after the other, in thought, and sorts out those
// whose rows are not as the plan left them.
func (u *undoing) walk() {
	poisoned := map[[3]int]bool{}
	for _, m := range u.images {
		why, taken := u.reverse(m)
		if why != "" {
			u.left = append(u.left, leftImage{m, why})
			if taken && m.group != 0 {
				poisoned[m.tied()] = true
			}
			continue
		}
		if m.undo.Key != nil {
			u.back = append(u.back, m)
		}
	}
	// Rows that belong to one that cannot be put back would hang in the air.
	u.back = slices.DeleteFunc(u.back, func(m *image) bool {
		if poisoned[m.tied()] {
			u.left = append(u.left, leftImage{m, "they belong to a row whose key is taken by now"})
		}
		return poisoned[m.tied()]
	})
}

// tied tells which changes were made together.
func (m *image) tied() [3]int { return [3]int{m.pass, m.batch, m.group} }

const (
	leftChanged = "they were changed since"
	leftGone    = "they are gone since"
	leftTaken   = "their keys are taken by now"
	leftBack    = "they are as they were already"
)

// reverse makes the change that takes an image back, or says why not. taken says
// that another row is where one should go.
func (u *undoing) reverse(m *image) (why string, taken bool) {
	before, after := rowOf(m.table, m.keyBefore), rowOf(m.table, m.keyAfter)
	if m.op == fix.Delete || m.op == fix.Quarantine {
		now := u.now(before, m.nowBefore)
		switch {
		case now != nil && m.before != nil && *now == *m.before:
			return leftBack, false
		case now != nil:
			return leftTaken, true
		}
		m.undo = fix.Change{Key: filled(m.keyBefore), After: *m.before}
		u.rows[before] = m.before
		return "", false
	}
	now := u.now(after, m.nowAfter)
	switch {
	case now == nil:
		return leftGone, false
	case m.after == nil || *now != *m.after:
		return leftChanged, false
	case m.op == fix.Insert:
		m.undo = fix.Change{Key: filled(m.keyAfter), Before: *m.after}
		u.rows[after] = nil
		return "", false
	}
	c := fix.Change{Key: filled(m.keyAfter), Before: *m.after}
	for i, name := range u.shapes[m.table].writable() {
		if old, now := m.oldValues[i], m.newValues[i]; !equal(old, now) {
			m.columns = append(m.columns, name)
			c.Old, c.New = append(c.Old, now), append(c.New, old)
		}
	}
	if len(m.columns) > 0 {
		m.undo = c
	}
	u.rows[after] = nil
	u.rows[before] = m.before
	return "", false
}

// now is how a row is at this point of the way back.
func (u *undoing) now(row string, inDatabase *string) *string {
	if r, ok := u.rows[row]; ok {
		return r
	}
	return inDatabase
}

func rowOf(table string, key []*string) string { return rowName(table, filled(key)) }

// filled is a key without NULLs, which a key never has.
func filled(key []*string) []string {
	out := make([]string, len(key))
	for i, k := range key {
		if k != nil {
			out[i] = *k
		}
	}
	return out
}

func equal(a, b *string) bool { return a == b || (a != nil && b != nil && *a == *b) }
