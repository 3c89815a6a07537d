package incidents

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Gate gives what keeps an incident from being resolved, each in a sentence: a check
// that failed and has not passed since the last fix ended, one whose last run gave no
// answer, no answer at all, a fix that is under way.
// active tells that it is a fix, which no reason overrides.
func Gate(v View, w Wording) (against []string, active bool) {
	for _, r := range v.Repairs {
		if r.Active() {
			active = true
			against = append(against, r.Ref+" is being carried out: wait for its end, or stop it.")
		}
	}
	for _, r := range v.Repairs {
		switch r.State {
		case "waiting":
			against = append(against, r.Ref+" waits for a decision: confirm or cancel it.")
		case "planning":
			against = append(against, r.Ref+" is being worked out: wait for it, or stop it.")
		}
	}
	against = append(against, unproven(v, w)...)
	if len(v.Checks) == 0 && w.looksAt(v.Incident.Domain) {
		against = append(against, "No check of "+v.Incident.Domain+" has given an answer in it yet.")
	}
	return against, active
}

// unproven says of each check that failed, or that gave no answer, and has not passed
// since, why that keeps the incident from ending.
func unproven(v View, w Wording) []string {
	var against []string
	fixed := lastFix(v)
	for _, c := range v.Checks {
		if says := c.against(fixed, w); says != "" {
			against = append(against, says)
		}
	}
	return against
}

// looksAt tells whether a check of a domain can be run.
func (w Wording) looksAt(domain string) bool {
	for name := range w.Checks {
		if w.runs(name, domain) {
			return true
		}
	}
	return false
}

// runs tells whether a check is among those that are run for a domain.
func (w Wording) runs(check, domain string) bool {
	c, ok := w.Checks[check]
	return ok && c.Domain == domain && !c.Off
}

// lastFix is when the last repair that changed something ended.
func lastFix(v View) time.Time {
	var last time.Time
	for _, r := range v.Repairs {
		if r.Applied() || r.State == "undone" {
			last = later(last, r.Finished)
		}
	}
	return last
}

// green tells whether a check passed last, read when the last fix had ended, and after
// all that was known to fail. By the clock of the database that decides alone: those of
// the processes that measured can only have it run once more.
func (c Checked) green(fixed time.Time) bool {
	return c.Last.Verdict == check.Pass && !c.Last.Began.Before(fixed) && !c.Last.Began.Before(c.Failed.Began) && !c.Last.Started.Before(c.Failed.At)
}

// against says why a check keeps an incident from being resolved; empty: it does not.
func (c Checked) against(fixed time.Time, w Wording) string {
	title := w.checkTitle(c.Name)
	switch {
	case c.green(fixed):
		return ""
	case !c.Failed.Known() && c.Last.Verdict == check.Unknown:
		return title + " gave no answer, so nobody knows whether it holds (" + inWords(c.Last.At) + ")."
	case !c.Failed.Known():
		return ""
	}
	switch c.Last.Verdict {
	case check.Fail:
		return title + " still fails: " + c.Last.share(w.Checks[c.Name]) + " (" + inWords(c.Last.At) + ")."
	case check.Pass:
		if c.Last.Began.Before(fixed) {
			return title + " passed, but in a run that began before the last fix had ended (" + inWords(fixed) + "): run it again."
		}
		return title + " passed, but in a run that began before it last failed (" + inWords(c.Failed.At) + "): run it again."
	default:
		return title + " failed before, and nobody knows how it is now: its last run gave no answer (" + inWords(c.Last.At) + ")."
	}
}

// share is how much of the whole is wrong: "30 of 3,000,000 orders".
func (m Measure) share(c check.Check) string {
	return phrase.Count(m.Rows) + " of " + phrase.Count(m.Of) + " " + cmp.Or(c.Noun, "rows")
}

// shortestReason is how many characters a reason has at least that takes the place of
// checks that pass.
const shortestReason = 10

// Resolve ends it. Without a reason to override, Gate must be silent.
func Resolve(v View, w Wording, m Move, says, override string) (Incident, error) {
	i := v.Incident
	says, override = strings.TrimSpace(says), strings.TrimSpace(override)
	if i.Status == Resolved {
		return i, &Refusal{Sentence: i.Ref() + " is resolved already.", Who: i.endedBy(), Try: "incident status " + i.Ref()}
	}
	if err := i.open(); err != nil {
		return i, err
	}
	against, active := Gate(v, w)
	example := "incident resolve " + i.Ref() + " --because 'the rest are test orders, agreed with finance'"
	switch {
	case active:
		return i, &Refusal{Sentence: i.Ref() + " cannot be resolved while a fix is under way. " + against[0], Try: "incident status " + i.Ref()}
	case fits(says, example) != nil:
		return i, fits(says, example)
	}
	override, err := i.overridden(against, override, "resolved", example)
	if err != nil {
		return i, err
	}
	out := i.Clone()
	out.Status = Resolved
	out.Milestones.Resolved = m.At
	if override == "" {
		out.Milestones.Verified = cmp.Or(out.Milestones.Verified, verified(v))
	}
	out.End = &End{
		By: m.By, At: m.At, Says: says, Override: override, Reopened: out.Reopened,
		Failing: failing(v), Known: failed(v), Fixed: lastChange(v, w),
	}
	if w.Rules.Soak > 0 {
		out.End.Soak = m.At.Add(w.Rules.Soak)
	}
	out.rest()
	return out, nil
}

// overridden gives the reason why it ends although something is against that; empty:
// nothing is. A reason that nobody understands later is none.
func (i Incident) overridden(against []string, reason, ended, example string) (string, error) {
	switch {
	case fits(reason, example) != nil:
		return "", fits(reason, example)
	case len(against) == 0:
		return "", nil
	case reason == "":
		return "", &Refusal{Sentence: i.Ref() + " cannot be " + ended + " yet. " + first(against), Try: "verify"}
	case len([]rune(reason)) < shortestReason:
		return "", &Refusal{Sentence: fmt.Sprintf("That reason is too short to be understood later: write at least %d characters.", shortestReason), Try: example}
	}
	return reason, nil
}

func first(against []string) string {
	if len(against) == 1 {
		return against[0]
	}
	return against[0] + " And " + phrase.Plural(int64(len(against)-1), "more reason") + "."
}

func (i Incident) endedBy() string {
	if i.End == nil {
		return ""
	}
	return i.End.By
}

// verified is when the last of the checks that had failed was known to pass after the
// last fix; zero: not all have, or none failed.
func verified(v View) time.Time {
	var at time.Time
	fixed := lastFix(v)
	for _, c := range v.Checks {
		if !c.Failed.Known() {
			continue
		}
		if !c.green(fixed) {
			return time.Time{}
		}
		at = later(at, later(c.Last.Began, c.Last.At))
	}
	return at
}
