package postgres

import _ "embed"

//go:embed sql/target.sql
var targetSQL string

// TargetSQL is what the owner of a database runs before plans can be applied
// there. deploy/sql/target.sql is the same, byte for byte.
func TargetSQL() string { return targetSQL }
