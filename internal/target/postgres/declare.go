package postgres

import (
	"context"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// Declaration is what the config says about one check of a kind.
type Declaration interface {
	// Validate tries the declaration on a live database: tables, columns,
	// grants, predicates. Errors are Problems. It reads no row.
	Validate(ctx context.Context, target *Target) error
	// Detector makes the detector that carries the check out.
	Detector(target *Target) check.Detector
}

// declared is what Declare needs of a kind: its own words checked without a
// database.
type declared interface {
	Declaration
	declare.Words
}

// kinds is the one list of kinds of check on Postgres.
func kinds() []declare.Kind[declared] {
	return []declare.Kind[declared]{
		{Name: "orphans", Make: func() declared { return &Orphans{} }},
		{Name: "duplicates", Make: func() declared { return &Duplicates{} }},
		{Name: "totals", Make: func() declared { return &Totals{} }},
		{Name: "match", Make: func() declared { return &Match{} }},
		{Name: "rows", Make: func() declared { return &Rows{} }},
		{Name: "query", Make: func() declared { return &Query{} }},
		{Name: "foreign-keys", Make: func() declared { return &ForeignKeys{} }},
		{Name: "locks", Make: func() declared { return &Blocking{} }},
	}
}

// Kinds names the kinds of check on Postgres.
func Kinds() []string { return declare.KindNames(kinds()) }

// Declare reads the declaration of a check of a kind from its node in the
// config, a mapping. Unknown words are errors. The error joins all mistakes, each
// a *declare.Fault, in the order of their lines.
func Declare(name string, node *yaml.Node) (Declaration, error) {
	declaration, err := declare.CheckOf(kinds(), name, node)
	if err != nil {
		return nil, err
	}
	return declaration, nil
}
