package incidents

import "time"

// RoomProblem is what is wrong with something that was to be done for a channel.
type RoomProblem string

// The problems.
const (
	NameTaken  RoomProblem = "taken"       // somebody has a channel of this name
	NotAllowed RoomProblem = "not allowed" // a scope is missing, or the workspace forbids it: trying again does not help
	NotNow     RoomProblem = "not now"     // Slack does not answer or asks to wait; nothing was done
	NotKnown   RoomProblem = "not known"   // Slack may have done it
	NotThere   RoomProblem = "not there"   // the channel or the message is gone or archived
)

// RoomError is why something could not be done for a channel.
type RoomError struct {
	Problem RoomProblem
	// Sentence says it to people, with what to do: "Slack lets the bot create no public
	// channels: add the scope channels:manage and reinstall the app."
	Sentence string
	Wait     time.Duration // before trying again, if Slack said so
	Err      error
}

func (e *RoomError) Error() string { return e.Sentence }

func (e *RoomError) Unwrap() error { return e.Err }

// Channel is a channel as it is found in Slack.
type Channel struct {
	ID, Name string
	Ours     bool // the bot itself created it
	Created  time.Time
	Archived bool
}

// Seen is a message as it stands in Slack now.
type Seen struct {
	Channel, TS string
	Thread      string // of which message it is a reply; empty: of none
	Author      string // Slack user id
	Text        string // as Slack gives it: foreign
	Link        string
	At          time.Time // its own time, which TS is
	Files       []string  // "name address" of what hangs on it
	// What counts of the marks on it: those of people who may not act do not. The others
	// say who made them.
	Pinned             bool
	Reactions          []string // names, without colons
	PinnedBy, MarkedBy string   // Slack user ids; MarkedBy of the reaction that the config names
	Replies            int
	// Ours: the bot wrote it. Hidden: it is no message of a person or app (joins, topics).
	Ours, Hidden bool
}

// Sighting is that something happened to a message: it says where to look, not what to
// think of it.
type Sighting struct {
	Event   string // Slack's id of the event
	Channel string
	TS      string // of the message
	Kind    string // pin_added, reaction_removed, message_deleted, …
	At      time.Time
}
