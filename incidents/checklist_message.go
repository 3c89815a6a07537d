package incidents

import (
	"fmt"
	"strings"

	"github.com/integritybot/integritybot/internal/message"
)

// ChecklistOf is the checklist with its buttons.
func ChecklistOf(v View, w Wording) message.Message {
	i := v.Incident
	done, skipped := handled(i)
	head := fmt.Sprintf("Checklist of %s: %d of %d done", called(i), done, len(i.Steps))
	if skipped > 0 {
		head += fmt.Sprintf(", %d left out", skipped)
	}
	m := message.Message{}
	for _, s := range i.Steps {
		m.Parts = append(m.Parts, message.Part{Lines: []message.Line{stepLine(s)}})
		if actions := stepActions(i, s); len(actions) > 0 {
			m.Parts = append(m.Parts, message.Part{Actions: actions})
		}
	}
	if next := nextStep(i); next != "" {
		head += "; next: " + next
	}
	m.Headline = message.Text("%s", head)
	if w.Rules.Runbook != "" {
		m.Context = []message.Line{message.Join("The steps are the runbook's: ", message.LinkTo("Runbook", w.Rules.Runbook))}
	}
	return m
}

// nextStep is the first that is still to do.
func nextStep(i Incident) string {
	for _, s := range i.Steps {
		if s.State == Todo {
			return s.Title
		}
	}
	return ""
}

func stepLine(s Step) message.Line {
	line := message.Join(stepIcon(s.State), " ", message.Strong(s.Title))
	if s.Owner != "" && s.State != Ticked && s.State != Skipped {
		line = append(line, message.Join(" · ", message.Mention(s.Owner), " does it")...)
	}
	if s.State == Ticked || s.State == Running || s.State == Skipped {
		line = append(line, message.Span{Text: " · " + stepText(s.State)})
		if s.By != "" {
			line = append(line, message.Join(" by ", message.Mention(s.By))...)
		}
		if !s.At.IsZero() {
			line = append(line, message.Join(" ", message.At(s.At))...)
		}
	} else if s.Note != "" {
		line = append(line, message.Span{Text: " · still to do"})
	}
	if s.Run > 0 && !strings.Contains(s.Note, fmt.Sprintf("R-%d", s.Run)) {
		line = append(line, message.Text(" · R-%d", s.Run)...)
	}
	if s.Note != "" {
		line = append(line, message.Span{Text: ": " + shorten(flat(s.Note), mostLine)})
	}
	return line
}

func stepText(s StepState) string {
	switch s {
	case Ticked:
		return "done"
	case Running:
		return "under way"
	case Skipped:
		return "left out"
	case Todo:
	}
	return "to do"
}

func stepIcon(s StepState) string {
	switch s {
	case Ticked:
		return "✅"
	case Running:
		return "⏳"
	case Skipped:
		return "➖"
	case Todo:
	}
	return "☐"
}

// stepActions are what can be done about a step now. What it carries out is named on its
// button.
func stepActions(i Incident, s Step) []message.Action {
	if i.Status.Over() {
		return nil
	}
	ref := i.Ref() + " " + s.Name
	again := message.Action{Verb: "incident", Ref: "step " + ref + " --reopen", Label: "To do again"}
	if s.State == Ticked || s.State == Skipped {
		return []message.Action{again}
	}
	var actions []message.Action
	words := i.StepWords(s.Name)
	if notice, ok := strings.CutPrefix(words, "notify "); ok { // is written, and not run
		actions, words = append(actions, message.Action{Verb: "notify", Ref: notice, Label: "Write it", Style: message.Primary, Form: true}), ""
	}
	if words != "" && s.State == Todo {
		actions = append(actions, message.Action{Verb: "incident", Ref: "step " + ref, Label: "Run: " + shorten(words, mostTitle), Style: message.Primary})
	}
	actions = append(actions, message.Action{Verb: "incident", Ref: "step " + ref + " --done", Label: "Done"})
	if s.Owner == "" {
		actions = append(actions, message.Action{Verb: "incident", Ref: "step " + ref + " --own", Label: "I do it"})
	}
	return append(actions, message.Action{Verb: "incident", Ref: "skip " + ref, Label: "Leave out", Form: true})
}

// ChecklistMoved stands where the checklist stood before it was asked for again, so that
// one message alone has its buttons.
func ChecklistMoved(i Incident) message.Message {
	return message.Message{Headline: message.Text("The checklist of %s stands further down: it was asked for again.", i.Ref())}
}
