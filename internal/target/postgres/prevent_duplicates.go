package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Prevent implements Preventer: a unique index, made without stopping writers,
// and the constraint on top of it where there can be one.
func (d *Duplicates) Prevent(ctx context.Context, t *Target) (Prevention, error) {
	scan, err := d.resolve(ctx, t)
	if err != nil {
		return Prevention{}, err
	}
	table := scan.subject.table
	p := &duplicatesPrevention{duplicateScan: scan, t: t, table: table, migration: &migration{
		title: fmt.Sprintf("Unique index on %s (%s)", table, columnList(scan.columns)),
		name:  table.Name + "_" + columnList(scan.columns) + "_key",
	}}
	if p.where = strings.TrimSpace(d.Where); p.where != "" {
		p.where = "(" + d.Where + "\n)"
	}
	err = p.work(ctx)
	return p.prevention(t), err
}

type duplicatesPrevention struct {
	*duplicateScan
	*migration
	t       *Target
	table   *Table
	where   string   // empty: all rows
	limited []string // predicates of indexes, as the server writes them, that mean where
}

func (p *duplicatesPrevention) work(ctx context.Context) error {
	if p.unfit(p.table) {
		return nil
	}
	if why := unsuited(p.where); p.where != "" && why != "" {
		p.note("No index can be derived: the condition of the check (where) %s. Without it all rows of %s would have to be unique.", why, p.table)
		return nil
	}
	if ok, err := p.spread(ctx); !ok || err != nil {
		return err
	}
	leaves, err := p.t.leaves(ctx, p.table)
	if err != nil {
		return err
	}
	have, err := p.t.definedIndexes(ctx, oids(p.table, leaves))
	if err != nil {
		return err
	}
	if err := p.limits(ctx, have); err != nil {
		return err
	}
	p.describe()
	made, was, err := p.index(ctx, p.t, wanted{
		table: p.table, what: fmt.Sprintf("(%s), unique", strings.Join(p.said(), ", ")), keys: p.exprs(), where: p.where, unique: true,
		parts: p.parts(), fits: p.fits, about: p.warnings(),
	})
	if err != nil || made.name == "" {
		return err
	}
	if was {
		p.exists(made)
		return nil
	}
	p.heirs("The index", p.table)
	p.early(p.subject, "A unique index")
	p.constraint(made)
	p.redundant(have[p.table.OID])
	return nil
}

// spread tells with a note when uniqueness over all partitions is impossible.
func (p *duplicatesPrevention) spread(ctx context.Context) (bool, error) {
	if p.table.Kind != "p" {
		return true, nil
	}
	var by []string
	err := p.t.query(ctx, `
SELECT ARRAY(SELECT coalesce(a.attname, '') FROM unnest(d.partattrs::smallint[]) AS u(num)
             LEFT JOIN pg_attribute a ON a.attrelid = d.partrelid AND a.attnum = u.num AND u.num > 0)::text[]
FROM pg_partitioned_table d JOIN pg_partition_tree($1::oid::regclass) AS p ON p.relid = d.partrelid`, []any{p.table.OID}, func(rows pgx.Rows) error {
		var some []string
		err := rows.Scan(&some)
		by = append(by, some...)
		return err
	})
	if err != nil {
		return false, err
	}
	have := columnNames(p.columns)
	for _, b := range by {
		if !slices.Contains(have, b) || p.folded() {
			p.note("%s is partitioned by other values than %s. Postgres can make a unique index within each partition, but not over all of them: "+
				"keep the values in a table of their own, with a primary key, written in the same transaction.", p.table, commas(p.said()))
			return false, nil
		}
	}
	return true, nil
}

// folded tells whether texts are compared without their case.
func (p *duplicatesPrevention) folded() bool {
	return p.ignoreCase && slices.ContainsFunc(p.columns, func(c Column) bool { return isText(c.Type) })
}

// limits finds the predicates that mean where.
func (p *duplicatesPrevention) limits(ctx context.Context, have map[uint32][]definedIndex) error {
	if p.where == "" {
		return nil
	}
	for _, indexes := range have {
		for _, x := range indexes {
			if x.predicate == "" {
				continue
			}
			at, err := p.t.alike(ctx, p.table, p.where, []string{x.predicate})
			if err != nil {
				return err
			}
			if at == 0 {
				p.limited = append(p.limited, x.predicate)
			}
		}
	}
	return nil
}

// fits tells whether a unique index stops what the check finds: also one on
// fewer columns, or one that ignores case where the check does not.
func (p *duplicatesPrevention) fits(x definedIndex) bool {
	if !x.unique || x.predicate != "" && !slices.Contains(p.limited, x.predicate) {
		return false
	}
	for i, key := range x.keys {
		if !slices.ContainsFunc(p.columns, func(c Column) bool { return p.implied(c, key, x.plain[i]) }) {
			return false
		}
	}
	return true
}

func (p *duplicatesPrevention) implied(c Column, key string, plain bool) bool {
	folds := isText(c.Type)
	if plain {
		return key == c.Name && !(p.ignoreCase && folds)
	}
	for _, name := range written(c) {
		if folds && (key == "lower("+name+")" || key == "lower(("+name+")::text)") {
			return true
		}
	}
	return false
}

// exprs are the index's key, said the same for people, and parts of its name.
func (p *duplicatesPrevention) exprs() []string {
	return p.each(func(c Column, fold bool) string {
		if fold {
			return "lower(" + c.SQL() + ")"
		}
		return c.SQL()
	})
}

func (p *duplicatesPrevention) said() []string {
	return p.each(func(c Column, fold bool) string {
		if fold {
			return "lower(" + c.Name + ")"
		}
		return c.Name
	})
}

func (p *duplicatesPrevention) parts() []string {
	return p.each(func(c Column, fold bool) string {
		if fold {
			return c.Name + "_lower"
		}
		return c.Name
	})
}

func (p *duplicatesPrevention) each(say func(c Column, fold bool) string) []string {
	out := make([]string, len(p.columns))
	for i, c := range p.columns {
		out[i] = say(c, p.ignoreCase && isText(c.Type))
	}
	return out
}
