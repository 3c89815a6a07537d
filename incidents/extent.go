package incidents

import (
	"time"

	"github.com/integritybot/integritybot/internal/check"
)

// extent are the highest numbers that any run gave, by check: the damage, which later
// runs do not make smaller. runs are the findings that the audit events tell of.
func extent(v View) []Checked {
	runs := map[string][]Measure{}
	for _, e := range v.Events {
		if m, ok := foundIn(e); ok {
			runs[e.Target] = append(runs[e.Target], m)
		}
	}
	out := make([]Checked, 0, len(v.Checks))
	for _, c := range v.Checks {
		for _, m := range append([]Measure{c.First, c.Failed}, runs[c.Name]...) {
			if m.Verdict == check.Fail && (c.Last.Verdict != check.Fail || m.Rows > c.Last.Rows) {
				c.Last = m
			}
		}
		out = append(out, c)
	}
	return out
}

// badTimes are the first and the last bad time that any run knew. Zero: none did.
func badTimes(v View) (first, last time.Time) {
	first = v.Incident.Milestones.Began
	for _, c := range v.Checks {
		for _, m := range []Measure{c.First, c.Failed, c.Last} {
			if !m.First.IsZero() && (first.IsZero() || m.First.Before(first)) {
				first = m.First
			}
			if m.Last.After(last) {
				last = m.Last
			}
		}
	}
	return first, last
}
