package incidents

import (
	"time"
)

// Notice is what is told to one or more audiences, frozen as it was previewed. It is
// written before anything is sent.
type Notice struct {
	ID       int64  `json:"id"` // N-12; 0: a draft
	Incident int64  `json:"incident"`
	Template string `json:"template"`
	Number   int    `json:"number"` // the how manieth of this template
	// Fields are what the poster gave to it, by the field's name.
	Fields  map[string]string `json:"fields,omitempty"`
	Letters []Letter          `json:"letters"`
	By      string            `json:"by,omitempty"` // Slack user id
	At      time.Time         `json:"at"`           // it was frozen
	// SentAt is when somebody sent it; zero: a draft, or it is as old as At.
	SentAt time.Time `json:"sent_at,omitzero"`
	// Shown is the request that previewed it in a message of its own; empty: none did.
	Shown string `json:"shown,omitempty"`
	// Next is when each audience is told again; there and zero: none is stated.
	Next map[string]time.Time `json:"next,omitempty"`
	// Rows are what each check that had answered had found by then, so that the next notice says what
	// changed. No audience sees them as they are.
	Rows map[string]int64 `json:"rows,omitempty"`
}

// sent is when it was sent: from then on people were told.
func (n Notice) sent() time.Time {
	if n.SentAt.IsZero() {
		return n.At
	}
	return n.SentAt
}

// Letter is what one audience gets, byte for byte.
type Letter struct {
	Audience string `json:"audience"`
	Title    string `json:"title"` // of the audience: "Executives"
	Subject  string `json:"subject"`
	Body     string `json:"body"` // plain text
	// Links are addresses of the config in the body. Where links are possible these are
	// some, and nothing else is.
	Links []string      `json:"links,omitempty"`
	To    []Destination `json:"to"`
	// Not says in sentences who of them is not told, and why.
	Not []string `json:"not,omitempty"`
}

// DestinationKind is how somebody is told.
type DestinationKind string

// The kinds of destination.
const (
	ToChannel DestinationKind = "channel" // of Slack, by its id; "incident": the incident's own
	ToPerson  DestinationKind = "person"  // a direct message, by Slack user id
	ToGroup   DestinationKind = "group"   // a user group: each of its members, by direct message
	ToEmail   DestinationKind = "email"
	ToWebhook DestinationKind = "webhook" // by its name in the config: the address may hold a secret
)

// Destination is one place where a letter goes.
type Destination struct {
	Kind DestinationKind `json:"kind" yaml:"kind"`
	To   string          `json:"to" yaml:"to"`
	// Via is the group because of which a person is told.
	Via string `json:"via,omitempty" yaml:"-"`
}

// Shown is where it is as it may be recorded: an email address belongs to a person.
func (d Destination) Shown() string {
	if d.Kind == ToEmail {
		return masked(d.To)
	}
	return d.To
}

// DeliveryState is what became of a letter.
type DeliveryState string

// The states of a delivery.
const (
	Waiting   DeliveryState = "waiting"
	Handed    DeliveryState = "handed"    // to the queue of Slack messages, whose result counts
	Delivered DeliveryState = "delivered" // Slack or the mail server has taken it
	Refused   DeliveryState = "refused"   // for good
	Unclear   DeliveryState = "unclear"   // it may have arrived; it is not sent again by itself
	NotSent   DeliveryState = "not sent"  // and was never tried: Reason says why
)

// Final tells whether nothing more is tried by itself.
func (s DeliveryState) Final() bool { return s != Waiting && s != Handed }

// Delivery is one letter on its way to one destination.
type Delivery struct {
	Notice   int64
	N        int // within the notice, from 1
	Incident int64
	Audience string
	To       Destination
	State    DeliveryState
	Attempts int
	Reason   string    // of the last failure, a sentence
	At       time.Time // of the last change
	// Claim is the fencing number of whoever is sending it.
	Claim int64
	// Begun: the call that sends it was begun, so that its outcome is not known until it is
	// noted.
	Begun bool
}

// Again is a delivery that is to be sent once more, if it still is in this state.
type Again struct {
	Notice int64
	N      int
	State  DeliveryState // Refused or Unclear
}

// Sealed is a notice that was previewed: kept under the hash of everything that would
// be sent, until it is sent or thrown away.
type Sealed struct {
	Seal   string
	Notice Notice
}
