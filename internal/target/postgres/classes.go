package postgres

import (
	"strings"

	"github.com/integritybot/integritybot/internal/check"
)

// classes are the words allowed in mask.
func classes() []check.Class {
	return []check.Class{check.Key, check.Number, check.Time, check.Code, check.Email, check.Name, check.Phone, check.Free}
}

// classify guesses what a column holds from its type and name. When in doubt it
// is free text, which is masked.
func classify(c Column) check.Class {
	name := strings.ToLower(c.Name)
	for _, g := range personal() {
		if strings.HasSuffix(name, g.word) {
			return g.class
		}
	}
	switch t := c.Type; {
	case t == "uuid":
		return check.Key
	case t == "boolean":
		return check.Code
	case isNumber(t):
		return check.Number
	case strings.HasPrefix(t, "timestamp"), strings.HasPrefix(t, "time "), t == "date", t == "interval":
		return check.Time
	}
	for _, g := range coded() {
		if strings.HasSuffix(name, g.word) {
			return g.class
		}
	}
	if name == "id" {
		return check.Key
	}
	return check.Free
}

// ending is a class and how the names of its columns end.
type ending struct {
	word  string
	class check.Class
}

// personal columns are masked whatever their type: a phone number may be a
// bigint.
func personal() []ending {
	return []ending{
		{"mail", check.Email}, {"phone", check.Phone}, {"mobile", check.Phone}, {"fax", check.Phone},
	}
}

func coded() []ending {
	return []ending{
		{"_id", check.Key},
		{"_ref", check.Key},
		{"_key", check.Key},
		{"sku", check.Key},
		{"uuid", check.Key},
		{"status", check.Code},
		{"state", check.Code},
		{"currency", check.Code},
		{"kind", check.Code},
		{"type", check.Code},
		{"country", check.Code},
		{"name", check.Name},
	}
}

func isNumber(t string) bool {
	switch t {
	case "smallint", "integer", "bigint", "numeric", "real", "double precision", "money", "oid":
		return true
	}
	return false
}
