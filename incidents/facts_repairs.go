package incidents

import (
	"slices"

	"github.com/integritybot/integritybot/internal/message/phrase"
)

// repairs says what was repaired, what is being and what waits for approval. Plans that
// stop or resume writes, or end sessions, are no repairs of data.
func (f *Facts) repairs(v View, w Wording, a Audience) {
	var data []Repair
	for _, r := range v.Repairs {
		switch w.Checks[r.Check].Kind {
		case "writers":
			f.writes(r)
		case "locks":
		default:
			data = append(data, r)
		}
	}
	for _, r := range data {
		f.Preparing = f.Preparing || r.State == "waiting"
		f.Repairing = f.Repairing || r.Active()
	}
	f.Repaired = letterTime(lastRepair(data).Finished)
	if !slices.Contains(a.Shows, ShowChecks) || !slices.Contains(a.Shows, ShowNumbers) {
		return
	}
	for _, r := range slices.Backward(data) {
		if r.Applied() && r.Undoes == 0 && len(f.Repairs) < maxRepairs {
			f.Repairs = append(f.Repairs, w.fixed(r))
		}
	}
	slices.Reverse(f.Repairs)
}

// writes notes that a plan stopped writes, or that they were resumed.
func (f *Facts) writes(r Repair) {
	if !r.Applied() || r.UndoneBy != 0 {
		return
	}
	f.WritesStopped = ""
	if r.Undoes == 0 && r.Mode != "resume" {
		f.WritesStopped = letterTime(r.Finished)
	}
}

func (w Wording) fixed(r Repair) Fixed {
	out := Fixed{
		Title: w.checkTitle(r.Check), Rows: phrase.Count(r.Rows), At: letterTime(r.Finished),
		TakenBack: r.UndoneBy != 0, PartlyFixed: r.State == "partly applied",
	}
	if r.Verdict != "" && r.Verdict != "UNKNOWN" {
		out.Was, out.Is = phrase.Count(r.Before), phrase.Count(r.After)
	}
	return out
}

// lastRepair is the one that was applied last and still holds; none: zero.
func lastRepair(repairs []Repair) (last Repair) {
	for _, r := range repairs {
		if r.Applied() && r.Undoes == 0 && r.UndoneBy == 0 && r.Finished.After(last.Finished) {
			last = r
		}
	}
	return last
}
