package incidents

import (
	"cmp"
	"strconv"
	"time"

	"github.com/integritybot/integritybot/internal/check"
)

// steps ticks what is done: steps that a run has carried out, and those that facts show.
func (t *ticking) steps() {
	facts := t.stepFacts()
	for n := range t.i.Steps {
		s := &t.i.Steps[n]
		ended, known := t.v.Ended[s.Run]
		switch {
		case s.State == Running && known && s.carriedOut(ended):
			t.ticks(s)
		case s.State == Running && known:
			t.looked(s, ended)
		case s.State == Todo && facts[s.Name].After(s.At):
			s.By = ""
			t.ticks(s)
		}
	}
}

func (t *ticking) ticks(s *Step) {
	s.State, s.At, s.Note = Ticked, t.v.Now, ""
	t.log("incident.step", map[string]string{"step": s.Name, "did": "done"})
}

// looked puts a step back whose run did not do it, and says why.
func (t *ticking) looked(s *Step, e Ended) {
	run := "R-" + strconv.FormatInt(s.Run, 10)
	s.State, s.At, s.Note = Todo, t.v.Now, run+": "+s.undone(e)
	t.log("incident.step", map[string]string{"step": s.Name, "did": "looked", "run": run, "why": s.undone(e)})
}

// carriedOut tells whether a run that ended so has done the step. That everything is
// right takes a check that says so; what a run sees of the writers stops none of them.
func (s Step) carriedOut(e Ended) bool {
	switch {
	case e.State != check.Done || s.Name == "contain":
		return false
	case s.Name == "verify":
		return e.Verdict == check.Pass
	case s.Name == "measure":
		return e.Verdict != check.Unknown
	}
	return true
}

// undone says why it has not.
func (s Step) undone(e Ended) string {
	switch {
	case e.State == check.Stopped:
		return "it was stopped"
	case e.State != check.Done:
		return "it could not be finished"
	case s.Name == "contain":
		return "it only looked; stopping the writers is a plan of its own"
	}
	return cmp.Or(string(e.Verdict), "it checked nothing")
}

// stepFacts are the times of the facts that show that a step is done.
func (t *ticking) stepFacts() map[string]time.Time {
	m := t.i.Milestones
	facts := map[string]time.Time{"contain": m.Contained, "verify": m.Verified}
	if t.i.Cause != "" {
		facts["cause"] = m.Identified
	}
	for _, c := range t.v.Checks {
		for _, one := range []Measure{c.First, c.Failed, c.Last} {
			if !one.Known() {
				continue
			}
			if one.Verdict != check.Unknown {
				facts["measure"] = later(facts["measure"], one.At)
			}
			if !one.First.IsZero() {
				facts["first-bad"] = later(facts["first-bad"], one.At)
			}
		}
	}
	for _, r := range t.v.Repairs {
		if !t.w.repairs(r) {
			continue
		}
		facts["choose"] = later(facts["choose"], r.Asked)
		if r.Active() || r.Applied() {
			facts["approve"] = later(facts["approve"], r.Decided)
		}
		if r.Applied() && r.Undoes == 0 {
			facts["apply"] = later(facts["apply"], r.Finished)
		}
	}
	return facts
}
