package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
)

// Prevent implements Preventer. That two tables agree cannot be a constraint:
// they rightly differ for a while. But what usually tears them apart can be
// stopped: one event or one capture taken for two.
func (w *Match) Prevent(ctx context.Context, t *Target) (Prevention, error) {
	d := &matchDetector{words: w, target: t}
	c, err := d.resolve(ctx, t.Reader(check.Options{}, nil))
	if err != nil {
		return Prevention{}, err
	}
	p := &matchPrevention{pair: c, t: t, words: w, right: c.right.table, migration: &migration{
		title: fmt.Sprintf("Nothing of %s counted twice", c.right.table),
		name:  c.right.table.Name + "_idempotency",
	}}
	err = p.work(ctx)
	return p.prevention(t), err
}

type matchPrevention struct {
	*migration
	pair  *comparison
	t     *Target
	words *Match
	right *Table
}

func (p *matchPrevention) work(ctx context.Context) error {
	if p.unfit(p.right) {
		return nil
	}
	p.about = append(p.about,
		fmt.Sprintf("%s and %s rightly differ while a row is on its way from one to the other, so that no constraint can hold them together. "+
			"What can be stopped is its most frequent cause: an event that is handled twice, a capture that is stored twice.", p.pair.judge.subject.table, p.right))
	if err := p.reference(ctx); err != nil {
		return err
	}
	if err := p.ledgerOfEvents(ctx); err != nil {
		return err
	}
	_, _, err := p.index(ctx, p.t, wanted{
		table: p.right, what: fmt.Sprintf("(%s): what belongs to one key is found without reading the table", columnList(p.pair.right.key)),
		keys: sqlOf(p.pair.right.key), parts: columnNames(p.pair.right.key), fits: leading(p.pair.right.key),
	})
	if err != nil {
		return err
	}
	p.once()
	p.note("Underpaid, unpaid and the like are stopped where they come about: the status of %s and the rows of %s in one transaction, or an outbox. Leave the check on.",
		p.pair.judge.subject.table, p.right)
	return nil
}

// references are names under which people keep what a provider calls a row of
// theirs, the most telling first. One that only ends so may be anything.
func references() []string {
	return strings.Fields(`idempotency_key provider_ref provider_reference external_ref external_reference psp_reference
		provider_id external_id transaction_ref transaction_id charge_id capture_id payment_intent_id payment_intent request_id event_id`)
}

// candidates are columns of the right table that may hold such a reference.
func (p *matchPrevention) candidates() []Column {
	var out []Column
	not := append(columnNames(p.pair.right.key), columnNames(p.right.Key)...)
	add := func(c Column) {
		if !slices.Contains(not, c.Name) {
			out, not = append(out, c), append(not, c.Name)
		}
	}
	for _, name := range references() {
		if c, ok := p.right.Column(name); ok {
			add(c)
		}
	}
	for _, c := range p.right.Columns {
		if strings.HasSuffix(c.Name, "_ref") || strings.HasSuffix(c.Name, "_reference") {
			add(c)
		}
	}
	return out
}

// reference makes the provider's reference unique.
func (p *matchPrevention) reference(ctx context.Context) error {
	found := p.candidates()
	if len(found) == 0 {
		p.note("%s has no column that looks like the reference of a provider or of an event. With one that is unique (and NOT NULL for new rows) nothing could be stored twice.", p.right)
		return nil
	}
	have, err := p.t.definedIndexes(ctx, []uint32{p.right.OID})
	if err != nil {
		return err
	}
	for _, c := range found {
		for _, x := range have[p.right.OID] {
			if x.valid && uniquely([]Column{c})(x) {
				p.note("%s (%s) is unique already, by %s: no row can be stored twice under one.", p.right, c.Name, x.name)
				return nil
			}
		}
	}
	if p.right.Kind == "p" {
		p.note("%s is partitioned: Postgres cannot make %s unique over all partitions. The table of handled events does it instead.", p.right, found[0].Name)
		return nil
	}
	return p.unique(ctx, found[0], found[1:])
}

func (p *matchPrevention) unique(ctx context.Context, c Column, others []Column) error {
	one := []Column{c}
	about := []string{
		fmt.Sprintf("That %s is what the provider calls it is guessed from its name. NULL stays allowed any number of times. If a refund carries the reference of its payment, "+
			"or there are several providers, add the column that tells them apart.", c.Name),
		"Before: this must return nothing, or the step fails:",
		fmt.Sprintf("  SELECT %s, count(*) FROM %s WHERE %[1]s IS NOT NULL GROUP BY %[1]s HAVING count(*) > 1;", c.SQL(), p.right.SQL()),
		"Whoever writes such rows has to expect the refusal (unique_violation, 23505): INSERT … ON CONFLICT DO NOTHING makes a repetition harmless.",
	}
	if len(others) > 0 {
		about = append(about, fmt.Sprintf("Other columns that it might be: %s.", columnList(others)))
	}
	_, _, err := p.index(ctx, p.t, wanted{
		table: p.right, what: fmt.Sprintf("(%s), unique: what the provider calls by one name is stored once", c.Name),
		keys: sqlOf(one), unique: true, parts: columnNames(one), fits: uniquely(one), about: about,
	})
	p.note("That %s.%s names a thing once and for all is a guess by its name: make sure before you use the file.", p.right, c.Name)
	p.heirs("The index", p.right)
	return err
}

const eventTablesSQL = `
SELECT n.nspname, c.relname,
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts <= 2)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
  AND c.relname = ANY($1::text[])
ORDER BY 3 DESC, n.nspname, c.relname LIMIT 1`

// ledgerOfEvents makes the table of handled events, if there is none.
func (p *matchPrevention) ledgerOfEvents(ctx context.Context) error {
	names := strings.Fields(`processed_events processed_event processed_messages processed_message handled_events
		idempotency_keys idempotency_key idempotent_requests event_inbox message_inbox inbox inbox_events inbox_messages`)
	var table *Table
	var unique bool
	err := p.t.query(ctx, eventTablesSQL, []any{names}, func(rows pgx.Rows) error {
		table = &Table{}
		return rows.Scan(&table.Schema, &table.Name, &unique)
	})
	if err != nil {
		return err
	}
	if table != nil && unique {
		p.note("A table of handled events exists already: %s. Every handler has to insert into it in the transaction of what it does, and do nothing if the event is there.", table)
		return nil
	}
	if table != nil {
		p.note("%s looks like a table of handled events, but nothing in it is unique: two workers can take the same event at once. Give it a primary key on the event's id.", table)
		return nil
	}
	made := pgx.Identifier{p.right.Schema, "processed_events"}.Sanitize()
	p.add(migrationStep{
		what: "Table of the events that were handled",
		lock: "none on what exists.",
		about: []string{
			"Every handler begins its transaction with the insert, and does nothing more if no row was inserted. The check and the mark are one statement: looking first and marking later lets two workers through.",
			"  INSERT INTO " + made + " (event_id) VALUES ($1) ON CONFLICT DO NOTHING;",
			"Grant SELECT and INSERT to the role of the application, and delete what is older than the longest time after which an event may come again.",
		},
		sql:  fmt.Sprintf("CREATE TABLE %s (\n    event_id     text PRIMARY KEY,\n    processed_at timestamptz NOT NULL DEFAULT now()\n)", made),
		undo: "DROP TABLE " + made,
	})
	return nil
}

// once is for somebody to decide: where instalments are unknown, one key has one
// row that counts.
func (p *matchPrevention) once() {
	where := strings.TrimSpace(p.words.Right.Add)
	if where == "" || len(p.steps) == 0 || p.right.Kind == "p" || unsuited(where) != "" {
		return
	}
	name := numberedName(append([]string{p.right.Name}, columnNames(p.pair.right.key)...), "once", 1)
	p.optional = append(p.optional, migrationStep{
		what: fmt.Sprintf("If nothing of %s is ever paid in parts: one row that counts for each (%s)", p.right, columnList(p.pair.right.key)),
		lock: fmt.Sprintf("SHARE UPDATE EXCLUSIVE on %s: reading and writing go on. Outside of a transaction.", p.right),
		sql: fmt.Sprintf("CREATE UNIQUE INDEX CONCURRENTLY %s ON %s (%s) WHERE %s", pgx.Identifier{name}.Sanitize(), p.right.SQL(),
			idents(p.pair.right.key), where),
	})
}
