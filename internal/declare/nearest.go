package postgres

import (
	"cmp"
	"slices"
	"strings"
)

// didYouMean ends a sentence: with a suggestion, or with a full stop when no
// existing name is near.
func didYouMean(name string, have []string) string {
	best, distance := "", max(2, len(name)/3)+1
	slices.SortFunc(have, cmp.Compare[string])
	for _, h := range have {
		_, bare := splitName(h)
		d := min(edits(strings.ToLower(name), strings.ToLower(h)), edits(strings.ToLower(name), strings.ToLower(bare)))
		if d < distance {
			best, distance = h, d
		}
	}
	if best == "" {
		return "."
	}
	return ": did you mean " + best + "?"
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			next := min(row[j]+1, row[j+1]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(y)]
}
