package report

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Running gives the head message of a run that is not over: how far it is, why
// it waits if it does, and a button to stop it.
func Running(run check.Run, progress map[string]check.Progress, checks Checks, now time.Time) message.Post {
	m := message.Message{
		Headline: message.Text("⏳ %s: %s", run.Title, strings.Join(progressPieces(run, progress, now), ", ")),
		Context:  []message.Line{message.Join(run.Ref(), askedBy(run))},
		Actions:  []message.Action{stopButton(run.Ref())},
	}
	if paused := paused(progress, checks); len(paused) > 0 {
		m.Parts = []message.Part{{Lines: paused}}
	}
	return place(run, m, false)
}

// Queued gives the head message of a run that nobody has begun.
func Queued(o check.Order) message.Post {
	m := message.Message{
		Headline: message.Text("⏳ %s: %s asked for, starting", o.Title, work(o)),
		Context:  []message.Line{message.Join(o.Ref(), askedBy(check.Run{Order: o}))},
		Actions:  []message.Action{stopButton(o.Ref())},
	}
	return place(check.Run{Order: o}, m, false)
}

// work is what a run has to do.
func work(o check.Order) string {
	switch o.Step {
	case check.StepExport:
		return "an export"
	case check.StepLook:
		return "a look"
	case check.StepPlan, check.StepApply, check.StepVerify:
	}
	return checksText(len(o.Checks))
}

func stopButton(ref string) message.Action {
	return message.Action{Verb: "stop", Ref: ref, Label: "Stop", Confirm: &message.Confirm{
		Title: "Stop this run?",
		Text:  "It stops after the piece it is reading. What it has found until then stays.",
		Yes:   "Stop it", No: "Let it run",
	}}
}

func askedBy(run check.Run) message.Line {
	if run.AskedBy == "" {
		return nil
	}
	return message.Join(" · asked by ", message.Mention(run.AskedBy))
}

func progressPieces(run check.Run, progress map[string]check.Progress, now time.Time) []string {
	switch run.Step {
	case check.StepExport:
		return exporting(progress)
	case check.StepLook:
		return looking(progress)
	case check.StepPlan, check.StepApply, check.StepVerify:
	}
	pieces := []string{fmt.Sprintf("%d of %s done", len(run.Findings), checksText(len(run.Checks)))}
	var wrong int64
	for _, f := range run.Findings {
		wrong += f.Tally.Rows
	}
	if wrong > 0 {
		pieces = append(pieces, phrase.Plural(wrong, "row")+" wrong so far")
	}
	for _, name := range sortedNames(progress) {
		p := progress[name]
		if p.Total <= 0 || p.Done <= 0 {
			continue
		}
		share := min(float64(p.Done)/float64(p.Total), 1)
		pieces = append(pieces, fmt.Sprintf("%.0f %% of %s read", 100*share, p.Reading))
		if left := remaining(run, now, share); left > 0 && len(run.Checks) == 1 {
			pieces = append(pieces, "about "+phrase.Duration(left)+" left")
		}
		break
	}
	return pieces
}

// exporting is how far an export is: how many there will be nobody knows.
func exporting(progress map[string]check.Progress) []string {
	var done int64
	for _, p := range progress {
		done += p.Done
	}
	if done == 0 {
		return []string{"exporting"}
	}
	return []string{"exporting", phrase.Plural(done, "record") + " so far"}
}

// looking is how far a look is, in its own words.
func looking(progress map[string]check.Progress) []string {
	for _, p := range progress {
		switch {
		case p.Reading != "" && p.Total > 0:
			return []string{fmt.Sprintf("%s of %s %s", phrase.Count(p.Done), phrase.Count(p.Total), p.Reading)}
		case p.Reading != "":
			return []string{"looking at " + p.Reading}
		}
	}
	return []string{"looking"}
}

// remaining extrapolates once a tenth is done; before that it would be a guess.
func remaining(run check.Run, now time.Time, share float64) time.Duration {
	if share < 0.1 || share >= 1 || run.Started.IsZero() {
		return 0
	}
	spent := now.Sub(run.Started)
	return time.Duration(float64(spent) * (1 - share) / share).Round(time.Second)
}

func paused(progress map[string]check.Progress, checks Checks) []message.Line {
	var out []message.Line
	for _, name := range sortedNames(progress) {
		if why := progress[name].Paused; why != "" {
			out = append(out, message.Text("%s paused: %s", checks.title(name), why))
		}
	}
	return out
}

func sortedNames(progress map[string]check.Progress) []string {
	names := make([]string, 0, len(progress))
	for name := range progress {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
