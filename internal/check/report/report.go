// Package report words what a run found: one head message, edited in place,
// and one message per failing check for its thread.
//
// The first line of each must be enough to act on. It never shows more of a
// row than the run's findings hold (they are masked), and nothing of a row in a
// channel shared with another organisation.
package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Checks finds the declaration of a check by name.
type Checks map[string]check.Check

func (c Checks) title(name string) string {
	if d, ok := c[name]; ok && d.Title != "" {
		return d.Title
	}
	return name
}

// HeadKey is the key of a run's head message.
func HeadKey(run int64) string { return fmt.Sprintf("run/%d", run) }

// Finished gives all messages of an ended run: the head first, then one for
// each check that failed or did not answer.
func Finished(run check.Run, checks Checks) []message.Post {
	posts := []message.Post{head(run, checks)}
	switch run.Step {
	case check.StepVerify:
		posts[0] = verified(run, checks)
	case check.StepExport:
		posts[0] = notExported(run, checks)
	case check.StepLook:
		posts[0] = notLooked(run, checks)
	case check.StepPlan, check.StepApply:
	}
	for _, f := range run.Findings {
		if m, ok := overview(run, f, checks); ok { // what was asked for comes first
			posts = append(posts, inThread(run, "/"+f.Check+"/overview", m))
		}
		if f.Verdict != check.Pass {
			posts = append(posts, inThread(run, "/"+f.Check, thread(run, f, checks)))
		}
	}
	return posts
}

func inThread(run check.Run, key string, m message.Message) message.Post {
	return message.Post{Key: HeadKey(run.ID) + key, Channel: run.Channel, Parent: HeadKey(run.ID), Final: true, Message: m}
}

// place wraps a head message with where it belongs.
func place(run check.Run, m message.Message, final bool) message.Post {
	return message.Post{
		Key:         HeadKey(run.ID),
		Channel:     run.Channel,
		Thread:      run.Thread,
		ResponseURL: run.ResponseURL,
		Final:       final,
		Message:     m,
	}
}

func head(run check.Run, checks Checks) message.Post {
	m := message.Message{
		Headline: headline(run, checks),
		Parts:    []message.Part{{Lines: checkLines(run, checks)}},
		Context:  append([]message.Line{contextLine(run, checks)}, leftOut(run, checks)...),
		Actions: append(declaring(run), []message.Action{
			{Verb: "again", Ref: run.Ref(), Label: "Run again"},
			{Verb: "details", Ref: run.Ref(), Label: "Details"},
		}...),
	}
	return place(run, m, true)
}

// declaring is the button that makes an incident of what a run found, where something
// is wrong and nobody works on it in an incident.
func declaring(run check.Run) []message.Action {
	if run.Incident > 0 {
		return nil
	}
	for _, f := range run.Findings {
		if f.Verdict == check.Fail {
			return []message.Action{{Verb: "incident", Ref: "declare --run " + run.Ref(), Label: "Declare incident", Form: true}}
		}
	}
	return nil
}

// leftOut names the checks that were not asked because their targets are off.
func leftOut(run check.Run, checks Checks) []message.Line {
	if len(run.Off) == 0 {
		return nil
	}
	var titles []string
	for _, name := range run.Off {
		titles = append(titles, checks.title(name))
	}
	return []message.Line{message.Text("not run, because the config gives no address for their targets: %s", strings.Join(titles, ", "))}
}

// checkLines gives one line for each check of the run, in the order asked for.
func checkLines(run check.Run, checks Checks) []message.Line {
	found := map[string]check.Finding{}
	for _, f := range run.Findings {
		found[f.Check] = f
	}
	var lines []message.Line
	for _, name := range run.Checks {
		f, ok := found[name]
		if !ok {
			lines = append(lines, message.Join(icon(check.Unknown), " ", message.Strong("UNKNOWN "+checks.title(name)), "  not finished"))
			continue
		}
		if len(run.Checks) == 1 {
			f.Result.Says = "" // the first line says it
		}
		lines = append(lines, findingLine(run, f, checks))
	}
	return lines
}

func findingLine(run check.Run, f check.Finding, checks Checks) message.Line {
	line := message.Join(icon(f.Verdict), " ", message.Strong(string(f.Verdict)+" "+checks.title(f.Check)), "  ")
	if f.Verdict == check.Unknown {
		line = append(line, message.Span{Text: f.Reason})
		if f.Tally.Rows > 0 {
			line = append(line, message.Span{Text: fmt.Sprintf(" At least %s wrong before that.", phrase.Count(f.Tally.Rows))})
		}
		return line
	}
	if says := saying(run, f, checks); says != "" {
		return append(line, message.Span{Text: says})
	}
	line = append(line, message.Span{Text: ofWhole(f)})
	if f.Verdict == check.Pass {
		return line
	}
	if m := phrase.Amounts(f.Tally.Money); m != "" {
		line = append(line, message.Span{Text: " · " + m})
	}
	if c := classText(classes(run, f, checks), checks[f.Check].Kind); c != "" {
		line = append(line, message.Span{Text: " · " + c})
	}
	if !f.Tally.First.IsZero() {
		line = append(line, message.Join(" · first bad ", message.At(f.Tally.First), " ("+phrase.Age(run.Finished.Sub(f.Tally.First))+" ago)")...)
	}
	return line
}

// saying is what a check says of what it found. Some say it with names that others
// gave: applications, deployments, jobs, errors and keys of records. They stay out of
// channels that are shared with others.
func saying(run check.Run, f check.Finding, checks Checks) string {
	if run.NoRows && slices.Contains(naming(), checks[f.Check].Kind) {
		return ""
	}
	return f.Result.Says
}

// classes are the kinds of finding that may be named here. Those of a stream come
// from its records, and may be their keys.
func classes(run check.Run, f check.Finding, checks Checks) map[string]int64 {
	if run.NoRows && slices.Contains(streams(), checks[f.Check].Kind) {
		return nil
	}
	return f.Tally.Classes
}

func contextLine(run check.Run, checks Checks) message.Line {
	var pieces []any
	if run.ID > 0 { // a run from a shell has no number
		pieces = append(pieces, run.Ref()+" · ")
	}
	if p := places(run, checks); p != "" {
		pieces = append(pieces, p+" · ")
	}
	var read int64
	for _, f := range run.Findings {
		read += f.Result.Read
	}
	pieces = append(pieces, phrase.Duration(run.Finished.Sub(run.Started)))
	if read > 0 {
		pieces = append(pieces, fmt.Sprintf(" · %s %s read", phrase.Count(read), unit(run, checks)))
	}
	if run.AskedBy != "" {
		pieces = append(pieces, " · asked by ", message.Mention(run.AskedBy))
	}
	for _, f := range run.Findings {
		_, shown := overview(run, f, checks)
		if (f.Verdict != check.Pass || shown) && run.ID > 0 {
			pieces = append(pieces, " · details in thread")
			break
		}
	}
	return message.Join(pieces...)
}

func places(run check.Run, checks Checks) string {
	var seen []string
	for _, name := range run.Checks {
		p := checks[name].Place
		if p != "" && !strings.Contains(strings.Join(seen, "\n"), p) {
			seen = append(seen, p)
		}
	}
	return strings.Join(seen, ", ")
}
