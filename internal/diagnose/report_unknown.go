package diagnose

import (
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
)

// unknown is everything that did not answer, one sentence each: what, and what to do.
func (r reporter) unknown() []string {
	var out []string
	add := func(s string) {
		if s = clipped(s, longestSentence); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, s := range r.seen {
		for _, f := range s.findings {
			if f.Verdict == check.Unknown {
				add(titleOf(f.of) + ": " + f.Reason)
			}
		}
		for _, m := range s.missing {
			add(m)
		}
	}
	return out
}

// outcome is what the audit trail keeps: the causes with their strengths, how each check
// and step came out, and what did not answer.
func (r reporter) outcome() map[string]string {
	causes, checks, steps := []string{}, []string{}, []string{}
	for _, w := range r.diagnosis.named() {
		causes = append(causes, called(w))
	}
	for _, s := range r.seen {
		steps = append(steps, string(s.step)+" "+string(s.outcome()))
		for _, f := range s.findings {
			checks = append(checks, f.Check+" "+string(f.Verdict))
		}
	}
	out := map[string]string{"steps": strings.Join(steps, ", "), "causes": "none named"}
	if len(causes) > 0 {
		out["causes"] = strings.Join(causes, ", ")
	}
	if len(checks) > 0 {
		out["checks"] = clipped(strings.Join(checks, ", "), longestOutcome)
	}
	if open := r.unknown(); len(open) > 0 {
		out["not_known"] = clipped(strings.Join(open, " "), longestOutcome)
	}
	return out
}

// longestOutcome is how much of each the audit trail keeps, in characters.
const longestOutcome = 2000

// lacking is what the config does not declare, so that nobody can look at it.
func (r reporter) lacking() []string {
	var out []string
	for _, s := range r.seen {
		out = append(out, s.lacking...)
	}
	return out
}

// next says what to look at where no cause is clear.
func (r reporter) next() []message.Line {
	var what []string
	switch {
	case len(r.unknown()) > 0:
		what = append(what, "what is not known, and ask again")
	case r.evidence.sights[WrongRows].count == 0 && r.evidence.sights[Trouble].count == 0:
		return nil
	}
	if r.evidence.sights[WrongRows].count > 0 {
		what = append(what, "the failing rows themselves: do they share a customer, a time, a source")
		if r.evidence.firstBad().at.IsZero() {
			what = append(what, "a time column for the failing checks, so that they can be compared with changes")
		} else {
			what = append(what, "the logs and changes around the first bad row, further back than was looked at here")
		}
	}
	if len(what) == 0 {
		what = append(what, "the steps in the thread that say FAIL")
	}
	return []message.Line{message.Text("Look next at: %s.", strings.Join(what, "; "))}
}
