package incidents

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// steady is since when no run has found more than the first one; zero: that is not known.
func (f measured) steady() (since time.Time) {
	if len(f.again()) < len(f.fails) {
		return since
	}
	for _, c := range f.fails {
		since = later(since, c.First.At)
	}
	return since
}

// lastWrong is the last bad time of what is wrong now.
func (f measured) lastWrong() (last time.Time) {
	for _, c := range f.fails {
		last = later(last, c.Last.Last)
	}
	return last
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// wrongRows are the rows that each check that answered found, to say later what changed.
func wrongRows(v View) map[string]int64 {
	rows := map[string]int64{}
	for _, c := range v.Checks {
		switch c.Last.Verdict {
		case check.Fail:
			rows[c.Name] = c.Last.Rows
		case check.Pass:
			rows[c.Name] = 0
		case check.Unknown:
		}
	}
	return rows
}

// comparableRows tells whether the same checks had answered, so that their sums can be
// compared.
func (w Wording) comparableRows(then, now map[string]int64) bool {
	counted := func(rows map[string]int64) []string {
		return slices.DeleteFunc(sortedKeys(rows), func(name string) bool { return !w.counts(name) })
	}
	return len(then) > 0 && slices.Equal(counted(then), counted(now))
}

// worstFirst are the failing checks by how many rows they found, those that are added up
// before the others.
func (f measured) worstFirst() []Checked {
	worse := func(a, b Checked) int { return cmp.Compare(b.Last.Rows, a.Last.Rows) }
	return append(slices.SortedStableFunc(slices.Values(f.summed), worse), slices.SortedStableFunc(slices.Values(f.beside), worse)...)
}

// counts tells whether what a check finds are rows that are added up: sessions, consumers
// and deployments are none, and what is checked only on request, such as the runbook's
// verification queries, looks at the rows of other checks once more.
func (w Wording) counts(name string) bool {
	c, known := w.Checks[name]
	return known && !c.OnRequest && !slices.Contains([]string{"lag", "dead-letters", "locks", "writers", "restore"}, c.Kind)
}

// countRows adds up the wrong rows of checks.
func (w Wording) countRows(rows map[string]int64) (sum int64) {
	for name, n := range rows {
		if w.counts(name) {
			sum += n
		}
	}
	return sum
}

// wrongText is "133 wrong rows", or that there are at least so many; empty where there
// are none.
func wrongText(n int64, atLeast bool) string {
	switch {
	case n == 0:
		return ""
	case atLeast:
		return "at least " + phrase.Plural(n, "wrong row")
	}
	return phrase.Plural(n, "wrong row")
}

// countOf is a number with its noun in sentences of refusal.
func countOf(n int, noun string) string { return phrase.Plural(int64(n), noun) }

// datum words what a check found last.
func (w Wording) datum(c Checked, numbers, money bool) Datum {
	declared := w.Checks[c.Name]
	d := Datum{Title: w.checkTitle(c.Name), Noun: declared.Noun, Means: declared.Means}
	if d.Noun == "" {
		d.Noun = "rows"
	}
	if d.Means == "" {
		d.Means = "are not as they should be"
	}
	if numbers {
		d.Rows, d.Of = phrase.Count(c.Last.Rows), phrase.Count(c.Last.Of)
	}
	if money {
		d.Money = phrase.Amounts(c.Last.Money)
	}
	return d
}

// checkTitle is what people call a check; its name is from the config as well.
func (w Wording) checkTitle(name string) string {
	if c := w.Checks[name]; c.Title != "" {
		return c.Title
	}
	return name
}

// places are where the wrong data are, each once.
func (w Wording) places(wrong []Checked) []string {
	var out []string
	for _, c := range wrong {
		if place := w.Checks[c.Name].Place; place != "" && !slices.Contains(out, place) {
			out = append(out, place)
		}
	}
	return out
}

// area is a domain as the config knows it; anything else is not repeated to audiences.
func (w Wording) area(domain string) string {
	known := slices.ContainsFunc(slices.Collect(maps.Values(w.Checks)), func(c check.Check) bool { return c.Domain == domain }) ||
		slices.ContainsFunc(slices.Collect(maps.Values(w.Rules.Alerts)), func(a AlertRule) bool { return a.Domain == domain }) ||
		slices.ContainsFunc(w.Rules.Severities, func(s SeverityRule) bool { return slices.Contains(s.Domains, domain) })
	if domain == "" || !known {
		return ""
	}
	return domain
}

// areas are the domains of checks or, of none, that of the incident: "orders and payments
// data".
func (w Wording) areas(i Incident, checks []Checked) string {
	var out []string
	for _, c := range checks {
		if domain := w.Checks[c.Name].Domain; domain != "" && !slices.Contains(out, domain) {
			out = append(out, domain)
		}
	}
	if area := w.area(i.Domain); len(out) == 0 && area != "" {
		out = append(out, area)
	}
	if len(out) == 0 {
		return "data"
	}
	return listed(out) + " data"
}
