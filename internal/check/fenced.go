package check

import "errors"

// ErrFenced is returned by a Journal whose process no longer owns the run:
// another one has taken it over, and nothing more may be written.
var ErrFenced = errors.New("another process has taken over this run")
