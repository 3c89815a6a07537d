package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// maxKeys is how many keys of rows that were left alone are named; all are in
// the plan's file.
const maxKeys = 10

// maxWord is how much of one word of a selection is shown, in characters.
const maxWord = 120

// maxKey is how much of one key is shown, in characters.
const maxKey = 40

func noun(d fix.Draft) string {
	if d.Noun == "" {
		return "rows"
	}
	return d.Noun
}

// some is a number of what the plan is about: "1 session", "30 orders".
func some(n int64, d fix.Draft) string {
	words := noun(d)
	if n == 1 {
		if stem, ok := strings.CutSuffix(words, "ies"); ok {
			words = stem + "y"
		}
		words = strings.TrimSuffix(words, "s")
	}
	return phrase.Count(n) + " " + words
}

func done(d fix.Draft) string {
	if d.Done == "" {
		return "changed"
	}
	return d.Done
}

// tableName is a table as people call it: without quotes, and without the schema
// that is meant when none is named.
func tableName(quoted string) string {
	return strings.TrimPrefix(strings.ReplaceAll(quoted, `"`, ""), "public.")
}

// asked tells how the plan was narrowed down and how fast it may be, so that who
// confirms it knows what somebody else left out. Empty: neither was said.
func asked(o fix.Order) string {
	var said []string
	for _, word := range o.Select {
		if runes := []rune(word); len(runes) > maxWord {
			word = string(runes[:maxWord-1]) + "…"
		}
		said = append(said, word)
	}
	if !o.From.IsZero() {
		said = append(said, "from "+phrase.Moment(o.From.UTC().Format(time.RFC3339))+" on")
	}
	if !o.To.IsZero() {
		said = append(said, "before "+phrase.Moment(o.To.UTC().Format(time.RFC3339)))
	}
	if o.Rate > 0 {
		said = append(said, "at most "+phrase.Count(int64(o.Rate))+" a second")
	}
	if len(said) == 0 {
		return ""
	}
	return "As it was asked for: " + and(said) + "."
}

func and(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// keys names some of total rows: " (o200, o311 and 5 more)". It is empty where
// there is none to name.
func keys(some []string, total int64) string {
	if len(some) == 0 {
		return ""
	}
	var short []string
	for _, k := range some[:min(len(some), maxKeys)] {
		if runes := []rune(k); len(runes) > maxKey {
			k = string(runes[:maxKey-1]) + "…"
		}
		short = append(short, k)
	}
	text := strings.Join(short, ", ")
	if more := total - int64(len(short)); more > 0 {
		text += " and " + phrase.Count(more) + " more"
	}
	return " (" + text + ")"
}

// skipped tells what was left alone, by table and reason, the commonest first.
func skipped(skips []fix.Skip) []string {
	type group struct {
		table string
		why   fix.Why
	}
	found := map[group][]string{}
	var order []group
	for _, s := range skips {
		g := group{tableName(s.Table), s.Why}
		if found[g] == nil {
			order = append(order, g)
		}
		found[g] = append(found[g], strings.Join(s.Key, "/"))
	}
	slices.SortStableFunc(order, func(a, b group) int { return len(found[b]) - len(found[a]) })
	var out []string
	for _, g := range order {
		n := int64(len(found[g]))
		in := ""
		if g.table != "" {
			in = " in " + g.table
		}
		out = append(out, fmt.Sprintf("%s%s left alone: %s%s.", phrase.Count(n), in, g.why, keys(found[g], n)))
	}
	return out
}
