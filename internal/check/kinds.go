package check

// JudgesRows tells that a kind of check looks at rows of tables, so that the first row
// that it finds wrong tells since when data is wrong. Other kinds look at streams,
// caches, sessions and workloads.
func JudgesRows(kind string) bool {
	switch kind {
	case "orphans", "duplicates", "totals", "match", "foreign-keys", "rows", "query":
		return true
	}
	return false
}
