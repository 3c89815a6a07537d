package report

import (
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Note is one message of what a look saw, and its name within that.
type Note struct {
	Name    string
	Message message.Message
}

// Looked are all messages of a run that looked at something that is no check: what
// it says first, and detail for the thread. where it looked is for people.
func Looked(run check.Run, where string, head message.Message, thread []Note) []message.Post {
	head.Context = append(head.Context, lookedAt(run, where, len(thread) > 0 || len(head.Files) > 0))
	if len(head.Actions) == 0 {
		head.Actions = []message.Action{{Verb: "again", Ref: run.Ref(), Label: "Look again"}}
	}
	posts := []message.Post{place(run, head, true)}
	for _, note := range thread {
		posts = append(posts, inThread(run, "/"+note.Name, note.Message))
	}
	return posts
}

// notLooked is the head message of a look that ended without having seen anything.
// It is no verdict: nothing was judged.
func notLooked(run check.Run, checks Checks) message.Post {
	m := message.Message{
		Headline: message.Text("⚪ %s: not known. %s", run.Title, run.Reason),
		Context:  []message.Line{lookedAt(run, places(run, checks), false)},
		Actions:  []message.Action{{Verb: "again", Ref: run.Ref(), Label: "Look again"}},
	}
	if run.State == check.Stopped {
		m.Headline = message.Join(message.Text("⚪ %s: not known; stopped by ", run.Title), message.Mention(run.StoppedBy), ".")
	}
	return place(run, m, true)
}

func lookedAt(run check.Run, where string, more bool) message.Line {
	text := run.Ref()
	if where != "" {
		text += " · " + where
	}
	text += " · " + phrase.Duration(run.Finished.Sub(run.Started))
	line := message.Join(text, askedBy(run))
	if more {
		line = append(line, message.Span{Text: " · details in thread"})
	}
	return line
}
