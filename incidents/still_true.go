package incidents

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/integritybot/integritybot/internal/message/phrase"
)

// founded refuses a draft for which the facts are not there.
func (d Draft) founded(v View) error {
	refuse := func(format string, args ...any) error {
		return &Refusal{Sentence: fmt.Sprintf(format, args...), Try: noticeExample(d.Template, v.Incident)}
	}
	m, says := (Wording{}).measure(v.Checks), d.Fields[fieldSays]
	switch d.Template {
	case "update":
		if says == "" && len(m.fails)+len(m.passes) == 0 {
			return refuse("No check has answered yet, so an update has no numbers: say with --says what people should know.")
		}
	case "fix-applied":
		if says == "" && lastRepair(v.Repairs).Finished.IsZero() {
			return refuse("No repair of %s was applied by me: say with --says what was repaired.", v.Incident.Ref())
		}
	case "all-clear":
		return d.clear(v, m, refuse)
	case "postponed":
		if says == "" {
			return refuse("Say with --says why it is postponed.")
		}
		if d.Fields[fieldRepair] == "" {
			return refuse("Say with --repair when it is expected now.")
		}
	}
	return nil
}

// clear refuses an all-clear while something is wrong or was not looked at. Only an
// incident that somebody ended all the same, with a reason, lets it pass; the letter
// says what is still wrong then.
func (d Draft) clear(v View, m measured, refuse func(string, ...any) error) error {
	overridden := v.Incident.End != nil && v.Incident.End.Override != ""
	switch {
	case len(m.fails) > 0 && !overridden:
		return refuse("No all-clear yet: %s of %s found something wrong when last run. Run the checks again after the repair.", countOf(len(m.fails), "check"), v.Incident.Ref())
	case len(m.unknown) > 0 && !overridden:
		return refuse("No all-clear yet: %s of %s did not answer when last run, so nobody knows. Run them again.", countOf(len(m.unknown), "check"), v.Incident.Ref())
	case len(m.fails)+len(m.passes) == 0 && d.Fields[fieldSays] == "":
		return refuse("No check was run for %s, so nothing proves that all is well: run the checks, or say with --says how you know.", v.Incident.Ref())
	}
	return nil
}

// StillTrue refuses a notice that the facts no longer carry: it was composed from older
// ones, and is about to be sent, or sent again, byte for byte. v is as of now. A *Refusal
// says what is different.
func StillTrue(v View, n Notice) error {
	if err := (Draft{Template: n.Template, Fields: n.Fields}).founded(v); err != nil {
		return err
	}
	if n.Template != "all-clear" {
		return nil
	}
	i, again := v.Incident, "notify all-clear "+v.Incident.Ref()
	switch {
	case !i.Status.Over() && i.Said[saidStatus].After(n.At):
		return &Refusal{Sentence: fmt.Sprintf("%s is open: %s since this all-clear was composed. Look at a new one.", i.Ref(), i.Status), Try: again}
	case !maps.Equal(n.Rows, wrongRows(v)):
		return &Refusal{Sentence: "The checks gave other numbers since this all-clear was composed. Look at a new one.", Try: again}
	}
	return nil
}

// NoChange refuses to tell an audience that nothing changed since its last notice where
// there is none, or where something did. A *Refusal says what.
func NoChange(v View, w Wording, audience string) error {
	i, title := v.Incident, w.audienceTitle(audience)
	refuse := func(format string, args ...any) error {
		return &Refusal{Sentence: fmt.Sprintf(format, args...), Try: "notify update " + i.Ref() + " --audience " + audience}
	}
	last := lastTo(v, audience)
	if last == nil {
		return refuse("%s was told nothing yet, so there is nothing to which “no change” could refer: write an update.", title)
	}
	since := last.sent().UTC().Format("15:04 UTC")
	was, is := w.countRows(last.Rows), w.measure(v.Checks).rows
	switch now := wrongRows(v); {
	case was != is:
		return refuse("Since %s was told at %s something did change: %s wrong then, %s now. Write an update.", title, since, phrase.Plural(was, "row"), phrase.Count(is))
	case !maps.Equal(last.Rows, now):
		return refuse("Since %s was told at %s checks gave other answers. Write an update.", title, since)
	case moved(v, last.At):
		return refuse("Since %s was told at %s something did change: see the timeline. Write an update.", title, since)
	}
	return nil
}

// lastTo is the last notice with a letter to an audience; nil: there is none.
func lastTo(v View, audience string) *Sent {
	for n := range slices.Backward(v.Notices) {
		if slices.ContainsFunc(v.Notices[n].Letters, func(l Letter) bool { return l.Audience == audience }) {
			return &v.Notices[n]
		}
	}
	return nil
}

// moved tells whether repairs, milestones or what a person said of the status moved after
// some time.
func moved(v View, since time.Time) bool {
	i, m := v.Incident, v.Incident.Milestones
	at := []time.Time{m.Contained, m.Identified, m.Fixed, m.Verified, m.Resolved, i.Said[saidStatus]}
	for _, r := range v.Repairs {
		at = append(at, r.Asked, r.Decided, r.Finished)
	}
	return slices.ContainsFunc(at, func(t time.Time) bool { return t.After(since) })
}
