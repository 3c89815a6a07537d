package report

import (
	"fmt"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Exported is the head message of a run that gave a file.
func Exported(run check.Run, e check.Exported, checks Checks) message.Post {
	m := message.Message{
		Headline: message.Text("📄 %s: %s exported, as they are and unmasked", run.Title, phrase.Plural(e.Lines, "record")),
		Context:  []message.Line{message.Join(run.Ref()+" · "+places(run, checks)+" · "+phrase.Duration(run.Finished.Sub(run.Started)), askedBy(run))},
	}
	if len(run.Checks) != 1 || e.Lines == 0 {
		m.Headline = message.Text("⚪ %s: there is nothing to export", run.Title)
	}
	var says []message.Line
	if len(run.Select) > 0 {
		says = append(says, message.Text("Selected by %s.", strings.Join(run.Select, " and ")))
	}
	if e.Left > 0 {
		says = append(says, message.Text("%s more are not in the file, which takes no more: narrow it down with --match or --since, or export from a shell.", phrase.Count(e.Left)))
	}
	for _, note := range e.Notes {
		says = append(says, message.Text("• %s", note))
	}
	if e.Lines > 0 {
		says = append(says, message.Join("One line of JSON a record, keys and values in base64. To put them back as they were: ", message.Mono("integritybot events import"), "."))
	}
	if len(says) > 0 {
		m.Parts = []message.Part{{Lines: says}}
	}
	if len(run.Checks) == 1 && e.Lines > 0 {
		m.Files = []message.File{{
			Name:   fmt.Sprintf("%s-%s.ndjson", run.Checks[0], run.Ref()),
			Title:  fmt.Sprintf("%s: %s", run.Title, phrase.Plural(e.Lines, "record")),
			Source: fmt.Sprintf("export/%d", run.ID),
		}}
	}
	return place(run, m, true)
}

// notExported is the head message of an export that ended without a file. It is no
// verdict: nothing was judged.
func notExported(run check.Run, checks Checks) message.Post {
	m := message.Message{
		Headline: message.Text("⚪ %s: not exported. %s", run.Title, run.Reason),
		Context:  []message.Line{message.Join(run.Ref()+" · "+places(run, checks)+" · "+phrase.Duration(run.Finished.Sub(run.Started)), askedBy(run))},
		Actions:  []message.Action{{Verb: "again", Ref: run.Ref(), Label: "Export again"}},
	}
	if run.State == check.Stopped {
		m.Headline = message.Join(message.Text("⚪ %s: not exported; stopped by ", run.Title), message.Mention(run.StoppedBy), ".")
	}
	return place(run, m, true)
}
