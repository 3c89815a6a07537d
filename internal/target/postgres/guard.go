package postgres

import (
	"errors"
	"strings"
)

// GuardExpression refuses text that cannot be one SQL expression. It is for
// predicates and amounts of the config, which are trusted but may be mistyped.
// The empty text is fine.
func GuardExpression(sql string) error {
	if strings.TrimSpace(sql) == "" {
		return nil
	}
	return guardExpression(sql)
}

func guardExpression(sql string) error {
	if strings.ContainsAny(sql, ";") {
		return errors.New("must be one expression, without a semicolon")
	}
	return nil
}
