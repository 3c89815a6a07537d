package commands

import "errors"

// ErrNotFound is returned by an Archive that has no such thing.
var ErrNotFound = errors.New("not found")
