package incidents

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Checklist is the runbook's list, every step to do.
func Checklist() []Step {
	return []Step{
		{Name: "contain", Title: "Keep it from getting worse", State: Todo},
		{Name: "measure", Title: "Measure how much is wrong", State: Todo},
		{Name: "first-bad", Title: "Find out since when", State: Todo},
		{Name: "cause", Title: "Find the cause", State: Todo},
		{Name: "choose", Title: "Choose the fix", State: Todo},
		{Name: "approve", Title: "Have it approved", State: Todo},
		{Name: "apply", Title: "Apply it", State: Todo},
		{Name: "verify", Title: "Verify that all is right", State: Todo},
		{Name: "tell", Title: "Tell those who must know", State: Todo},
		{Name: "prevent", Title: "Prevent that it happens again", State: Todo},
	}
}

// StepWords are the words of the command that carries a step out, without the command
// word; empty: people do it by hand. "measure" of domain orders: "check orders".
func (i Incident) StepWords(step string) string {
	switch step {
	case "contain":
		return "writes status" // stopping is a plan of its own, with a second person
	case "measure":
		if i.Domain == "" {
			return "check all"
		}
		return "check " + i.Domain
	case "first-bad":
		return "changes" // marks the first bad time among them
	case "cause":
		return strings.TrimSpace("diagnose " + i.Domain)
	case "verify":
		return "verify"
	case "tell":
		return "notify update " + i.Ref()
	}
	return ""
}

// BeginStep says that a run carries a step out. A *Refusal says who was faster.
func (i Incident) BeginStep(m Move, step string, run int64) (Incident, error) {
	return i.moveStep(step, func(s *Step) error {
		switch s.State {
		case Running:
			return &Refusal{Sentence: i.begun(*s), Who: s.By, Try: "incident checklist " + i.Ref()}
		case Ticked:
			return &Refusal{Sentence: named(*s) + " is done already.", Who: s.By, Try: "incident step " + i.Ref() + " " + s.Name + " --reopen"}
		case Todo, Skipped:
		}
		s.State, s.By, s.At, s.Run, s.Note = Running, m.By, m.At, run, ""
		return nil
	})
}

// TickStep says that a step is done.
func (i Incident) TickStep(m Move, step string) (Incident, error) {
	return i.moveStep(step, func(s *Step) error {
		if s.State == Ticked {
			return &Refusal{Sentence: named(*s) + " is done already.", Who: s.By, Try: "incident checklist " + i.Ref()}
		}
		s.State, s.By, s.At, s.Note = Ticked, m.By, m.At, ""
		return nil
	})
}

// SkipStep says why a step is left out.
func (i Incident) SkipStep(m Move, step, why string) (Incident, error) {
	return i.moveStep(step, func(s *Step) error {
		example := "incident step " + i.Ref() + " " + s.Name + " --skip 'nothing writes to it any more'"
		why = strings.TrimSpace(why)
		if err := needed(why, "Say why it is left out.", example); err != nil {
			return err
		}
		switch s.State {
		case Running:
			return &Refusal{Sentence: i.begun(*s), Who: s.By, Try: "incident checklist " + i.Ref()}
		case Ticked:
			return &Refusal{Sentence: named(*s) + " is done already, so it cannot be left out.", Who: s.By, Try: "incident step " + i.Ref() + " " + s.Name + " --reopen"}
		case Skipped:
			if s.Note == why {
				return &Refusal{Sentence: named(*s) + " is left out already.", Who: s.By, Try: "incident checklist " + i.Ref()}
			}
		case Todo:
		}
		s.State, s.By, s.At, s.Note = Skipped, m.By, m.At, why
		return nil
	})
}

// OwnStep says who does a step; empty: nobody in particular.
func (i Incident) OwnStep(_ Move, step, user string) (Incident, error) {
	return i.moveStep(step, func(s *Step) error {
		switch {
		case s.Owner == user && user == "":
			return &Refusal{Sentence: named(*s) + " is nobody's already.", Try: "incident step " + i.Ref() + " " + s.Name + " --own"}
		case s.Owner == user:
			return &Refusal{Sentence: named(*s) + " is that person's already.", Who: user, Try: "incident checklist " + i.Ref()}
		}
		s.Owner = user
		return nil
	})
}

// ReopenStep says that a step is to be done again.
func (i Incident) ReopenStep(m Move, step string) (Incident, error) {
	return i.moveStep(step, func(s *Step) error {
		switch s.State {
		case Running:
			return &Refusal{Sentence: i.begun(*s), Who: s.By, Try: "incident checklist " + i.Ref()}
		case Todo:
			return &Refusal{Sentence: named(*s) + " is still to be done.", Try: "incident step " + i.Ref() + " " + s.Name}
		case Ticked, Skipped:
		}
		s.State, s.By, s.At, s.Run, s.Note = Todo, m.By, m.At, 0, ""
		return nil
	})
}

// moveStep moves one step of an incident that is not over.
func (i Incident) moveStep(step string, move func(*Step) error) (Incident, error) {
	if err := i.open(); err != nil {
		return i, err
	}
	out := i.Clone()
	n := slices.IndexFunc(out.Steps, func(s Step) bool { return s.Name == step })
	if n < 0 {
		var names []string
		for _, s := range out.Steps {
			names = append(names, s.Name)
		}
		return i, &Refusal{Sentence: quoted(step) + " is no step; there are " + strings.Join(names, ", ") + ".", Try: "incident step " + i.Ref() + " measure"}
	}
	if err := move(&out.Steps[n]); err != nil {
		return i, err
	}
	return out, nil
}

// tick ticks a step that was done in passing. The incident must be a copy.
func (i *Incident) tick(step, by string, at time.Time) {
	n := slices.IndexFunc(i.Steps, func(s Step) bool { return s.Name == step })
	if n < 0 || i.Steps[n].State == Ticked || i.Steps[n].State == Running {
		return
	}
	s := &i.Steps[n]
	s.State, s.By, s.At, s.Note = Ticked, by, at, ""
}

func named(s Step) string { return quoted(s.Title) }

func (i Incident) begun(s Step) string {
	return named(s) + " was already begun: R-" + strconv.FormatInt(s.Run, 10) + "."
}
