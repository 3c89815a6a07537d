package store

import (
	"cmp"
	"slices"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
)

// measured is what runs, in the order of their numbers, found of each check, in the
// order in which it was first run. Runs that looked at a part of the data only are
// left out: a part that is right says nothing about the whole. fixed is when the plans
// ended that runs carried out.
func measured(runs []check.Run, fixed map[int64]time.Time) []incidents.Checked {
	var names []string
	all := map[string][]incidents.Measure{}
	for _, run := range runs {
		if run.Options.Since > 0 || run.Options.Match != "" {
			continue
		}
		for _, f := range run.Findings {
			if all[f.Check] == nil {
				names = append(names, f.Check)
			}
			m := measure(run, f)
			m.Began = firstKnown(fixed[run.ID], run.Started, run.Finished, run.AskedAt)
			all[f.Check] = append(all[f.Check], m)
		}
	}
	checks := make([]incidents.Checked, len(names))
	for i, name := range names {
		checks[i] = checked(name, all[name])
	}
	return checks
}

// inOrderOfReading is by the clock of the database: those of the processes that measured
// may differ, and then a PASS of old data would hide a FAIL.
func inOrderOfReading(a, b incidents.Measure) int {
	return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Run, b.Run))
}

// checked sums the measures of one check up, in the order in which they were read.
func checked(name string, measures []incidents.Measure) incidents.Checked {
	slices.SortStableFunc(measures, inOrderOfReading)
	c := incidents.Checked{Name: name}
	var before incidents.Measure
	for _, m := range measures {
		c.Last = m
		switch m.Verdict {
		case check.Fail:
			c.Failed = m
		case check.Pass:
			c.Passed = m
		default:
			continue
		}
		if !c.First.Known() {
			c.First = m
		} else if m.Rows > before.Rows {
			c.Grew = m.At
		}
		before = m
	}
	return c
}

// measure is a finding in numbers. One of a check that was never begun is known since
// its run ended.
func measure(run check.Run, f check.Finding) incidents.Measure {
	m := incidents.Measure{
		Run: run.ID, Verdict: f.Verdict, Reason: f.Reason, Rows: f.Tally.Rows, Of: f.Result.Scanned,
		Money: f.Tally.Money, First: f.Tally.First, Last: f.Tally.Last, Started: f.Started, At: f.Started.Add(f.Duration),
	}
	if f.Started.IsZero() {
		m.At = firstKnown(run.Finished, run.Started, run.AskedAt)
	}
	return m
}

func firstKnown(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// underway are the runs that are not over.
func underway(runs []check.Run) []incidents.Underway {
	var open []incidents.Underway
	for _, run := range runs {
		if run.State == check.Queued || run.State == check.Running {
			open = append(open, incidents.Underway{Run: run.ID, Title: run.Title, By: run.AskedBy, Since: firstKnown(run.Started, run.AskedAt)})
		}
	}
	return open
}
