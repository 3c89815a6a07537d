package postgres

import "context"

// withItself gives a target that reads a replica a second handle on the database
// itself: who waits for whom, and how its statistics stand, each server only
// knows of itself. It connects when it is first asked.
func (t *Target) withItself(ctx context.Context, o Options) error {
	if o.ReadDSN == "" || o.DSN == "" {
		return nil
	}
	o.ReadDSN = ""
	var err error
	t.primary, err = Open(ctx, o)
	return err
}

// itself is the database itself, also where checks read a replica.
func (t *Target) itself() *Target {
	if t.primary != nil {
		return t.primary
	}
	return t
}
