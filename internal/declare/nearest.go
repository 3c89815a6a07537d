package declare

import (
	"slices"
	"strings"
)

// DidYouMean ends a sentence: with a suggestion, or with a full stop when no
// existing name is near. Of a name with a schema, what follows it is enough.
func DidYouMean(name string, have []string) string {
	best, distance := "", max(2, len(name)/3)+1
	have = slices.Sorted(slices.Values(have))
	for _, h := range have {
		bare := h[strings.LastIndexByte(h, '.')+1:]
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
