package diagnose

import (
	"slices"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
)

// mostFixes is how many fixes of data one cause offers.
const mostFixes = 3

// The kind of check that knows which deployments write, and the ways of its fix that
// stop them.
const (
	kindWriters  = "writers"
	modeReadOnly = "read-only"
	modeScale    = "scale"
)

// actions are what can be done about a cause. Only fixes that the config declares
// and lets be applied are offered, and only of checks that found something now. In
// a channel shared with others nothing is repaired, so that none are.
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
		out = append(r.sessions(), r.fixing(Races, 1, func(judged) string {
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

// sessions shows who waits for whom, of the check that found somebody; of several that
// found nobody none is meant more than the others.
func (r reporter) sessions() []message.Action {
	var all, failed []judged
	for _, f := range r.findings(Races) {
		all = append(all, f)
		if f.Tally.Rows > 0 {
			failed = append(failed, f)
		}
	}
	one := failed
	if len(failed) == 0 {
		one = all
	}
	if len(one) == 0 || len(one) > 1 && len(failed) == 0 {
		return nil
	}
	return []message.Action{{Verb: "locks", Ref: one[0].Check, Label: "Show locks"}}
}

// fixing are buttons for the fixes of failing checks of a step; label says how one
// is called, empty: not this one.
func (r reporter) fixing(s Step, most int, label func(judged) string) []message.Action {
	var out []message.Action
	offered := slices.DeleteFunc(slices.Clone(r.findings(s)), func(f judged) bool {
		return !r.fixable(f.Check) || f.Tally.Rows == 0 || label(f) == ""
	})
	for _, f := range offered[:min(most, len(offered))] {
		text := label(f)
		if len(offered) > 1 && s != Data { // the same words would stand there twice
			text += ": " + titleOf(f.of)
		}
		out = append(out, message.Action{Verb: "fix", Ref: f.Check, Label: text})
	}
	return out
}

// fixable tells whether a plan of a check can be asked for here.
func (r reporter) fixable(check string) bool {
	declared, ok := r.fixes[check]
	return ok && !r.noRows && declared.Applier != nil && declared.Planner != nil
}

// preventing is the way to keep the first failing check of data from failing again.
// It shows how tables are made.
func (r reporter) preventing() []message.Action {
	for _, f := range r.findings(Data) {
		if f.Verdict == check.Fail && !r.noRows {
			return []message.Action{{Verb: "prevent", Ref: f.Check, Label: "How to prevent"}}
		}
	}
	return nil
}

// stopping is offered where the config says how writes are stopped: of each check of
// writers in the way that it names first. Whether they are stopped already is not
// known here; then the preview says that there is nothing to do.
func (r reporter) stopping() []message.Action {
	var names []string
	for name, f := range r.fixes {
		if f.Check.Kind == kindWriters && r.fixable(name) && slices.Contains([]string{modeReadOnly, modeScale}, foremost(f.Planner.Modes())) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out []message.Action
	for _, name := range names[:min(mostFixes, len(names))] {
		a := message.Action{Verb: "fix", Ref: name, Label: "Preview stopping writes"}
		if len(names) > 1 {
			a.Label += ": " + titleOf(r.fixes[name].Check)
		}
		out = append(out, a)
	}
	return out
}

func foremost(of []string) string {
	if len(of) == 0 {
		return ""
	}
	return of[0]
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
	label := "Show failing rows"
	if r.noRows {
		label = "Show failing checks"
	}
	return []message.Action{
		{Verb: "check", Ref: word, Label: label},
		{Verb: "changes", Label: "Show changes"},
	}
}
