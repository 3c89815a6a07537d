//go:build cgo

package postgres

import (
	"strings"
	"testing"
)

func TestPlanStatementHasOneShape(t *testing.T) {
	t.Parallel()
	const query = `{sql: SELECT id FROM shelf}`
	for name, c := range map[string]struct{ statement, want string }{
		"two":              {"DELETE FROM shelf; DELETE FROM item", "exactly one statement"},
		"insert":           {"INSERT INTO shelf VALUES (1)", "one UPDATE or DELETE"},
		"select":           {"SELECT 1", "one UPDATE or DELETE"},
		"truncate":         {"TRUNCATE shelf", "one UPDATE or DELETE"},
		"block":            {"DO $$ BEGIN DELETE FROM shelf; END $$", "one UPDATE or DELETE"},
		"from":             {"UPDATE shelf SET n = i.id FROM item i", "FROM"},
		"using":            {"DELETE FROM shelf USING item", "USING"},
		"returning":        {"DELETE FROM shelf RETURNING *", "RETURNING"},
		"with":             {"WITH x AS (DELETE FROM item RETURNING 1) DELETE FROM shelf", "WITH"},
		"alias":            {"DELETE FROM shelf s", "alias"},
		"only":             {"DELETE FROM ONLY shelf", "ONLY"},
		"catalog":          {"DELETE FROM pg_authid", "catalog"},
		"subquery":         {"UPDATE shelf SET n = (SELECT max(id) FROM item)", "subquery"},
		"exists":           {"UPDATE shelf SET b = EXISTS (SELECT 1 FROM item)", "subquery"},
		"function":         {"UPDATE shelf SET n = nextval('s')", "nextval"},
		"several at once":  {"UPDATE shelf SET (n, m) = (SELECT 1, 2)", "one by one"},
		"default":          {"UPDATE shelf SET n = DEFAULT", "whole columns"},
		"part of a column": {"UPDATE shelf SET n[1] = 2", "whole columns"},
		"other rows":       {"DELETE FROM shelf WHERE n > 3", "no WHERE"},
		"or true":          {"DELETE FROM shelf WHERE id = ANY($keys) OR true", "no WHERE"},
		"not":              {"DELETE FROM shelf WHERE id <> ANY($keys)", "no WHERE"},
		"all":              {"DELETE FROM shelf WHERE id = ALL($keys)", "syntax error"},
		"another number":   {"DELETE FROM shelf WHERE id = ANY($1)", "no WHERE"},
		"in a set":         {"UPDATE shelf SET b = id = ANY($keys)", "parameter"},
		"current of":       {"DELETE FROM shelf WHERE CURRENT OF c", "no WHERE"},
		"not SQL":          {"drop it", "cannot be parsed"},
		"another table":    {"DELETE FROM item WHERE id = ANY($keys)", "but the statement changes item"},
	} {
		words := yamlNode(t, "{table: shelf}")
		words.Content = append(words.Content, yamlNode(t, "statement"), yamlNode(t, "x"))
		words.Content[3].Value = c.statement
		if _, err := DeclareFix("query", declareCheck(t, "query", query), words); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
