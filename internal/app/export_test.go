package app

import "context"

// Processed asks as a replay does.
func (t *Targets) Processed(ctx context.Context, target, table, column string, ids []string) (map[string]bool, error) {
	return t.sources.Tables.Known(ctx, target, table, column, ids)
}
