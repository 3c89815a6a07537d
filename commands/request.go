// Package commands is what can be asked of the bot: the grammar, the registry,
// one file per command, and the runner that every request goes through, however
// it came in: look up, authorize, record the intent and enqueue the work in one
// transaction, and only then acknowledge.
//
// It never talks to Slack and never does the work itself: it decides and
// records. Nothing is acknowledged that a crash could lose.
package commands

import (
	"context"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

// Request is one thing a person asked, whatever way it came in.
type Request struct {
	// Key is the same for every delivery of the same request: the envelope id
	// of a slash command, the event id of a mention, message and action time of
	// a click. A key is acted on once.
	Key    string
	Actor  audit.Actor
	Source audit.Source
	// Channel is where it was asked; empty for the Home tab and shortcuts.
	Channel string
	// Thread is the Slack timestamp of the thread it was asked in, if any.
	Thread string
	// Text is what was typed after the command word or the mention. For a
	// click it is the button's verb and ref: "stop R-1042".
	Text        string
	ResponseURL string
	At          time.Time
}

// Place is what the bot knows about a channel.
type Place struct {
	ID string
	// Shared: other organisations are or may be in it. No row data, no fixes.
	Shared bool
	// Member: the bot may post there.
	Member bool
	// Direct: a direct message with the bot.
	Direct bool
}

// Directory looks up people and channels in Slack, with a short memory.
type Directory interface {
	// Subject gives the person with the groups they are in now. fresh asks
	// Slack again, for clicks and for workers.
	Subject(ctx context.Context, actor audit.Actor, fresh bool) (authz.Subject, error)
	// Place describes a channel. A channel that the bot cannot see is a Place
	// with Member false and no error.
	Place(ctx context.Context, channel string) (Place, error)
	// Members gives the people who are in a user group now. A group that is disabled or
	// not there has none.
	Members(ctx context.Context, group string) ([]string, error)
}

// Asker takes requests. The Slack edge calls it and then acknowledges.
type Asker interface {
	// Ask records and enqueues what the request wants. A nil post means that
	// everything, the answer included, is recorded and will be sent: acknowledge
	// and be done. A post means that nothing could be recorded: the edge sends
	// it itself, once, as well as it can, and acknowledges.
	Ask(ctx context.Context, r Request) *message.Post
	// Form gives the form that a request opens instead of being asked, as things stand
	// now. nil: there is none, or the person may not; then the request is to be asked.
	// Nothing is recorded by it.
	Form(ctx context.Context, r Request) *message.Form
}
