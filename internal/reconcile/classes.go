package reconcile

import (
	"strings"

	"github.com/integritybot/integritybot/internal/check"
)

// maskKey is the word in mask that means the keys.
const maskKey = "key"

// classes are the words allowed in mask.
func classes() []check.Class {
	return []check.Class{check.Key, check.Number, check.Time, check.Code, check.Email, check.Name, check.Phone, check.Free}
}

func classNames() []string {
	var out []string
	for _, c := range classes() {
		out = append(out, string(c))
	}
	return out
}

// classify guesses what a column holds from its name and type, if the config does not
// say. When in doubt it is free text, which is masked.
func (w *cacheWords) classify(column, kind string) check.Class {
	if said, ok := w.Mask[column]; ok {
		return check.Class(said)
	}
	name := strings.ToLower(column)
	for _, g := range []struct {
		ending string
		class  check.Class
	}{
		{"mail", check.Email}, {"phone", check.Phone}, {"mobile", check.Phone}, {"fax", check.Phone},
	} {
		if strings.HasSuffix(name, g.ending) {
			return g.class
		}
	}
	switch familyOf(kind) {
	case aNumber, aFloat, aReal:
		return check.Number
	case aBoolean:
		return check.Code
	case anInstant, aMoment, aDate:
		return check.Time
	case aUUID:
		return check.Key
	case aText, aPadded, aDocument, unequal:
	}
	for _, ending := range []string{"status", "state", "currency", "kind", "type", "country"} {
		if strings.HasSuffix(name, ending) {
			return check.Code
		}
	}
	switch {
	case name == "id", strings.HasSuffix(name, "_id"), strings.HasSuffix(name, "sku"):
		return check.Key
	case strings.HasSuffix(name, "name"):
		return check.Name
	}
	return check.Free
}

// keyClass is what the keys hold.
func (w *cacheWords) keyClass() check.Class {
	if said, ok := w.Mask[maskKey]; ok {
		return check.Class(said)
	}
	return check.Key
}
