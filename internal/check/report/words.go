package report

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// icon stands before a verdict's word, never instead of it.
func icon(v check.Verdict) string {
	switch v {
	case check.Pass:
		return "🟢"
	case check.Fail:
		return "🔴"
	default:
		return "⚪"
	}
}

func checksText(n int) string { return phrase.Plural(int64(n), "check") }

// streams are the kinds of check that look at records of a stream and not at rows
// of tables.
func streams() []string { return []string{"lag", "dead-letters"} }

// naming are the kinds of check whose one-clause outcome names what others have named.
func naming() []string { return []string{"locks", "writers", "restore", "dead-letters"} }

// unit is what a run reads, in the plural: what all of its checks read, or rows.
func unit(run check.Run, checks Checks) string {
	units := map[string]string{"lag": "records", "dead-letters": "records", "locks": "sessions", "writers": "deployments", "restore": "jobs", "cache": "values and rows"}
	found := ""
	for _, name := range run.Checks {
		one := cmp.Or(units[checks[name].Kind], "rows")
		if found != "" && found != one {
			return "rows"
		}
		found = one
	}
	return cmp.Or(found, "rows")
}

// ofWhole is a number with its whole: "30 of 3,000,000".
func ofWhole(f check.Finding) string {
	return phrase.Count(f.Tally.Rows) + " of " + phrase.Count(f.Result.Scanned)
}

// mostClasses is how many kinds of finding one line names.
const mostClasses = 8

// classText lists the kinds of finding of a kind of check, the commonest first.
func classText(classes map[string]int64, kind string) string {
	names := make([]string, 0, len(classes))
	for name := range classes {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		if classes[names[i]] != classes[names[j]] {
			return classes[names[i]] > classes[names[j]]
		}
		return names[i] < names[j]
	})
	var parts []string
	shown := names[:min(len(names), mostClasses)]
	for _, name := range shown {
		parts = append(parts, phrase.Count(classes[name])+" "+className(name, kind))
	}
	if more := names[len(shown):]; len(more) > 0 {
		var rest int64
		for _, name := range more {
			rest += classes[name]
		}
		parts = append(parts, fmt.Sprintf("%s in %d more", phrase.Count(rest), len(more)))
	}
	return strings.Join(parts, ", ")
}

// className is a kind of finding as people read it after a number. Those of a
// stream are names of errors, topics and keys, which stay as they are.
func className(class, kind string) string {
	switch {
	case slices.Contains(streams(), kind):
		return class
	case class == "differs":
		return "off"
	case class == "null":
		return "NULL"
	case class == "no rows":
		return "without rows"
	}
	return strings.ReplaceAll(class, "_", " ")
}
