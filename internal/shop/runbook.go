package shop

import (
	"embed"
	"fmt"
)

//go:embed runbook/*.sql
var runbookFiles embed.FS

// RunbookQuery is one SQL statement of the runbook, word for word.
type RunbookQuery struct {
	// Check is the check of ours that asks the same question.
	Check string
	SQL   string
}

// Runbook is the SQL that people paste today, for comparison and benchmarks only: what is wrong with each of
// these statements is the reason for this product.
type Runbook struct {
	Checks       []RunbookQuery // step 2, "Run Data Integrity Checks", in its order
	Verification []RunbookQuery // "Verification Queries", in their order
	Fixes        []RunbookQuery // "Run data reconciliation", in its order; they destroy data
}

// RunbookQueries gives the runbook's five checks, four verification queries and four fixes.
func RunbookQueries() Runbook {
	common := []string{OrphanedOrders, DuplicateEmails, OrderTotals, ProductStock}
	return Runbook{
		Checks:       runbookQueries("check", append(common[:4:4], OrderPayments)),
		Verification: runbookQueries("verify", common),
		Fixes:        runbookQueries("fix", common),
	}
}

func runbookQueries(purpose string, checks []string) []RunbookQuery {
	list := make([]RunbookQuery, len(checks))
	for i, check := range checks {
		name := fmt.Sprintf("runbook/%s-%s.sql", purpose, check)
		sql, err := runbookFiles.ReadFile(name)
		if err != nil {
			panic(fmt.Sprintf("shop: %s is missing from the binary: %v", name, err)) // a mistake at build time, seen by any test
		}
		list[i] = RunbookQuery{Check: check, SQL: string(sql)}
	}
	return list
}
