package incidents

import (
	"errors"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// ErrMoved means that the incident changed since it was read, or another one of its
// key was opened. Read it again and decide anew.
var ErrMoved = errors.New("the incident moved in between")

// ErrNotFound means that there is no such incident.
var ErrNotFound = errors.New("no such incident")

// Change is an incident as it stands from now on. The store writes it only over the
// version it was made from, which Incident.Version tells; 0: it is new, and then
// there must be no other that holds its key.
type Change struct {
	Incident Incident
}

// Effects are what goes with a change and is written with it, or not at all.
type Effects struct {
	Events  []audit.Event
	Posts   []message.Post
	Entries []Entry
	Notices []Notice
	// Run: the checks of the incident's domain are to be begun.
	Run bool
}

// Log makes the audit event of something that happened by itself.
func (i Incident) Log(action string, args map[string]string) audit.Event {
	return audit.Event{
		Request: i.Request, Actor: audit.Actor{Kind: audit.System}, Source: audit.FromSystem, Channel: i.Where(),
		Incident: i.Ref(), Action: action, Target: i.Ref(), Args: args, Outcome: audit.Done,
	}
}

// Entry is one entry of the timeline that is not an audit event: a message or a note.
// What is changed later is another Revision of the same Key.
type Entry struct {
	Incident int64 `json:"incident"`
	// Key is the same for all revisions: "slack/C1/1711.2", "note/<request id>".
	Key      string    `json:"key"`
	Revision int       `json:"revision"` // from 1
	Kind     EntryKind `json:"kind"`
	At       time.Time `json:"at"`     // the message's own time
	Noted    time.Time `json:"noted"`  // when this revision was written down
	Author   string    `json:"author"` // Slack user id
	Text     string    `json:"text"`   // foreign
	Link     string    `json:"link,omitempty"`
	Files    []string  `json:"files,omitempty"` // names and addresses of what hangs on it
	// Thread is the message it answers.
	Thread string `json:"thread,omitempty"`
	// Why it is here: "pinned", "reaction"; empty for notes.
	Why string `json:"why,omitempty"`
	// Gone: the message was deleted in Slack. Its last words stay.
	Gone bool `json:"gone,omitempty"`
	// Withdrawn: it is neither pinned nor marked any more.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

// EntryKind is what an entry is.
type EntryKind string

// The kinds of entry.
const (
	Note     EntryKind = "note"
	Decision EntryKind = "decision"
	Said     EntryKind = "message" // in Slack
)
