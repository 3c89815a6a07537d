//go:build cgo

package postgres

import (
	"errors"
	"fmt"
	"strings"

	pgquery "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// guardQuery parses with Postgres's own parser.
func guardQuery(sql string) (string, error) {
	tree, err := pgquery.Parse(sql)
	if err != nil {
		return "", fmt.Errorf("cannot be parsed: %w", err)
	}
	if len(tree.GetStmts()) != 1 {
		return "", errNotOneStatement
	}
	raw := tree.GetStmts()[0]
	if raw.GetStmt().GetSelectStmt() == nil {
		return "", errNotSelect
	}
	if err := judge(raw.GetStmt().ProtoReflect()); err != nil {
		return "", err
	}
	end := len(sql)
	if n := int(raw.GetStmtLen()); n > 0 {
		end = int(raw.GetStmtLocation()) + n
	}
	return strings.TrimSpace(sql[raw.GetStmtLocation():end]), nil
}

// guardExpression accepts what is one condition or amount when put in brackets,
// and nothing that reaches out of them.
func guardExpression(sql string) error {
	tree, err := pgquery.Parse("SELECT 1 WHERE (" + sql + "\n) IS NULL")
	if err != nil {
		return fmt.Errorf("cannot be parsed as an expression: %w", err)
	}
	if len(tree.GetStmts()) != 1 {
		return errors.New("must be one expression")
	}
	s := tree.GetStmts()[0].GetStmt().GetSelectStmt()
	whole := s.GetWhereClause().GetNullTest()
	if s == nil || whole == nil || whole.GetArg().GetRowExpr() != nil || s.GetOp() != pgquery.SetOperation_SETOP_NONE || len(s.GetFromClause()) > 0 ||
		len(s.GetGroupClause()) > 0 || len(s.GetSortClause()) > 0 || s.GetHavingClause() != nil {
		return errors.New("must be one expression")
	}
	return judge(whole.ProtoReflect())
}

// judge walks a parse tree and refuses every part that is not known to be
// harmless: a new kind of statement or expression is refused until somebody has
// looked at it.
func judge(node protoreflect.Message) error {
	if err := judgeOne(node); err != nil {
		return err
	}
	var found error
	node.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Message() == nil:
		case field.IsList():
			for i := range value.List().Len() {
				if found = judge(value.List().Get(i).Message()); found != nil {
					return false
				}
			}
		default:
			found = judge(value.Message())
		}
		return found == nil
	})
	return found
}

func judgeOne(node protoreflect.Message) error {
	switch n := node.Interface().(type) {
	case *pgquery.FuncCall:
		return allowedFunction(words(n.GetFuncname()))
	case *pgquery.A_Expr:
		return allowedOperator(words(n.GetName()))
	case *pgquery.RangeVar:
		return allowedRelation(n.GetSchemaname(), n.GetRelname())
	case *pgquery.SubLink:
		if len(n.GetOperName()) > 0 {
			return allowedOperator(words(n.GetOperName()))
		}
		return nil
	case *pgquery.SortBy:
		if len(n.GetUseOp()) > 0 {
			return allowedOperator(words(n.GetUseOp()))
		}
		return nil
	case *pgquery.SQLValueFunction:
		return judgeValue(n.GetOp())
	case *pgquery.IntoClause:
		return errors.New("writes: SELECT … INTO makes a table")
	case *pgquery.LockingClause:
		return errors.New("locks rows: FOR UPDATE and FOR SHARE are not for checks")
	case *pgquery.InsertStmt, *pgquery.UpdateStmt, *pgquery.DeleteStmt, *pgquery.MergeStmt:
		return errors.New("writes: a WITH query changes rows")
	case *pgquery.ParamRef:
		return errors.New("has a parameter ($1), which nothing would fill")
	case *pgquery.Node, *pgquery.SelectStmt, *pgquery.ResTarget, *pgquery.ColumnRef, *pgquery.A_Const, *pgquery.A_Star,
		*pgquery.JoinExpr, *pgquery.RangeSubselect, *pgquery.RangeFunction, *pgquery.Alias, *pgquery.BoolExpr,
		*pgquery.NullTest, *pgquery.BooleanTest, *pgquery.CaseExpr, *pgquery.CaseWhen, *pgquery.CoalesceExpr,
		*pgquery.MinMaxExpr, *pgquery.TypeCast, *pgquery.TypeName, *pgquery.WindowDef, *pgquery.WithClause,
		*pgquery.CommonTableExpr, *pgquery.A_ArrayExpr, *pgquery.A_Indirection, *pgquery.A_Indices, *pgquery.List,
		*pgquery.RowExpr, *pgquery.CollateClause, *pgquery.GroupingSet, *pgquery.GroupingFunc, *pgquery.NamedArgExpr,
		*pgquery.String, *pgquery.Integer, *pgquery.Float, *pgquery.Boolean, *pgquery.BitString:
		return nil
	}
	return fmt.Errorf("uses %s, which a check may not", node.Descriptor().Name())
}

func judgeValue(op pgquery.SQLValueFunctionOp) error {
	switch op {
	case pgquery.SQLValueFunctionOp_SVFOP_CURRENT_DATE, pgquery.SQLValueFunctionOp_SVFOP_CURRENT_TIME,
		pgquery.SQLValueFunctionOp_SVFOP_CURRENT_TIME_N, pgquery.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP,
		pgquery.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP_N, pgquery.SQLValueFunctionOp_SVFOP_LOCALTIME,
		pgquery.SQLValueFunctionOp_SVFOP_LOCALTIME_N, pgquery.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP,
		pgquery.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP_N:
		return nil
	default:
		return errors.New("asks who is connected, which is no matter of a check")
	}
}

// words are the parts of a name.
func words(nodes []*pgquery.Node) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, n.GetString_().GetSval())
	}
	return out
}
