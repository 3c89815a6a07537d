package commands

import "errors"

// ErrNotFound is returned by an Archive that has no such thing.
var ErrNotFound = errors.New("not found")

// ErrInDoubt is returned by a Ledger whose connection was lost while it
// committed and whose database then stayed silent: the request may be recorded
// and carried out, or not.
var ErrInDoubt = errors.New("it is not known whether it was recorded")
