package reconcile

import (
	"fmt"

	"github.com/integritybot/integritybot/internal/check"
)

func problemf(format string, args ...any) error {
	return &check.Problem{Sentence: fmt.Sprintf(format, args...)}
}
