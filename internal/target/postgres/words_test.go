package postgres

import (
	"fmt"
	"slices"
	"strconv"
)

func sprint(format string, v any) string { return fmt.Sprintf(format, v) }

func itoa(n int) string { return strconv.Itoa(n) }

// numbered gives names from a format and numbers.
func numbered(format string, from, to int) []string {
	var out []string
	for i := from; i <= to; i++ {
		out = append(out, fmt.Sprintf(format, i))
	}
	return out
}

func suffixed(names []string, suffix string) []string {
	var out []string
	for _, n := range names {
		out = append(out, n+suffix)
	}
	return sorted(out)
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
