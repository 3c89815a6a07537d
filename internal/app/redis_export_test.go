package app

import "github.com/integritybot/integritybot/internal/reconcile"

// Rows are what cached values are compared with, in checks, plans and looks alike.
func (t *Targets) Rows() reconcile.Rows { return t.rows }
