package look

import (
	"context"
	"time"
)

// Change is something that was done to a system, for a time line of several
// targets.
type Change struct {
	At   time.Time
	Kind Kind // Rollout, ConfigEdit, Scaling or Migration
	// What was changed: deployment/ecommerce-backend, table orders. Foreign text.
	What string
	// Says in a clause what happened: "rollout 41: image 1.8.2 → 1.8.3".
	Says string
	// Who made it as far as the system tells, and what kind of name that is: "client
	// kubectl-set", "user flyway". Empty: not told.
	Who string
	// Differences are further lines, one each; values of secrets are never in them.
	Differences []string
	Place       string // where: production
	// Failed: it was tried and did not succeed.
	Failed bool
}

// Chronicler knows what was changed in one target.
type Chronicler interface {
	// Changes since a time, in any order. What could not be seen is in missing, one
	// sentence each; an error (a check.Problem) means that nothing was seen.
	Changes(ctx context.Context, since time.Time) (changes []Change, missing []string, err error)
}
