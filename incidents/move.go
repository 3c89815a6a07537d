package incidents

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Refusal is why an incident does not move: a sentence, and words that work instead,
// without the command word.
type Refusal struct {
	Sentence string
	Try      string
	// Who is the person that the sentence is about, where it is about one: a Slack user id.
	Who string
}

func (r *Refusal) Error() string { return r.Sentence }

// Move is who moves an incident, and when.
type Move struct {
	By string // Slack user id; empty: it happens by itself
	At time.Time
}

// Severities are all of them, the worst first.
func Severities() []Severity { return []Severity{P0, P1, P2, P3} }

// Statuses are those that are no end, in their order.
func Statuses() []Status { return []Status{Investigating, Identified, Fixing, Monitoring} }

// The moves. Each gives the incident as it is after it, or a *Refusal; what it was is
// left as it was.

// SetSeverity changes how bad it is; clocks that are then due sooner are.
func (i Incident) SetSeverity(m Move, to Severity, r Rules) (Incident, error) {
	switch {
	case !slices.Contains(Severities(), to):
		return i, &Refusal{Sentence: quoted(string(to)) + " is no severity; there are P0, the worst, to P3.", Try: "incident severity " + i.Ref() + " P1"}
	case i.open() != nil:
		return i, i.open()
	case to == i.Severity:
		return i, &Refusal{Sentence: i.Ref() + " is " + string(to) + " already.", Try: "incident status " + i.Ref()}
	}
	out := i.Clone()
	out.reclock(r, to, m.At)
	out.Severity, out.Rule = to, byPerson
	return out, nil
}

// SetStatus moves it to another status that is not an end.
func (i Incident) SetStatus(m Move, to Status) (Incident, error) {
	switch {
	case to == Resolved:
		return i, &Refusal{Sentence: "Resolving is a step of its own: the checks have to pass first.", Try: "incident resolve " + i.Ref()}
	case to == Declined:
		return i, &Refusal{Sentence: "Declining is a step of its own, with a reason.", Try: "incident decline " + i.Ref() + " 'a planned migration, nothing is wrong'"}
	case to == Merged:
		return i, &Refusal{Sentence: "Merging is a step of its own; see into which incident.", Try: "incident list"}
	case !slices.Contains(Statuses(), to):
		return i, &Refusal{
			Sentence: quoted(string(to)) + " is no status; there are investigating, identified, fixing and monitoring.",
			Try:      "incident status " + i.Ref() + " identified",
		}
	case i.open() != nil:
		return i, i.open()
	case to == i.Status:
		return i, &Refusal{Sentence: i.Ref() + " is " + string(to) + " already.", Try: "incident status " + i.Ref()}
	}
	out := i.Clone()
	out.Status, out.Said = to, put(out.Said, saidStatus, m.At)
	if to == Identified && out.Milestones.Identified.IsZero() {
		out.Milestones.Identified = m.At
	}
	return out, nil
}

// saidStatus is the status among what was said.
const saidStatus = "status"

// SetLead makes a person the lead; empty: nobody.
func (i Incident) SetLead(_ Move, user string) (Incident, error) {
	switch {
	case i.open() != nil:
		return i, i.open()
	case i.Lead == "" && user == "":
		return i, &Refusal{Sentence: "Nobody leads " + i.Ref() + " already.", Try: "incident lead " + i.Ref() + " me"}
	case user == i.Lead:
		return i, &Refusal{Sentence: "That is the lead of " + i.Ref() + " already.", Who: user, Try: "incident status " + i.Ref()}
	}
	out := i.Clone()
	out.Lead = user
	return out, nil
}

// Claim makes the mover the lead if nobody is.
func (i Incident) Claim(m Move) (Incident, error) {
	switch {
	case i.open() != nil:
		return i, i.open()
	case m.By == "":
		return i, &Refusal{Sentence: "Only a person can lead " + i.Ref() + ".", Try: "incident lead " + i.Ref() + " me"}
	case i.Lead == m.By:
		return i, &Refusal{Sentence: "You lead " + i.Ref() + " already.", Who: m.By, Try: "incident status " + i.Ref()}
	case i.Lead != "":
		return i, &Refusal{Sentence: "Somebody leads " + i.Ref() + " already.", Who: i.Lead, Try: "incident lead " + i.Ref() + " me"}
	}
	out := i.Clone()
	out.Lead = m.By
	return out, nil
}

// mostFollowUps and the lengths in characters bound what people add to an incident.
const (
	mostFollowUps = 50
	longestText   = 1000
)

// FollowUp adds something to be done afterwards; also after the end.
func (i Incident) FollowUp(_ Move, text string) (Incident, error) {
	example := "incident followup " + i.Ref() + " 'add the missing foreign key'"
	text = strings.TrimSpace(text)
	if err := needed(text, "Say what is to be done afterwards.", example); err != nil {
		return i, err
	}
	switch {
	case slices.Contains(i.FollowUps, text):
		return i, &Refusal{Sentence: "That is among what is to be done after " + i.Ref() + " already.", Try: "incident summary " + i.Ref()}
	case len(i.FollowUps) >= mostFollowUps:
		return i, &Refusal{Sentence: i.Ref() + " has " + strconv.Itoa(mostFollowUps) + " things to be done afterwards, which is as many as it keeps.", Try: "incident summary " + i.Ref()}
	}
	out := i.Clone()
	out.FollowUps = append(out.FollowUps, text)
	return out, nil
}

// needed refuses text that is missing, by a sentence that asks for it, or too long.
func needed(text, ask, example string) error {
	if text == "" {
		return &Refusal{Sentence: ask, Try: example}
	}
	return fits(text, example)
}

// fits refuses text that is too long.
func fits(text, example string) error {
	if len([]rune(text)) <= longestText {
		return nil
	}
	return &Refusal{Sentence: "That is too long: at most " + phrase.Count(longestText) + " characters.", Try: example}
}

// open refuses what can only be done to an incident that is not over, and says how it
// can be done.
func (i Incident) open() error {
	if !i.Status.Over() {
		return nil
	}
	if i.Status == Merged {
		return &Refusal{Sentence: i.Ref() + " was merged into " + Ref(i.Into) + ", and goes on there.", Try: "incident status " + Ref(i.Into)}
	}
	if i.Held() {
		return &Refusal{Sentence: i.Ref() + " is resolved; it has to be opened again first.", Try: "incident reopen " + i.Ref() + " 'orders are wrong again'"}
	}
	return &Refusal{
		Sentence: i.Ref() + " is " + string(i.Status) + ", and cannot be opened again; declare another one.",
		Try:      strings.TrimSpace("incident declare " + cmp.Or(i.Domain, "orders")),
	}
}

// inWords is a time in a sentence that cannot hold one that everybody reads in their
// own zone.
func inWords(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// quoted is something that was typed, short enough for a sentence.
func quoted(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return `"` + s + `"`
}
