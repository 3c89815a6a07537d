//go:build cgo

package postgres

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	pgquery "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var (
	anyKeys = regexp.MustCompile(`(?i)\bany\s*\(\s*\$keys\s*\)`)

	errOneChange = errors.New("must be one UPDATE or DELETE of one table")
	errWhere     = errors.New("must have no WHERE, or WHERE key = ANY($keys): the bot adds which rows")
)

// readStatement takes a fix statement apart with Postgres's own parser. What is
// not known to be one change of one table by its key is refused: no other
// table, no subquery, no WITH, no RETURNING, no function that does not only
// compute.
func readStatement(sql string) (readable, error) {
	if len(anyKeys.FindAllString(sql, -1)) > 1 {
		return readable{}, errWhere
	}
	tree, err := pgquery.Parse(anyKeys.ReplaceAllString(sql, "ANY($$1)"))
	if err != nil {
		return readable{}, fmt.Errorf("cannot be parsed: %w", err)
	}
	if len(tree.GetStmts()) != 1 {
		return readable{}, errNotOneStatement
	}
	if strings.Contains(sql, "$1") {
		return readable{}, errWhere
	}
	whole := tree.GetStmts()[0].GetStmt()
	if u := whole.GetUpdateStmt(); u != nil {
		if len(u.GetFromClause()) > 0 || len(u.GetReturningList()) > 0 || u.GetWithClause() != nil {
			return readable{}, errors.New("must not have FROM, RETURNING or WITH")
		}
		return readUpdate(u)
	}
	if d := whole.GetDeleteStmt(); d != nil {
		if len(d.GetUsingClause()) > 0 || len(d.GetReturningList()) > 0 || d.GetWithClause() != nil {
			return readable{}, errors.New("must not have USING, RETURNING or WITH")
		}
		s, err := readTable(d.GetRelation(), d.GetWhereClause())
		s.delete = true
		return s, err
	}
	return readable{}, errOneChange
}

func readUpdate(u *pgquery.UpdateStmt) (readable, error) {
	s, err := readTable(u.GetRelation(), u.GetWhereClause())
	if err != nil {
		return readable{}, err
	}
	for _, n := range u.GetTargetList() {
		target := n.GetResTarget()
		if target.GetName() == "" || len(target.GetIndirection()) > 0 || target.GetVal().GetMultiAssignRef() != nil || target.GetVal().GetSetToDefault() != nil {
			return readable{}, errors.New("must set whole columns, one by one, to expressions")
		}
		if err := judge(target.GetVal().ProtoReflect()); err != nil {
			return readable{}, err
		}
		if holdsSubquery(target.GetVal().ProtoReflect()) {
			return readable{}, errors.New("must not have a subquery")
		}
		text, err := expressionText(target.GetVal())
		if err != nil {
			return readable{}, err
		}
		s.set = append(s.set, assignment{column: target.GetName(), expression: text})
	}
	return s, nil
}

// readTable reads which table changes, and by which column its rows are named.
func readTable(table *pgquery.RangeVar, where *pgquery.Node) (readable, error) {
	if table.GetAlias() != nil || !table.GetInh() || table.GetCatalogname() != "" {
		return readable{}, errors.New("must name its table plainly, without alias or ONLY")
	}
	if err := allowedRelation(table.GetSchemaname(), table.GetRelname()); err != nil {
		return readable{}, err
	}
	s := readable{table: table.GetRelname()}
	if schema := table.GetSchemaname(); schema != "" {
		s.table = schema + "." + s.table
	}
	if where == nil {
		return s, nil
	}
	e := where.GetAExpr()
	name := e.GetLexpr().GetColumnRef().GetFields()
	if e.GetKind() != pgquery.A_Expr_Kind_AEXPR_OP_ANY || strings.Join(words(e.GetName()), ".") != "=" ||
		len(name) != 1 || name[0].GetString_() == nil || e.GetRexpr().GetParamRef().GetNumber() != 1 {
		return readable{}, errWhere
	}
	s.key = name[0].GetString_().GetSval()
	return s, nil
}

// expressionText is the text of an expression.
func expressionText(expression *pgquery.Node) (string, error) {
	tree, err := pgquery.Parse("SELECT 1")
	if err != nil {
		return "", fmt.Errorf("cannot be written: %w", err)
	}
	tree.GetStmts()[0].GetStmt().GetSelectStmt().GetTargetList()[0].GetResTarget().Val = expression
	text, err := pgquery.Deparse(tree)
	if err != nil {
		return "", fmt.Errorf("cannot be written: %w", err)
	}
	return strings.TrimPrefix(text, "SELECT "), nil
}

// holdsSubquery tells whether a part of a tree reads a table.
func holdsSubquery(node protoreflect.Message) bool {
	switch node.Interface().(type) {
	case *pgquery.SubLink, *pgquery.SelectStmt:
		return true
	}
	found := false
	node.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Message() == nil:
		case field.IsList():
			for i := range value.List().Len() {
				found = found || holdsSubquery(value.List().Get(i).Message())
			}
		default:
			found = holdsSubquery(value.Message())
		}
		return !found
	})
	return found
}
