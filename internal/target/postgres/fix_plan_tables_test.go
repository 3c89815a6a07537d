package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/pgtest"
)

// smallTables makes a database of a script, ready for fixes.
func smallTables(t *testing.T, script string) (string, *Target) {
	t.Helper()
	dsn := pgtest.Database(t)
	execute(t, dsn, "%s", script)
	makeReady(t, dsn)
	return dsn, open(t, brisk(dsn))
}

// outcomes tells what became of a plan's changes that were left alone.
func outcomes(d fix.Draft, skipped []fix.Skipped) []string {
	out := []string{}
	for _, s := range skipped { // of the one batch that these plans have
		c := d.Content.Changes[s.Index]
		f := d.Content.Forms[c.Form]
		if f.Op != fix.Keep {
			out = append(out, fmt.Sprintf("%s %s: %s", strings.Trim(strings.TrimPrefix(f.Table, `"public".`), `"`), strings.Join(c.Key, ","), s.Why))
		}
	}
	slices.Sort(out)
	return out
}

const familyTables = `
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (a int, b text, parent_id int, note text, PRIMARY KEY (a, b));
CREATE TABLE toy (id int PRIMARY KEY, a int, b text, FOREIGN KEY (a, b) REFERENCES child);
CREATE TABLE wheel (id int PRIMARY KEY, toy_id int REFERENCES toy ON DELETE SET NULL);
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (1, 'ok', 1, NULL), (2, E'x''\n"\\', 9, 'secret'), (2, 'y', 9, NULL), (10, 'z', 8, NULL), (9, '<!channel>', 8, NULL), (3, 'none', NULL, NULL);
INSERT INTO toy VALUES (1, 1, 'ok'), (2, 2, 'y'), (3, 2, 'y'), (4, NULL, NULL);
INSERT INTO wheel VALUES (1, 1), (2, 2), (3, 3), (4, NULL);`

const familyCheck = `{table: child, column: parent_id, parent: parent}`

func TestPlanOfCompositeKeys(t *testing.T) {
	t.Parallel()
	dsn, target := smallTables(t, familyTables)
	r := newRemedy(t, target, "orphans", familyCheck, `{mode: delete}`)
	d := r.draft(t, asked())
	judgeDraft(t, d)
	diffKeys(t, "children", []string{"10\x00z", "2\x00x'\n\"\\", "2\x00y", "9\x00<!channel>"}, changesOf(d, fix.Delete, "child"))
	diffKeys(t, "toys", []string{"2", "3"}, changesOf(d, fix.Delete, "toy"))
	diffKeys(t, "wheels, which outlive their toy", []string{"2", "3"}, changesOf(d, fix.Update, "wheel"))
	if d.Samples[0].Key != "2, x'\n\"\\" || strings.Contains(fmt.Sprint(d.Samples, d.Listing), "secret") {
		t.Errorf("samples %+v", d.Samples)
	}
	r.repaired(t, dsn, asked(), d)
}

func TestPlanLeavesAFamilyTogether(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile string
		want      []string
	}{
		"its parent came back": {
			`INSERT INTO parent VALUES (9)`,
			[]string{"child 2,x'\n\"\\: right again", "child 2,y: right again", "toy 2: left with its group", "toy 3: left with its group", "wheel 2: left with its group", "wheel 3: left with its group"},
		},
		"it was changed": {
			`UPDATE child SET note = 'new' WHERE b = 'y'`,
			[]string{"child 2,y: changed since the preview", "toy 2: left with its group", "toy 3: left with its group", "wheel 2: left with its group", "wheel 3: left with its group"},
		},
		"a dependant was changed": {
			`UPDATE wheel SET toy_id = 1 WHERE id = 3`,
			[]string{"child 2,y: left with its group", "toy 2: left with its group", "toy 3: left with its group", "wheel 2: left with its group", "wheel 3: changed since the preview"},
		},
		"another row refers to it": {
			`INSERT INTO toy VALUES (5, 2, 'y')`,
			[]string{"child 2,y: a row still refers to it", "toy 2: left with its group", "toy 3: left with its group", "wheel 2: left with its group", "wheel 3: left with its group"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dsn, target := smallTables(t, familyTables)
			r := newRemedy(t, target, "orphans", familyCheck, `{mode: delete}`)
			d := r.draft(t, asked())
			execute(t, dsn, "%s", c.meanwhile)
			_, skipped := r.applied(t, fixer(t, dsn), asked(), d)
			got := outcomes(d, skipped)
			for i := range got {
				got[i] = strings.ReplaceAll(got[i], string(fix.WhyGroup), "left with its group")
			}
			diffKeys(t, "left alone", c.want, got)
		})
	}
}

func TestPlanAttachesToAParentThatStays(t *testing.T) {
	t.Parallel()
	dsn, target := smallTables(t, familyTables)
	r := newRemedy(t, target, "orphans", familyCheck, `{mode: attach, parent: 1}`)
	d := r.draft(t, asked())
	judgeDraft(t, d)
	r.repaired(t, dsn, asked(), d)
	for argument, want := range map[string]string{"2": "There is no row 2 in parent", "one": "There is no row one in parent"} {
		o := asked()
		o.Argument = argument
		if got := r.refused(t, o); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	execute(t, dsn, `INSERT INTO parent VALUES (8); DELETE FROM parent WHERE id = 1`)
	_, skipped := r.applied(t, fixer(t, dsn), asked(func(o *fix.Order) { o.ID = 2000 }), d)
	if len(skipped) != 4 {
		t.Errorf("%d rows left alone although what they were to be attached to is gone: %v", len(skipped), outcomes(d, skipped))
	}
}

const nodes = `
CREATE TABLE owner (id int PRIMARY KEY);
CREATE TABLE node (id int PRIMARY KEY, owner_id int, up int REFERENCES node);
INSERT INTO owner VALUES (1);
INSERT INTO node VALUES (1, 1, NULL), (2, 9, 2), (3, 9, NULL), (4, 1, 3), (5, 1, 4), (6, 9, 5), (7, 9, NULL), (8, 9, 7), (9, 1, 8);
UPDATE node SET up = 9 WHERE id = 7;
INSERT INTO node VALUES (10, 9, NULL);`

func TestPlanOfATableThatRefersToItself(t *testing.T) {
	t.Parallel()
	dsn, target := smallTables(t, nodes)
	r := newRemedy(t, target, "orphans", `{table: node, column: owner_id, parent: owner}`, `{mode: delete}`)
	d := r.draft(t, asked())
	diffKeys(t, "goes", []string{"10", "2", "3", "4", "5", "6"}, changesOf(d, fix.Delete, "node"))
	if len(d.Left) != 1 || d.Left[0].Rows != 2 || !strings.Contains(d.Left[0].Why, "circle") {
		t.Errorf("left %+v, want the circle", d.Left)
	}
	var order []string
	for _, c := range d.Content.Changes {
		order = append(order, c.Key[0])
	}
	for _, pair := range [][2]string{{"6", "5"}, {"5", "4"}, {"4", "3"}} {
		if slices.Index(order, pair[0]) > slices.Index(order, pair[1]) {
			t.Errorf("%s goes after %s, which it refers to: %v", pair[0], pair[1], order)
		}
	}
	r.repaired(t, dsn, asked(), d)
}

func TestPlanRefusesWhatCannotBeRepaired(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ script, kind, check, fix, want string }{
		"no key": {
			`CREATE TABLE bare (parent_id int); INSERT INTO bare VALUES (9)`,
			"orphans", `{table: bare, column: parent_id, key: [parent_id], parent: parent}`, `{mode: delete}`, "neither a primary key nor a unique index",
		},
		"a key that may be NULL": {
			`CREATE TABLE bare (id int UNIQUE, parent_id int); INSERT INTO bare VALUES (1, 9)`,
			"orphans", `{table: bare, column: parent_id, key: [id], parent: parent}`, `{mode: delete}`, "neither a primary key nor a unique index",
		},
		"the check's key is not unique": {
			`CREATE TABLE twice (id int PRIMARY KEY, parent_id int); INSERT INTO twice VALUES (1, 9), (2, 9)`,
			"orphans", `{table: twice, column: parent_id, key: [parent_id], parent: parent}`, `{mode: delete}`, "does not tell the rows of twice apart",
		},
		"inheritance": {
			`CREATE TABLE base (id int PRIMARY KEY, parent_id int); CREATE TABLE derived () INHERITS (base); INSERT INTO base VALUES (1, 9)`,
			"orphans", `{table: base, column: parent_id, parent: parent}`, `{mode: delete}`, "child tables",
		},
		"NOT NULL": {
			`CREATE TABLE strict (id int PRIMARY KEY, parent_id int NOT NULL); INSERT INTO strict VALUES (1, 9)`,
			"orphans", `{table: strict, column: parent_id, parent: parent}`, `{mode: set-null}`, "is NOT NULL",
		},
		"the reference is the key": {
			`CREATE TABLE keyed (parent_id int PRIMARY KEY); INSERT INTO keyed VALUES (9)`,
			"orphans", `{table: keyed, column: parent_id, parent: parent}`, `{mode: attach, parent: 1}`, "part of the key",
		},
		"a dependant without a key": {
			`CREATE TABLE log (toy_id int REFERENCES toy); INSERT INTO log VALUES (2)`,
			"orphans", familyCheck, `{mode: delete}`, "Rows of log refer to failing rows",
		},
		"a dependant that falls back": {
			`CREATE TABLE back (id int PRIMARY KEY, toy_id int DEFAULT 1 REFERENCES toy ON DELETE SET DEFAULT); INSERT INTO back VALUES (1, 2)`,
			"orphans", familyCheck, `{mode: delete}`, "ON DELETE SET DEFAULT",
		},
		"more rows than a plan may change": {
			`INSERT INTO toy SELECT i, 10, 'z' FROM generate_series(100, 50100) i`,
			"orphans", familyCheck, `{mode: delete}`, "More than 50,000 rows would change",
		},
		"a reference that is no table": {
			``, "orphans", familyCheck, `{mode: delete, references: [{table: toys, column: a}]}`, "did you mean toy?",
		},
		"a computed column": {
			`CREATE TABLE comp (id int PRIMARY KEY, n int, d int GENERATED ALWAYS AS (n + 1) STORED); INSERT INTO comp VALUES (1, -1)`,
			"rows", `{table: comp, wrong: "n < 0"}`, `{update: {set: {d: 1}}}`, "computed by the database",
		},
		"an expression of another table": {
			`CREATE TABLE lone (id int PRIMARY KEY, n int); INSERT INTO lone VALUES (1, -1)`,
			"rows", `{table: lone, wrong: "n < 0"}`, `{update: {set: {n: other}}}`, "other",
		},
		"a value that does not fit": {
			`CREATE TABLE small (id int PRIMARY KEY, n smallint); INSERT INTO small VALUES (1, -1)`,
			"rows", `{table: small, wrong: "n < 0"}`, `{update: {set: {n: 70000}}}`, "does not fit its column",
		},
		"a total that does not fit": {
			`CREATE TABLE tot (id int PRIMARY KEY, n smallint); CREATE TABLE part (id int PRIMARY KEY, tot_id int, n int);
			 INSERT INTO tot VALUES (1, 1); INSERT INTO part VALUES (1, 1, 70000)`,
			"totals", `{table: tot, column: n, rows: {table: part, key: tot_id, sum: n}}`, `{}`, "too small for what some rows come to",
		},
		"a movement that does not fit": {
			`CREATE TABLE tot (id int PRIMARY KEY, n int); CREATE TABLE part (id text PRIMARY KEY, tot_id int, n int, twice int);
			 INSERT INTO tot VALUES (1, 1)`,
			"totals", `{table: tot, column: n, rows: {table: part, key: tot_id, sum: 2 * n}}`,
			`{mode: adjust, adjust: {columns: {id: "{plan}", tot_id: key, n: difference}}}`, "would add 2 and not 1",
		},
		"a movement without a key": {
			`CREATE TABLE tot (id int PRIMARY KEY, n int); CREATE TABLE part (id serial PRIMARY KEY, tot_id int, n int); INSERT INTO tot VALUES (1, 1)`,
			"totals", `{table: tot, column: n, rows: {table: part, key: tot_id, sum: n}}`,
			`{mode: adjust, adjust: {columns: {tot_id: key, n: difference}}}`, "needs a id that is known before",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dsn, target := smallTables(t, familyTables+c.script)
			before := checksums(t, dsn)
			got := newRemedy(t, target, c.kind, c.check, c.fix).refused(t, asked())
			if !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
			sameRows(t, dsn, before)
		})
	}
}

const people = `
CREATE TABLE person (id int PRIMARY KEY, email text, name text, born date, friend int REFERENCES person);
CREATE TABLE pet (id int PRIMARY KEY, owner int REFERENCES person, name text, UNIQUE (owner, name));
CREATE TABLE badge (person int PRIMARY KEY REFERENCES person, code text);
INSERT INTO person VALUES
 (1, 'a@x', 'A', '2001-01-01', NULL), (2, 'a@x', 'A', '2002-01-01', 1), (3, 'a@x', 'A', '2001-01-01', 2),
 (4, 'b@x', 'B', '2001-01-01', NULL), (5, 'b@x', 'B', '2002-01-01', NULL),
 (6, 'c@x', 'C', '2001-01-01', NULL), (7, 'c@x', 'C', '2002-01-01', NULL),
 (8, 'd@x', 'D', '2001-01-01', NULL), (9, 'd@x', 'other', '2002-01-01', NULL), (10, 'd@x', 'D', '2003-01-01', NULL),
 (11, 'e@x', 'E', NULL, NULL), (12, 'e@x', 'E', '2002-01-01', NULL), (13, 'e@x', 'E', NULL, 13);
INSERT INTO pet VALUES (1, 2, 'Rex'), (2, 4, 'Rex'), (3, 5, 'Rex'), (4, 3, 'Tom'), (5, 13, 'Ann');
INSERT INTO badge VALUES (7, 'x');`

const peopleCheck = `{table: person, columns: [email], keep: born, compare: [name], mask: {name: name}}`

func TestPlanMergesDuplicates(t *testing.T) {
	t.Parallel()
	dsn, target := smallTables(t, people)
	r := newRemedy(t, target, "duplicates", peopleCheck, `{}`)
	d := r.draft(t, asked())
	diffKeys(t, "surplus", []string{"11", "13", "2", "3"}, changesOf(d, fix.Delete, "person"))
	diffKeys(t, "re-pointed", []string{"1", "4", "5"}, changesOf(d, fix.Update, "pet"))
	var why []string
	for _, l := range d.Left {
		why = append(why, fmt.Sprint(l.Rows, " ", l.Why))
	}
	slices.Sort(why)
	diffKeys(t, "left", []string{
		"1 rows of badge refer to them, and person is part of the key of badge: decide by hand",
		"1 rows of pet refer to them, and owner must be unique there (pet_owner_name_key): decide by hand",
		"2 they or others of their group differ in name: decide by hand",
	}, why)
	judgeDraft(t, d)
	r.repaired(t, dsn, asked(), d)
}

func TestPlanOfDuplicatesMinds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile string
		want      []string
	}{
		"the kept row is gone": {
			`DELETE FROM person WHERE id = 12`,
			[]string{"person 11: right again", "person 13: left with its group", "pet 5: left with its group"},
		},
		"it is the oldest by now": {
			`UPDATE person SET email = 'new@x' WHERE id = 1`,
			[]string{"person 2: left with its group", "person 3: right again", "pet 1: left with its group", "pet 4: left with its group"},
		},
		"another row refers to it": {
			`INSERT INTO pet VALUES (9, 13, 'Zoe')`,
			[]string{"person 13: a row still refers to it", "pet 5: left with its group"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dsn, target := smallTables(t, people)
			r := newRemedy(t, target, "duplicates", peopleCheck, `{}`)
			d := r.draft(t, asked())
			execute(t, dsn, "%s", c.meanwhile)
			_, skipped := r.applied(t, fixer(t, dsn), asked(), d)
			got := outcomes(d, skipped)
			for i := range got {
				got[i] = strings.ReplaceAll(got[i], string(fix.WhyGroup), "left with its group")
			}
			diffKeys(t, "left alone", c.want, got)
		})
	}
}

const tallies = `
CREATE TABLE "t" ("t" int, "Sum" numeric(6,1), kind text, PRIMARY KEY ("t"));
CREATE TABLE move (id text PRIMARY KEY, t int, n numeric, at timestamptz NOT NULL DEFAULT now(), why text CHECK (why IN ('fix', 'sale')));
INSERT INTO "t" VALUES (1, 10, 'a'), (2, 20, 'a'), (3, NULL, 'a'), (4, 5, 'a'), (5, 7.5, 'a'), (6, 1, 'a');
INSERT INTO move SELECT i::text, t, n, now(), 'sale' FROM (VALUES (1, 1, 9.5), (2, 2, 20), (3, 3, 4), (4, 5, 7.46), (5, 6, 1.04)) v(i, t, n);`

const tallyCheck = `{table: t, column: Sum, rows: {table: move, key: t, sum: n}, tolerance: 0, scale: 1}`

func TestPlanOfTotals(t *testing.T) {
	t.Parallel()
	dsn, target := smallTables(t, tallies)
	r := newRemedy(t, target, "totals", tallyCheck, `{mode: set, modes: [adjust], adjust: {columns: {id: "x{key} {plan}", t: key, n: difference, why: fix}}}`)
	d := r.draft(t, asked())
	diffKeys(t, "corrected", []string{"1", "3", "4"}, changesOf(d, fix.Update, "t"))
	if len(d.Left) != 1 || d.Left[0].Rows != 2 || !strings.Contains(d.Left[0].Why, "cannot hold") {
		t.Errorf("left %+v, want the sums of two digits", d.Left)
	}
	r.repaired(t, dsn, asked(), d)
	adjust := asked(mode("adjust"), func(o *fix.Order) { o.ID = 3000 })
	d = r.draft(t, adjust)
	diffKeys(t, "added", []string{"x1 P-3000", "x4 P-3000", "x5 P-3000", "x6 P-3000"}, changesOf(d, fix.Insert, "move"))
	r.repaired(t, dsn, adjust, d)
}

func TestPlanOfTotalsMinds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode, meanwhile string
		want            []string
	}{
		"it is right by now":      {"", `UPDATE move SET n = 10 WHERE t = 1`, []string{"t 1: right again"}},
		"its rows changed":        {"", `UPDATE move SET n = 8 WHERE t = 1`, []string{"t 1: right again"}},
		"it changed":              {"", `UPDATE "t" SET "Sum" = 11 WHERE "t" = 1`, []string{"t 1: changed since the preview"}},
		"other columns changed":   {"", `UPDATE "t" SET kind = 'b'`, []string{}},
		"it was adjusted":         {"adjust", `INSERT INTO move VALUES ('y', 1, 0.5, now(), 'fix')`, []string{"move x1 P-1043: right again"}},
		"it goes on being right":  {"adjust", `INSERT INTO move VALUES ('y', 1, 3, now(), 'sale'); UPDATE "t" SET "Sum" = "Sum" + 3 WHERE "t" = 1`, []string{}},
		"the new key is taken":    {"adjust", `INSERT INTO move VALUES ('x1 P-1043', 2, 0, now(), 'sale')`, []string{"move x1 P-1043: its key is taken"}},
		"there is nothing for it": {"adjust", `DELETE FROM "t" WHERE "t" = 1`, []string{"move x1 P-1043: right again"}},
	} {
		t.Run(name, func(t *testing.T) {
			dsn, target := smallTables(t, tallies)
			r := newRemedy(t, target, "totals", tallyCheck, `{mode: set, modes: [adjust], adjust: {columns: {id: "x{key} {plan}", t: key, n: difference, why: fix}}}`)
			d := r.draft(t, asked(mode(c.mode)))
			execute(t, dsn, "%s", c.meanwhile)
			_, skipped := r.applied(t, fixer(t, dsn), asked(mode(c.mode)), d)
			diffKeys(t, "left alone", c.want, outcomes(d, skipped))
		})
	}
}

func TestPlanOfRows(t *testing.T) {
	t.Parallel()
	script := familyTables + `
CREATE TABLE goods (id int PRIMARY KEY, "Stock" int, low int NOT NULL DEFAULT 0, state text);
INSERT INTO goods VALUES (1, -1, 5, 'on'), (2, 3, 0, 'on'), (3, -2, -2, 'off'), (4, NULL, 0, NULL);
ALTER TABLE child ADD good int; UPDATE child SET good = 3 WHERE b = 'y';`
	for name, c := range map[string]struct {
		fix        string
		op         fix.Op
		keys, news []string
		left       int64
		remains    bool
	}{
		"a number":      {`{update: {set: {Stock: 0}}}`, fix.Update, []string{"1", "3"}, []string{"0", "0"}, 0, false},
		"null":          {`{update: {set: {Stock: null}}}`, fix.Update, []string{"1", "3"}, []string{"NULL", "NULL"}, 0, false},
		"an expression": {`{update: {set: {Stock: "greatest(low, goods.\"Stock\" + 1)", state: "'fixed'"}}}`, fix.Update, []string{"1", "3"}, []string{"5 fixed", "-1 fixed"}, 0, true},
		"no change":     {`{update: {set: {Stock: low}}}`, fix.Update, []string{"1"}, []string{"5"}, 1, true},
		"delete":        {`{delete: true, references: [{table: child, column: good}]}`, fix.Delete, []string{"1", "3"}, []string{"", ""}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			dsn, target := smallTables(t, script)
			r := newRemedy(t, target, "rows", `{table: goods, wrong: '"Stock" < 0'}`, c.fix)
			d := r.draft(t, asked())
			diffKeys(t, "keys", c.keys, changesOf(d, c.op, "goods"))
			news := []string{}
			for _, change := range d.Content.Changes {
				if d.Content.Forms[change.Form].Table == `"public"."goods"` {
					var values []string
					for _, v := range change.New {
						values = append(values, shownAs(check.Code, v))
					}
					news = append(news, strings.Join(values, " "))
				}
			}
			diffKeys(t, "new values", c.news, news)
			if left(d) != c.left {
				t.Errorf("left %+v", d.Left)
			}
			if c.op == fix.Delete {
				diffKeys(t, "children", []string{"2\x00y"}, changesOf(d, fix.Delete, "child"))
				diffKeys(t, "toys", []string{"2", "3"}, changesOf(d, fix.Delete, "toy"))
			}
			if !c.remains {
				r.repaired(t, dsn, asked(), d)
			}
		})
	}
}

func TestPlanOfQueries(t *testing.T) {
	t.Parallel()
	script := `
CREATE TABLE shelf (id int PRIMARY KEY, room text, n int);
CREATE TABLE item (id int PRIMARY KEY, shelf int);
INSERT INTO shelf VALUES (1, 'a', 2), (2, 'b', 7), (3, 'c', NULL), (4, 'd', 1);
INSERT INTO item VALUES (1, 1), (2, 1), (3, 2), (4, 4), (5, 9);`
	const query = `{sql: "SELECT s.id, s.n FROM shelf s LEFT JOIN item i ON i.shelf = s.id GROUP BY s.id HAVING s.n IS DISTINCT FROM count(i.id) -- wrong", key: [id]}`
	for name, c := range map[string]struct {
		fix       string
		op        fix.Op
		meanwhile string
		want      []string
	}{
		"update":            {`{table: shelf, update: {set: {n: 0}}}`, fix.Update, "", nil},
		"delete":            {`{table: shelf, delete: true, references: [{table: item, column: shelf}]}`, fix.Delete, "", nil},
		"statement":         {`{statement: "UPDATE shelf SET n = coalesce(n, 0) * 0, room = upper(room) WHERE id = ANY($keys);"}`, fix.Update, "", nil},
		"delete statement":  {`{statement: DELETE FROM public.shelf, references: [{table: item, column: shelf}]}`, fix.Delete, "", nil},
		"it is right again": {`{table: shelf, update: {set: {n: 0}}}`, fix.Update, `DELETE FROM item WHERE id = 3; INSERT INTO item SELECT i, 2 FROM generate_series(11, 17) i`, []string{"shelf 2: right again"}},
	} {
		t.Run(name, func(t *testing.T) {
			dsn, target := smallTables(t, script)
			r := newRemedy(t, target, "query", query, c.fix)
			d := r.draft(t, asked())
			diffKeys(t, "keys", []string{"2", "3"}, changesOf(d, c.op, "shelf"))
			if d.Of != 4 {
				t.Errorf("of %d, want 4", d.Of)
			}
			execute(t, dsn, "SELECT 1; %s", c.meanwhile)
			before := checksums(t, dsn)
			x := fixer(t, dsn)
			p, skipped := r.applied(t, x, asked(), d)
			if got := outcomes(d, skipped); !slices.Equal(got, c.want) {
				t.Errorf("left alone %v, want %v", got, c.want)
			}
			undone(t, x, p, d.Content.Forms)
			sameRows(t, dsn, before)
		})
	}
}

func TestPlanOfAMatchMinds(t *testing.T) {
	t.Parallel()
	script := `
CREATE TABLE bill (id int PRIMARY KEY, due numeric, state text, at timestamptz DEFAULT now() - interval '1 day');
CREATE TABLE pay (id int PRIMARY KEY, bill int, paid numeric, at timestamptz DEFAULT now() - interval '1 day');
INSERT INTO bill VALUES (1, 5, 'OPEN'), (2, 5, 'LATE'), (3, 5, 'OPEN'), (4, 5, 'PAID'), (5, 5, 'PAID'), (6, 5, 'VOID');
INSERT INTO pay VALUES (1, 1, 5), (2, 2, 5), (3, 4, 5), (4, 6, 2);`
	const match = `{left: {table: bill, amount: due, expect: "state = 'PAID'", forbid: {paid_but_open: "state <> 'PAID'"}, time: at},
right: {table: pay, key: bill, amount: paid, time: at}, min_age: 10m}`
	const words = `{status_column: state, transitions: [{class: paid_but_open, from: OPEN, to: PAID}, {class: paid_but_open, from: LATE, to: PAID}]}`
	dsn, target := smallTables(t, script)
	r := newRemedy(t, target, "match", match, words)
	d := r.draft(t, asked())
	judgeDraft(t, d)
	diffKeys(t, "changed", []string{"1", "2"}, changesOf(d, fix.Update, "bill"))
	if left(d) != 2 || len(d.Left) != 2 {
		t.Errorf("left %+v, want the unpaid bill and the one that is void", d.Left)
	}
	execute(t, dsn, `DELETE FROM pay WHERE id = 1`)
	_, skipped := r.applied(t, fixer(t, dsn), asked(), d)
	diffKeys(t, "left alone", []string{"bill 1: right again"}, outcomes(d, skipped))
}

func TestPlanOfPartitionsAndOddNames(t *testing.T) {
	t.Parallel()
	dsn, target := smallTables(t, `
CREATE TABLE "Parent" (id int PRIMARY KEY);
CREATE TABLE "t" (id int, region text, "Parent" int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE t_a PARTITION OF "t" FOR VALUES IN ('a');
CREATE TABLE t_b (region text NOT NULL, gone int, "Parent" int, id int NOT NULL);
ALTER TABLE t_b DROP COLUMN gone;
ALTER TABLE "t" ATTACH PARTITION t_b FOR VALUES IN ('b');
INSERT INTO "Parent" VALUES (1);
INSERT INTO "t" VALUES (1, 'a', 1), (2, 'a', 9), (3, 'b', 9), (4, 'b', NULL);`)
	r := newRemedy(t, target, "orphans", `{table: t, column: Parent, parent: Parent, where: "t.id > 0"}`, `{mode: delete, modes: [set-null, quarantine]}`)
	for i, m := range r.Planner(target, r.check).Modes() {
		o := asked(mode(m), func(o *fix.Order) { o.ID += int64(10 * i) })
		d := r.draft(t, o)
		judgeDraft(t, d)
		if d.Rows != 2 {
			t.Errorf("%s: %d rows", m, d.Rows)
		}
		r.repaired(t, dsn, o, d)
	}
}

func TestPlanLeavesAloneWhatOneTransactionCannotHold(t *testing.T) {
	t.Parallel()
	dsn, target := smallTables(t, familyTables+fmt.Sprintf(`
INSERT INTO toy SELECT 100 + i, 10, 'z' FROM generate_series(1, %d) i;
INSERT INTO toy SELECT 5000 + i, 9, '<!channel>' FROM generate_series(1, %d) i;`, fix.MaxBatch, fix.MaxBatch-1))
	r := newRemedy(t, target, "orphans", familyCheck, `{mode: delete}`)
	d := r.draft(t, asked())
	judgeDraft(t, d)
	if d.Rows != 3 || len(d.Left) != 1 || d.Left[0].Rows != 1 || d.Left[0].Examples[0] != "10, z" {
		t.Errorf("rows %d, left %+v", d.Rows, d.Left)
	}
	if n := len(d.Content.Batches()); n != 2 {
		t.Errorf("%d batches, want 2", n)
	}
	r.repaired(t, dsn, asked(), d)
}
