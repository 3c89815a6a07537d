package incidents

import (
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/message"
)

// Decline ends it: it was none. None of its plans may be open. Where a check says that
// something is wrong, or gave no answer, that takes a reason, as Resolve does.
func Decline(v View, w Wording, m Move, why, override string) (Incident, error) {
	i := v.Incident
	why, override = strings.TrimSpace(why), strings.TrimSpace(override)
	example := "incident decline " + i.Ref() + " 'a planned migration, nothing is wrong'"
	if err := i.open(); err != nil {
		return i, err
	}
	if err := needed(why, "Say why it is no incident.", example); err != nil {
		return i, err
	}
	if err := i.busy(v.Repairs, "declined"); err != nil {
		return i, err
	}
	override, err := i.overridden(unproven(v, w), override, "declined", example+" --because 'those rows are test orders, says finance'")
	if err != nil {
		return i, err
	}
	out := i.Clone()
	out.Status, out.End = Declined, &End{By: m.By, At: m.At, Says: why, Override: override, Reopened: i.Reopened, Failing: failing(v)}
	out.rest()
	return out, nil
}

// Merge ends the incident of the view: it goes on as another one, which gets its alerts
// and what its runs found. None of its plans may be open.
func Merge(v View, m Move, other Incident) (from, into Incident, err error) {
	i := v.Incident
	if err := i.open(); err != nil {
		return i, other, err
	}
	switch {
	case other.ID == i.ID:
		return i, other, &Refusal{Sentence: i.Ref() + " cannot be merged into itself.", Try: "incident list"}
	case other.Status.Over():
		return i, other, &Refusal{Sentence: other.Ref() + " is " + string(other.Status) + ", so nothing can go on there.", Try: "incident list"}
	case other.Drill != i.Drill:
		return i, other, &Refusal{Sentence: "A drill and an incident that is none cannot become one.", Try: "incident list"}
	}
	if err := i.busy(v.Repairs, "merged"); err != nil {
		return i, other, err
	}
	from, into = i.Clone(), other.Clone()
	from.Status, from.Into, from.End = Merged, other.ID, &End{By: m.By, At: m.At, Reopened: i.Reopened}
	from.rest()
	into.take(v)
	return from, into, nil
}

// take gives the incident what another one knew: what it finds out from now on is the
// same for both. The incident must be a copy.
func (i *Incident) take(v View) {
	for fingerprint, a := range v.Incident.Alerts {
		known, has := i.Alerts[fingerprint]
		if has && known.Since.After(a.Since) {
			a, known = known, a
		}
		a.Times += known.Times
		i.Alerts = put(i.Alerts, fingerprint, a)
	}
	i.Also = append(append(i.Also, v.Incident.Run), v.Incident.Also...)
	for _, c := range v.Checks {
		i.Also = append(i.Also, c.First.Run, c.Failed.Run, c.Passed.Run, c.Last.Run)
	}
	for _, r := range v.Repairs {
		i.Also = append(i.Also, r.ID)
	}
	slices.Sort(i.Also)
	i.Also = slices.DeleteFunc(slices.Compact(i.Also), func(run int64) bool { return run == 0 })
}

// MergedPost says in the channel of the incident that goes on that another one goes on
// there. Its Channel may be empty: it has none.
func MergedPost(from, into Incident, m Move) message.Post {
	line := message.Join("🔴 "+from.Ref(), " was merged into "+into.Ref())
	if !from.Private {
		line = message.Join("🔴 "+from.Ref()+" (", shorten(flat(from.Title), 100), ") was merged into "+into.Ref())
	}
	if m.By != "" {
		line = append(line, message.Join(" by ", message.Mention(m.By))...)
	}
	says := message.Text("What its runs found counts here from now on, and so do its alerts.")
	return into.say(message.Message{Headline: line, Parts: []message.Part{{Lines: []message.Line{says}}}}, "merged", from.Ref())
}

// busy refuses an end while a plan can still change something.
func (i Incident) busy(repairs []Repair, ended string) error {
	for _, r := range repairs {
		var is, do string
		switch {
		case r.Active():
			is, do = "is being carried out", "wait for its end, or stop it"
		case r.State == "waiting":
			is, do = "waits for a decision", "confirm or cancel it first"
		case r.State == "planning":
			is, do = "is being worked out", "wait for it, or stop it"
		default:
			continue
		}
		return &Refusal{Sentence: r.Ref + " " + is + ", so " + i.Ref() + " cannot be " + ended + ": " + do + ".", Try: "plan " + r.Ref}
	}
	return nil
}
