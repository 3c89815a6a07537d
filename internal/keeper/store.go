package keeper

import (
	"context"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// Store is the store as the keeper needs it. *store.Store implements it.
type Store interface {
	// Record writes changes with their effects; see commands.Ledger. The keeper's keys
	// name the incident's version, so that each version moves on once.
	commands.Ledger
	// HeldIncidents are those that are not over or in their soak, the oldest first.
	HeldIncidents(ctx context.Context) ([]incidents.Incident, error)
	Incident(ctx context.Context, id int64) (incidents.Incident, error)
	IncidentView(ctx context.Context, id int64) (incidents.View, error)
	// IncidentFacts is the view without Events and Entries: it is read in a few
	// milliseconds, however long the incident's history is.
	IncidentFacts(ctx context.Context, id int64) (incidents.View, error)
	// LeavingIncidents are those that are not held any more and changed within that time,
	// or have letters on their way or that ended within it, the oldest first.
	LeavingIncidents(ctx context.Context, within time.Duration) ([]incidents.Incident, error)
	// Clock is the time of the database.
	Clock(ctx context.Context) (time.Time, error)

	// LeaseIncident gives the sole right to talk to Slack about the channel of an incident
	// for ttl, unless another holder has it. FreeIncident gives it back.
	LeaseIncident(ctx context.Context, id int64, holder string, ttl time.Duration) (bool, error)
	FreeIncident(ctx context.Context, id int64, holder string) error
	// TakeName gives a channel name to an incident for ever. false: another one has it.
	TakeName(ctx context.Context, name string, incident int64) (bool, error)
	// RoomOf gives the incident that has or had a channel; 0: none.
	RoomOf(ctx context.Context, channel string) (int64, error)

	// ShowSpaced sets a post if it says something else than what stands there, what stands
	// there was sent, and that at least gap ago: so two edits are never closer than gap,
	// whatever replicas ask. It tells whether it did.
	ShowSpaced(ctx context.Context, post message.Post, gap time.Duration) (bool, error)
	// PostOf gives the timestamp and channel at which the newest version of a post that was
	// sent stands; empty: nowhere. failed says why it could not be sent for good.
	PostOf(ctx context.Context, key string) (ts, channel, failed string, err error)
	// LostPost has a message that was deleted in Slack posted anew, if it is the post of
	// one of these keys.
	LostPost(ctx context.Context, channel, ts string, keys ...string) (bool, error)

	// NextSightings gives messages at which something happened, at most limit, one line for
	// each message, to be looked at by this holder alone until ttl is over. Unsight forgets
	// those that were looked at; Entry tells the latest revision on the timeline.
	NextSightings(ctx context.Context, holder string, ttl time.Duration, limit int) ([]Sighted, error)
	Unsight(ctx context.Context, s Sighted) error
	Entries(ctx context.Context, incident int64) ([]incidents.Entry, error) // latest revisions

	// NextDelivery claims a delivery that is due, of these kinds or, without any, of all,
	// Begin notes that it is being sent from now on, EndDelivery what came of it, with its
	// audit event. After is the wait before the next try, where d.State is Waiting.
	NextDelivery(ctx context.Context, lease time.Duration, kinds ...incidents.DestinationKind) (*Letter, error) // nil: none is due
	BeginDelivery(ctx context.Context, d incidents.Delivery) error
	EndDelivery(ctx context.Context, d incidents.Delivery, after time.Duration, post *message.Post, event audit.Event) error
	// SettleHanded ends deliveries whose post was sent or given up, each by one caller.
	SettleHanded(ctx context.Context, event func(incidents.Delivery) audit.Event) (int, error)
}

// Sighted is a message to be looked at.
type Sighted struct {
	Incident    int64
	Channel, TS string
	Upto        int64 // the last sighting of it that this is about
}

// Letter is a delivery with what it delivers.
type Letter struct {
	incidents.Delivery
	Letter   incidents.Letter
	Notice   incidents.Notice
	Channel  string // of the incident
	Severity incidents.Severity
	Status   incidents.Status
	Ref      string // INC-12
	Drill    bool
}

// Rooms is Slack as the keeper needs it. Its errors are *incidents.RoomError.
type Rooms interface {
	// Create creates a channel. NameTaken and NotKnown are answers to expect.
	Create(ctx context.Context, name string, private bool) (id string, err error)
	// Find gives the channel of a name; nil: there is none that the bot can see.
	Find(ctx context.Context, name string) (*incidents.Channel, error)
	// Invite adds people who are not in it yet. Those who cannot be are named in left.
	Invite(ctx context.Context, channel string, users []string) (left []string, err error)
	Topic(ctx context.Context, channel, text string) error
	// Bookmark adds a link if there is none with this title.
	Bookmark(ctx context.Context, channel, title, url string) error
	// Pin and Unpin do nothing where it is so already.
	Pin(ctx context.Context, channel, ts string) error
	Unpin(ctx context.Context, channel, ts string) error
	// Pinned are the bot's own messages that are pinned there.
	Pinned(ctx context.Context, channel string) ([]string, error)
	// Message gives a message, or a reply in a thread, as it stands. NotThere: it was deleted.
	Message(ctx context.Context, channel, ts string) (incidents.Seen, error)
	// History gives messages of a channel with their replies, from newest to oldest, a page
	// at a time; the first page has no cursor, after the last one next is empty.
	History(ctx context.Context, channel string, since time.Time, cursor string) (page []incidents.Seen, next string, err error)
	// Direct gives the channel of direct messages with a person.
	Direct(ctx context.Context, user string) (channel string, err error)
	// Address is where people see a channel, or a message in it.
	Address(ctx context.Context, channel, ts string) (string, error)
}
