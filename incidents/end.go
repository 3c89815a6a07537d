package incidents

import (
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
)

// End is how it ended.
type End struct {
	By       string    `json:"by,omitempty"` // Slack user id
	At       time.Time `json:"at"`
	Says     string    `json:"says,omitempty"`
	Override string    `json:"override,omitempty"` // why although checks were not green
	// Soak is until when a check that fails again opens it again. Until then its key is
	// taken.
	Soak time.Time `json:"soak,omitzero"`
	// Checked is when the checks were last begun in the soak.
	Checked time.Time `json:"checked,omitzero"`
	// Failing are the rows wrong of the checks that failed still when it was resolved all
	// the same, by name: only if there are more does such a check open it again.
	Failing map[string]int64 `json:"failing,omitempty"`
	// Known is the last run that was known then to have failed, by check: only others open
	// it again. No clocks are compared, as it may be known at the same moment.
	Known map[string]int64 `json:"known,omitempty"`
	// Fixed is when the last repair that was known then had ended; zero: there was none. A
	// younger one opens it again.
	Fixed time.Time `json:"fixed,omitzero"`
	// Reopened counts how often it was opened again before.
	Reopened int `json:"reopened,omitempty"`
}

// Held tells whether the incident holds its key and its channel: it is not over, or
// still in its soak at that time.
func (i Incident) Held() bool {
	return !i.Status.Over() || i.Status == Resolved && i.End != nil && !i.End.Soak.IsZero()
}

// failing are the rows wrong of the checks that fail now.
func failing(v View) map[string]int64 {
	var rows map[string]int64
	for _, c := range v.Checks {
		if c.Last.Verdict == check.Fail {
			rows = put(rows, c.Name, c.Last.Rows)
		}
	}
	return rows
}

// failed are the last runs that failed, by check.
func failed(v View) map[string]int64 {
	var runs map[string]int64
	for _, c := range v.Checks {
		if c.Failed.Known() {
			runs = put(runs, c.Name, c.Failed.Run)
		}
	}
	return runs
}

// lastChange is when the last repair of data had ended.
func lastChange(v View, w Wording) time.Time {
	var last time.Time
	for _, r := range v.Repairs {
		if (r.Applied() || r.State == "undone") && w.repairs(r) {
			last = later(last, r.Finished)
		}
	}
	return last
}

// rest ends what goes on by itself: nobody is reminded or called any more. The incident
// must be a copy.
func (i *Incident) rest() {
	i.Clocks, i.Paused, i.Untold = nil, nil, nil
	if e := i.Escalation; e != nil && e.Acked == "" {
		e.Due, e.Needless = time.Time{}, true
	}
}

// Reopen opens one that is resolved and still holds its key.
func (i Incident) Reopen(m Move, why string, r Rules) (Incident, error) {
	why = strings.TrimSpace(why)
	switch {
	case !i.Status.Over():
		return i, &Refusal{Sentence: i.Ref() + " is open: " + string(i.Status) + ".", Try: "incident status " + i.Ref()}
	case !i.Held():
		return i, i.open()
	}
	if err := needed(why, "Say what is wrong again.", "incident reopen "+i.Ref()+" 'orders are wrong again'"); err != nil {
		return i, err
	}
	out := i.Clone()
	out.Status, out.End = Investigating, nil
	out.Milestones.Resolved, out.Milestones.Verified = time.Time{}, time.Time{}
	out.Clocks = r.clocks(out.Severity, m.At)
	out.Reopened++
	out.Said = put(out.Said, saidStatus, m.At)
	out.Said["verified"] = m.At
	return out, nil
}
