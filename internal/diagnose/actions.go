package diagnose

import (
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
)

// mostFixes is how many fixes of data one cause offers.
const mostFixes = 3

// actions are what can be done about a cause. Only fixes that the config declares
// are offered, and only of checks that found something now.
func (r reporter) actions(w weighed, first bool) []message.Action {
	var out []message.Action
	switch w.cause {
	case FailedEvents:
		out = r.fixing(Events, mostFixes, func(f judged) string {
			if f.of.Kind == kindLetters {
				return "Preview replay"
			}
			return ""
		})
	case Race:
		out = append([]message.Action{{Verb: "locks", Label: "Show locks"}}, r.fixing(Races, 1, func(judged) string {
			if r.evidence.sights[Blocked].count > 0 {
				return "Preview cancel"
			}
			return ""
		})...)
		out = append(out, r.fixing(Data, mostFixes, doubledOnly)...)
	case StaleCache:
		out = r.fixing(Cache, mostFixes, func(judged) string { return "Preview clearing" })
	case Corruption:
		out = append(r.fixing(Data, mostFixes, anyData), r.preventing()...)
	case RecentChange:
		out = append([]message.Action{{Verb: "changes", Label: "Show changes"}}, r.stopping()...)
	}
	if first && len(out) > 0 {
		out[0].Style = message.Primary
	}
	return out
}

func anyData(f judged) string { return "Preview fix: " + titleOf(f.of) }

func doubledOnly(f judged) string {
	if f.of.Kind == kindDuplicates || f.of.Kind == kindTotals {
		return anyData(f)
	}
	return ""
}

// fixing are buttons for the fixes of failing checks of a step; label says how one
// is called, empty: not this one.
func (r reporter) fixing(s Step, most int, label func(judged) string) []message.Action {
	var out []message.Action
	several := 0
	for _, f := range r.findings(s) {
		if _, declared := r.fixes[f.Check]; declared && f.Tally.Rows > 0 && label(f) != "" {
			several++
		}
	}
	for _, f := range r.findings(s) {
		text := label(f)
		if _, declared := r.fixes[f.Check]; !declared || f.Tally.Rows == 0 || text == "" || len(out) == most {
			continue
		}
		if several > 1 && s != Data { // the same words would stand there twice
			text += ": " + titleOf(f.of)
		}
		out = append(out, message.Action{Verb: "fix", Ref: f.Check, Label: text})
	}
	return out
}

// preventing is the way to keep the first failing check of data from failing again.
func (r reporter) preventing() []message.Action {
	for _, f := range r.findings(Data) {
		if f.Verdict == check.Fail {
			return []message.Action{{Verb: "prevent", Ref: f.Check, Label: "How to prevent"}}
		}
	}
	return nil
}

// stopping is offered where the config says how writes are stopped.
func (r reporter) stopping() []message.Action {
	for _, f := range r.fixes {
		if f.Check.Kind == "writers" {
			return []message.Action{{Verb: "writes", Ref: "stop", Label: "Preview stopping writes"}}
		}
	}
	return nil
}

// nextActions are what can be looked at where no cause is clear.
func (r reporter) nextActions() []message.Action {
	if r.evidence.sights[Trouble].count == 0 {
		return nil
	}
	word := r.domain
	if word == "" {
		word = "all"
	}
	return []message.Action{
		{Verb: "check", Ref: word, Label: "Show failing rows"},
		{Verb: "changes", Label: "Show changes"},
	}
}
