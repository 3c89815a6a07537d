package postgres

import "context"

// Prevent implements Preventer: from a query nothing can be derived, and it says
// what to do instead.
func (q *Query) Prevent(context.Context, *Target) (Prevention, error) {
	m := &migration{title: "Nothing can be derived from a query"}
	m.note("A query may join anything with anything: no constraint can be derived from it.")
	m.note("Say the same with a more telling kind of check where possible, and ask for its prevention: orphans for a missing parent, duplicates for what must be unique, " +
		"rows for a condition on one row, totals for a sum, match for two tables that must agree.")
	m.note("What remains has to be stopped where the rows are written: in one transaction, or under a lock that all writers take. Leave the check on.")
	return Prevention{Title: m.title, Notes: m.notes}, nil
}
