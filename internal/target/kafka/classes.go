package kafka

import (
	"github.com/integritybot/integritybot/internal/check"
)

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

// reserved are the columns that every row of dead letters has.
func reserved() []string {
	return []string{"partition", "offset", "died", "topic", "error", "message", "key", "id", "attempts"}
}
