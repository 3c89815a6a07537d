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
