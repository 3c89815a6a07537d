package incidents

import (
	"slices"
	"strings"
	"time"
)

// MilestoneNames are the names of the milestones that a person can set, in the order
// in which they are usually reached.
func MilestoneNames() []string {
	return []string{"began", "detected", "contained", "identified", "fixed", "verified"}
}

// named is the milestone of a name; nil: there is none.
func (m *Milestones) named(name string) *time.Time {
	switch name {
	case "began":
		return &m.Began
	case "detected":
		return &m.Detected
	case "contained":
		return &m.Contained
	case "identified":
		return &m.Identified
	case "fixed":
		return &m.Fixed
	case "verified":
		return &m.Verified
	case "resolved":
		return &m.Resolved
	}
	return nil
}

// orders are pairs of which the first cannot be later than the second. That the cause
// was known before anything was detected, or that it was contained by chance, does
// happen.
var orders = [][2]string{
	{"began", "detected"},
	{"began", "contained"},
	{"began", "fixed"},
	{"began", "verified"},
	{"fixed", "verified"},
	{"began", "resolved"},
	{"detected", "resolved"},
	{"contained", "resolved"},
	{"identified", "resolved"},
	{"fixed", "resolved"},
	{"verified", "resolved"},
}

// SetMilestone says when something was: began, detected, contained, identified, fixed,
// verified. It can be put right after the end, too.
func (i Incident) SetMilestone(m Move, name string, at time.Time) (Incident, error) {
	out := i.Clone()
	example := "incident milestone " + i.Ref() + " began --at '" + i.Opened.UTC().Format("2006-01-02 15:04") + "'"
	switch {
	case name == "resolved":
		return i, &Refusal{Sentence: "When it was resolved is known: it is when somebody resolves it.", Try: "incident resolve " + i.Ref()}
	case !slices.Contains(MilestoneNames(), name):
		return i, &Refusal{Sentence: quoted(name) + " is no milestone; there are " + strings.Join(MilestoneNames(), ", ") + ".", Try: example}
	case i.Status == Declined || i.Status == Merged:
		return i, i.open()
	case at.IsZero():
		return i, &Refusal{Sentence: "Say when that was.", Try: example}
	case at.After(m.At):
		return i, &Refusal{Sentence: inWords(at) + " is in the future; say when it was.", Try: example}
	case out.Milestones.named(name).Equal(at):
		return i, &Refusal{Sentence: "That is known already: " + name + " " + inWords(at) + ".", Try: "incident status " + i.Ref()}
	}
	*out.Milestones.named(name) = at
	if err := out.Milestones.plausible(name, example); err != nil {
		return i, err
	}
	out.Said = put(out.Said, name, m.At)
	return out, nil
}

// plausible refuses milestones of which one, that was just set, cannot be true beside
// the others.
func (m Milestones) plausible(set, example string) error {
	for _, o := range orders {
		first, second := *m.named(o[0]), *m.named(o[1])
		if first.IsZero() || second.IsZero() || !first.After(second) || set != o[0] && set != o[1] {
			continue
		}
		return &Refusal{
			Sentence: "That cannot be: " + o[0] + " " + inWords(first) + " would be later than " + o[1] + " " + inWords(second) + ".",
			Try:      example,
		}
	}
	return nil
}

// SetCause says what the cause is; it is identified then. It can be put right after the
// end, too.
func (i Incident) SetCause(m Move, cause string) (Incident, error) {
	cause = strings.TrimSpace(cause)
	if err := needed(cause, "Say what the cause is.", "incident cause "+i.Ref()+" 'rollout 41 saves totals before the items'"); err != nil {
		return i, err
	}
	switch {
	case i.Status == Declined || i.Status == Merged:
		return i, i.open()
	case cause == i.Cause:
		return i, &Refusal{Sentence: "That is known as the cause of " + i.Ref() + " already.", Try: "incident status " + i.Ref()}
	}
	out := i.Clone()
	out.Cause = cause
	if out.Milestones.Identified.IsZero() {
		out.Milestones.Identified = m.At
	}
	if out.Status == Investigating {
		out.Status, out.Said = Identified, put(out.Said, saidStatus, m.At)
	}
	out.tick("cause", m.By, m.At)
	return out, nil
}
