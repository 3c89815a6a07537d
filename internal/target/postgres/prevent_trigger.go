package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// triggers adds the steps to the functions and constraint triggers that judge
// totals at commit. It tells whether any was missing.
func (p *totalsPrevention) triggers(ctx context.Context) (bool, error) {
	before := len(p.steps)
	parts := []string{p.parent.Name, p.words.Column, "of", p.child.Name}
	path, err := p.t.searchPath(ctx)
	if err != nil {
		return false, err
	}
	judge := &function{
		args: p.params(), returns: "void", path: path, body: p.judgeBody(),
		what: "Function that judges the total of one key, as the check does",
	}
	if err := p.function(ctx, judge, append(parts, "judge")); err != nil {
		return false, err
	}
	fire := &function{
		returns: "trigger", path: path, body: p.fireBody(judge),
		what: "Function that has the totals judged which a written row belongs to",
	}
	if err := p.function(ctx, fire, append(parts, "fire")); err != nil {
		return false, err
	}
	have, err := p.t.firing(ctx, p.parent.Schema, fire.name)
	if err != nil {
		return false, err
	}
	for _, g := range p.wantedTriggers(fire) {
		p.trigger(g, have)
	}
	if len(p.steps) == before {
		p.note("%s.%s is already judged at every commit, by the function %s and its triggers.", p.parent, p.words.Column, fire.name)
	}
	return len(p.steps) > before, nil
}

// searchPath is what names in the config's expressions mean to the check.
func (t *Target) searchPath(ctx context.Context) (string, error) {
	var schemas []string
	err := t.query(ctx, "SELECT current_schemas(false)::text[]", nil, func(rows pgx.Rows) error { return rows.Scan(&schemas) })
	path := "pg_catalog"
	for _, s := range schemas {
		path += ", " + pgx.Identifier{s}.Sanitize()
	}
	return path + ", pg_temp", err
}

// function is one that the migration makes.
type function struct {
	schema, name  string
	args, returns string
	path, body    string
	what          string
}

func (f *function) sql() string { return pgx.Identifier{f.schema, f.name}.Sanitize() }

// mark begins the body of our functions: by it they are known again.
func (p *totalsPrevention) mark() string {
	what := fmt.Sprintf("%s.%s is the sum of %s by (%s)", p.parent.SQL(), p.words.Column, p.child.SQL(), columnList(p.pair.right.key))
	return fmt.Sprintf("-- Integrity Bot, %s: %s.", nameDigest(what), plain(what))
}

// function adds the step to a function unless it is there as it should be. It
// gives the function its name: a free one, or that of a former version.
func (p *totalsPrevention) function(ctx context.Context, f *function, parts []string) error {
	f.schema = p.parent.Schema
	var body string
	err := p.t.query(ctx, `
SELECT p.proname, p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = $1 AND starts_with(ltrim(p.prosrc, chr(10)), $2) AND oidvectortypes(p.proargtypes) = $3 AND format_type(p.prorettype, NULL) = $4
ORDER BY p.oid LIMIT 1`, []any{f.schema, p.mark(), f.args, f.returns}, func(rows pgx.Rows) error { return rows.Scan(&f.name, &body) })
	if err != nil || body == f.body {
		return err
	}
	s := migrationStep{what: f.what, lock: "none on tables."}
	how := "CREATE OR REPLACE"
	if f.name == "" {
		how = "CREATE"
		if f.name, err = p.free(ctx, p.t, f.schema, parts[:len(parts)-1], parts[len(parts)-1]); err != nil {
			return err
		}
		s.undo = fmt.Sprintf("DROP FUNCTION %s(%s)", f.sql(), f.args)
	} else {
		s.about = []string{"It was made for a former declaration of the check. Keep its former body (pg_get_functiondef) if you may want it back."}
		p.note("The function %s was made for a former declaration of the check; the file replaces it.", f.name)
	}
	s.sql = fmt.Sprintf("%s FUNCTION %s(%s) RETURNS %s LANGUAGE plpgsql\nSET search_path = %s\nAS %s",
		how, f.sql(), f.args, f.returns, f.path, dollars(f.body))
	p.add(s)
	return nil
}

// params are the types of the parent's key.
func (p *totalsPrevention) params() string {
	types := make([]string, len(p.pair.left.key))
	for i, c := range p.pair.left.key {
		types[i] = c.Type
	}
	return strings.Join(types, ", ")
}

// judgeBody judges one key in the very terms of the check.
func (p *totalsPrevention) judgeBody() string {
	n := len(p.pair.left.key)
	of := func(alias string, key []Column) string {
		parts := make([]string, len(key))
		for i, c := range key {
			parts[i] = fmt.Sprintf("%s = $%d", c.In(alias), i+1)
		}
		return strings.Join(parts, " AND ")
	}
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprintf("$%d::text", i+1)
	}
	return fmt.Sprintf(`
%s
#variable_conflict use_column
DECLARE
    ib_way text;
BEGIN
    ib_way := (
        WITH ib_l AS (
            SELECT %s, %s
            FROM %s WHERE %s AND %s
        ), %s
        SELECT %s
        FROM ib_l LEFT JOIN ib_r ON %s
    );
    IF ib_way IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation',
            MESSAGE = %s,
            DETAIL = %s || concat_ws(', ', %s) || '): ' || ib_way,
            HINT = 'Change the total and its rows in one transaction: they are compared when it commits.';
    END IF;
END
`, p.mark(), keyAs(p.pair.left.alias, p.pair.left.key), p.pair.judge.left, p.pair.left.from(), of(p.pair.left.alias, p.pair.left.key), p.pair.judge.subject.where,
		p.pair.judge.right(of(p.pair.right.alias, p.pair.right.key)), p.pair.judge.way, joinKeys("ib_r", "ib_l", n),
		literal(fmt.Sprintf("%s.%s is not the sum of its rows in %s", p.parent, p.words.Column, p.child)),
		literal(fmt.Sprintf("(%s) = (", columnList(p.pair.left.key))), strings.Join(values, ", "))
}

// fireBody has judged what a row belonged to, and belongs to now.
func (p *totalsPrevention) fireBody(judge *function) string {
	key := func(record string, cols []Column) string {
		parts := make([]string, len(cols))
		for i, c := range cols {
			parts[i] = fmt.Sprintf("%s::%s", c.In(record), p.pair.left.key[i].Type)
		}
		return strings.Join(parts, ", ")
	}
	moved := make([]string, len(p.pair.right.key))
	for i, c := range p.pair.right.key {
		moved[i] = c.In("NEW") + " IS DISTINCT FROM " + c.In("OLD")
	}
	return fmt.Sprintf(`
%s
BEGIN
    IF TG_ARGV[0] = 'total' THEN
        PERFORM %[2]s(%[3]s);
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM %[2]s(%[4]s);
    ELSE
        PERFORM %[2]s(%[5]s);
        IF TG_OP = 'UPDATE' THEN
            IF %[6]s THEN
                PERFORM %[2]s(%[4]s);
            END IF;
        END IF;
    END IF;
    RETURN NULL;
END
`, p.mark(), judge.sql(), key("NEW", p.pair.left.key), key("NEW", p.pair.right.key), key("OLD", p.pair.right.key), strings.Join(moved, " OR "))
}

// constraintTrigger is one of those wanted.
type constraintTrigger struct {
	on    *Table
	name  string
	what  string
	event string // "AFTER INSERT", and on what
	when  string
	call  string
}

// wantedTriggers judge a total when it is written, and when a row of it is. An
// UPDATE that changes nothing is no reason to. Images are compared, and not a
// list of columns: another trigger may have changed what no statement named.
func (p *totalsPrevention) wantedTriggers(f *function) []constraintTrigger {
	total := f.sql() + "('total')"
	rows := f.sql() + "('row')"
	short := func(suffix string) string {
		return numberedName([]string{p.parent.Name, p.words.Column, "of", p.child.Name}, suffix, 1)
	}
	changed := "\n    WHEN (OLD.* *<> NEW.*)"
	return []constraintTrigger{
		{p.parent, short("made"), "new totals", "AFTER INSERT", "", total},
		{p.parent, short("changed"), "changed totals", "AFTER UPDATE", changed, total},
		{p.child, short("rows_made"), "new rows, and those taken away", "AFTER INSERT OR DELETE", "", rows},
		{p.child, short("rows_changed"), "changed rows", "AFTER UPDATE", changed, rows},
	}
}

func (p *totalsPrevention) trigger(g constraintTrigger, have map[string]string) {
	name := pgx.Identifier{g.name}.Sanitize()
	lock := fmt.Sprintf("SHARE ROW EXCLUSIVE on %s, for an instant: no row is read. Writers wait meanwhile.", locked(g.on))
	switch have[g.on.SQL()+" "+g.name] {
	case "O", "A":
		return
	case "":
	default:
		p.note("The trigger %s on %s is there, but switched off: it stops nothing. Find out why before you switch it on.", g.name, g.on)
		p.add(migrationStep{
			what: fmt.Sprintf("Switch on the trigger %s on %s", g.name, g.on), lock: lock,
			sql:  fmt.Sprintf("ALTER TABLE %s ENABLE TRIGGER %s", g.on.SQL(), name),
			undo: fmt.Sprintf("ALTER TABLE %s DISABLE TRIGGER %s", g.on.SQL(), name),
		})
		return
	}
	p.add(migrationStep{
		what: fmt.Sprintf("Trigger on %s: judge %s at commit", g.on, g.what), lock: lock,
		sql: fmt.Sprintf("CREATE CONSTRAINT TRIGGER %s %s ON %s\n    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW%s\n    EXECUTE FUNCTION %s",
			name, g.event, g.on.SQL(), g.when, g.call),
		undo: fmt.Sprintf("DROP TRIGGER %s ON %s", name, g.on.SQL()),
	})
}

// firing are the triggers that call a function, by "table name", and how they
// are enabled: O origin, A always, D disabled, R replica.
func (t *Target) firing(ctx context.Context, schema, function string) (map[string]string, error) {
	have := map[string]string{}
	err := t.query(ctx, `
SELECT n.nspname, c.relname, g.tgname, g.tgenabled::text
FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_proc p ON p.oid = g.tgfoid JOIN pg_namespace pn ON pn.oid = p.pronamespace
WHERE pn.nspname = $1 AND p.proname = $2`, []any{schema, function}, func(rows pgx.Rows) error {
		var on, table, name, enabled string
		err := rows.Scan(&on, &table, &name, &enabled)
		have[pgx.Identifier{on, table}.Sanitize()+" "+name] = enabled
		return err
	})
	return have, err
}
