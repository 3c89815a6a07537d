package pgtest

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// maxName leaves room in PostgreSQL's 63 bytes for the number that makes a name unique.
const maxName = 48

// name makes a database or role name that is unique in this server and tells a reader of pg_stat_activity which test
// it belongs to.
func (c *cluster) name(from string) string {
	readable := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		default:
			return '_'
		}
	}, from)
	if len(readable) > maxName {
		readable = readable[:maxName]
	}
	return fmt.Sprintf("%s_%d", readable, c.names.Add(1))
}

func quote(identifier string) string { return pgx.Identifier{identifier}.Sanitize() }
