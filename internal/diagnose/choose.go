package diagnose

import (
	"fmt"
	"slices"

	"github.com/integritybot/integritybot/internal/check"
)

// The kinds of check that steps look for.
const (
	kindOrphans     = "orphans"
	kindDuplicates  = "duplicates"
	kindTotals      = "totals"
	kindMatch       = "match"
	kindForeignKeys = "foreign-keys"
	kindLag         = "lag"
	kindLetters     = "dead-letters"
	kindCache       = "cache"
	kindLocks       = "locks"
)

// choose gives the checks of each step, and what they are called together. What a
// domain chooses is data checks; events, cache and locks belong to every question,
// and so do foreign keys, which are the whole database's and come last.
func (d *doctor) choose(domain string) (map[Step][]check.Check, string, error) {
	named, title, err := d.Checks.Select(domain)
	if err != nil {
		return nil, "", &check.Problem{Sentence: fmt.Sprintf("There is no domain or check called %q to diagnose.", domain), Err: err}
	}
	if domain == "" || domain == "all" {
		title = "All data"
	}
	chosen := map[Step][]check.Check{}
	var keys []check.Check
	for _, c := range d.Checks {
		asked := slices.ContainsFunc(named, func(n check.Check) bool { return n.Name == c.Name })
		switch {
		case c.Off: // nobody gave its target an address: that is not set up, and not UNKNOWN
		case c.OnRequest && !(len(named) == 1 && asked): // one that is named alone is meant
		case c.Kind == kindForeignKeys:
			keys = append(keys, c)
		case check.JudgesRows(c.Kind) && asked:
			chosen[Data] = append(chosen[Data], c)
		case c.Kind == kindLag, c.Kind == kindLetters:
			chosen[Events] = append(chosen[Events], c)
		case c.Kind == kindCache:
			chosen[Cache] = append(chosen[Cache], c)
		case c.Kind == kindLocks:
			chosen[Races] = append(chosen[Races], c)
		}
	}
	if len(chosen[Data]) == 0 && !slices.ContainsFunc(named, ofRows) { // events, cache: whatever data they may have spoiled
		chosen[Data] = d.allOfRows()
	}
	chosen[Data] = append(chosen[Data], keys...)
	return chosen, title, nil
}

// ofRows tells whether a check judges the rows of some table.
func ofRows(c check.Check) bool { return check.JudgesRows(c.Kind) && c.Kind != kindForeignKeys }

// allOfRows are those that run by themselves.
func (d *doctor) allOfRows() []check.Check {
	var out []check.Check
	for _, c := range d.Checks {
		if ofRows(c) && !c.OnRequest && !c.Off {
			out = append(out, c)
		}
	}
	return out
}
