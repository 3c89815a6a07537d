package incidents

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
)

// Status is where an incident stands.
type Status string

// The statuses, in the order in which an incident usually goes through them.
const (
	Investigating Status = "investigating"
	Identified    Status = "identified"
	Fixing        Status = "fixing"
	Monitoring    Status = "monitoring"
	Resolved      Status = "resolved"
	Declined      Status = "declined" // it was none
	Merged        Status = "merged"   // it goes on as another one
)

// Over tells whether nobody works on it any more.
func (s Status) Over() bool { return s == Resolved || s == Declined || s == Merged }

// Severity is how bad it is, from P0, the worst, to P3.
type Severity string

// The severities of the runbook.
const (
	P0 Severity = "P0"
	P1 Severity = "P1"
	P2 Severity = "P2"
	P3 Severity = "P3"
)

// Incident is one incident as it stands: what is stored of it, and all that
// decisions about it depend on. It is a value: whoever changes it makes another one
// and hands it to the store as a Change.
type Incident struct {
	ID int64 `json:"id"`
	// Key is what it is about, such as a domain. Of one key one incident is open.
	Key      string   `json:"key"`
	Domain   string   `json:"domain"`
	Title    string   `json:"title"` // "Orders data is wrong"
	Drill    bool     `json:"drill,omitempty"`
	Private  bool     `json:"private,omitempty"` // its channel is
	Severity Severity `json:"severity"`
	// Rule says which rule gave the severity, or that a person did.
	Rule   string `json:"rule,omitempty"`
	Status Status `json:"status"`
	Lead   string `json:"lead,omitempty"` // Slack user id; empty: nobody
	// Cause is what was found to be the cause, in the words of whoever found it.
	Cause string `json:"cause,omitempty"`

	Source   audit.Source `json:"source"`
	OpenedBy string       `json:"opened_by,omitempty"` // Slack user id; empty for alerts
	Opened   time.Time    `json:"opened"`
	Request  string       `json:"request"` // id of the request that opened it
	// Asked is where it was declared: where people read what became of it until it has
	// a channel, or if it gets none.
	Asked Place `json:"asked,omitzero"`
	Room  Room  `json:"room"`
	// Run is the run under whose result it was declared; 0: none.
	Run int64 `json:"run,omitempty"`
	// Also are further runs and plans that count as its own: those of incidents that were
	// merged into it.
	Also []int64 `json:"also,omitempty"`

	Milestones Milestones       `json:"milestones"`
	Alerts     map[string]Alert `json:"alerts,omitempty"` // by fingerprint
	Clocks     map[string]Clock `json:"clocks,omitempty"` // by audience
	// Untold are the audiences whose last notice may still not arrive, with the clock that
	// they had before: it comes back if nobody of them could be told.
	Untold map[string]Untold `json:"untold,omitempty"`
	// Paused are the clocks of audiences that have none at the present severity, as they
	// were when they had one.
	Paused     map[string]Clock `json:"paused,omitempty"`
	Escalation *Escalation      `json:"escalation,omitempty"`
	// Paged are the escalations before this one, the oldest first: what their people were
	// told still asks them to come.
	Paged []Escalation `json:"paged,omitempty"`
	Steps []Step       `json:"steps,omitempty"` // the checklist
	// Board is where the checklist was shown last.
	Board Board `json:"board,omitzero"`
	// Previews are the messages that show a notice with the button that sends it.
	Previews  []Preview      `json:"previews,omitempty"`
	Told      map[string]int `json:"told,omitempty"` // notices sent so far, by template
	FollowUps []string       `json:"follow_ups,omitempty"`
	End       *End           `json:"end,omitempty"`
	Into      int64          `json:"into,omitempty"` // merged into this one
	// Reopened counts how often it was opened again.
	Reopened int `json:"reopened,omitempty"`
	// Said is when a person set the status, or a milestone, by its name; or, for the
	// status, when the incident was opened again. Only facts that are younger move it on.
	Said  map[string]time.Time `json:"said,omitempty"`
	Links map[string]string    `json:"links,omitempty"`

	// Version counts the changes; it is a column of its own. 0: it is not stored yet.
	Version int64 `json:"-"`
}

// Place is a place in Slack.
type Place struct {
	Channel string `json:"channel,omitempty"`
	Thread  string `json:"thread,omitempty"`
}

// Room is the incident's channel.
type Room struct {
	// Channel is its id; empty: it has none yet, or gets none.
	Channel string `json:"channel,omitempty"`
	Name    string `json:"name,omitempty"`
	// Bound: it was there before and was adopted.
	Bound bool `json:"bound,omitempty"`
	// Trying is the name that is about to be created. It is written before Slack is asked,
	// so that a channel whose creation was not answered is found again.
	Trying      string    `json:"trying,omitempty"`
	TryingSince time.Time `json:"trying_since,omitzero"`
	// Doubt is when Slack was last asked to create it again: of a creation that was not
	// answered since then the channel may be listed a little later.
	Doubt time.Time `json:"doubt,omitzero"`
	// Done are the things that were done for the channel: see the Furnish… words.
	Done map[string]time.Time `json:"done,omitempty"`
	// Trouble says in a sentence for each of them why it could not be done.
	Trouble map[string]string `json:"trouble,omitempty"`
	// Settled: nothing is left to try; what has Trouble stays undone.
	Settled bool `json:"settled,omitempty"`
	// Topic is what the bot made the channel's topic.
	Topic string `json:"topic,omitempty"`
	// Pinned is the timestamp of the summary that is pinned.
	Pinned string `json:"pinned,omitempty"`
	// Read is until when the channel's messages were looked through.
	Read time.Time `json:"read,omitzero"`
}

// What is done for an incident's channel, in this order.
const (
	FurnishChannel   = "channel"
	FurnishInvite    = "invite"
	FurnishTopic     = "topic"
	FurnishBookmarks = "bookmarks"
	FurnishLink      = "link"   // where it was declared, people read where it goes on
	FurnishChecks    = "checks" // the checks of the domain are begun
)

// Milestones are when it was what. Zero: not yet.
type Milestones struct {
	Began      time.Time `json:"began,omitzero"`      // first bad data
	Detected   time.Time `json:"detected,omitzero"`   // a check failed, an alert fired, somebody declared
	Contained  time.Time `json:"contained,omitzero"`  // it does not grow any more
	Identified time.Time `json:"identified,omitzero"` // the cause is known
	Fixed      time.Time `json:"fixed,omitzero"`      // the last fix was applied
	Verified   time.Time `json:"verified,omitzero"`   // the checks passed after it
	Resolved   time.Time `json:"resolved,omitzero"`
}

// Alert is one alert of a monitoring system that belongs to an incident.
type Alert struct {
	Name   string    `json:"name"`
	Firing bool      `json:"firing"`
	Since  time.Time `json:"since"`           // it is so
	Times  int       `json:"times,omitempty"` // how often it began to fire
	URL    string    `json:"url,omitempty"`   // of its source; only from configured hosts
}

// Clock says when an audience is to be told again.
type Clock struct {
	Every time.Duration `json:"every"` // nanoseconds
	Due   time.Time     `json:"due"`
	// Reminded is the due time that the lead was last reminded of, and Raised the one for
	// which the next level was called. Each due time has one of each.
	Reminded time.Time `json:"reminded,omitzero"`
	Raised   time.Time `json:"raised,omitzero"`
	// Asked is when that reminder was made: after an outage, later than it was due.
	Asked time.Time `json:"asked,omitzero"`
	// SnoozedBy moved Due, once for this update.
	SnoozedBy string `json:"snoozed_by,omitempty"`
	// Last is when the audience was last told.
	Last time.Time `json:"last,omitzero"`
	// Under is the severity under which Due was promised, where that was a worse one than
	// the present.
	Under Severity `json:"under,omitempty"`
}

// Untold is an audience to which a notice was sent.
type Untold struct {
	At  time.Time `json:"at"`            // it was sent
	Was *Clock    `json:"was,omitempty"` // the clock before; nil: there was none
}

// Ref is how people refer to it: INC-12.
func Ref(id int64) string { return "INC-" + strconv.FormatInt(id, 10) }

// Ref is the incident's.
func (i Incident) Ref() string { return Ref(i.ID) }

// ParseRef reads INC-12, in any case, and the number alone.
func ParseRef(s string) (int64, error) {
	digits := s
	if len(s) > 4 && strings.EqualFold(s[:4], "INC-") {
		digits = s[4:]
	}
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("%q is not an incident", s)
	}
	return id, nil
}

// Where is the channel in which it is dealt with: its own, or the one in which it
// was declared while it has none. A private one without a channel of its own is dealt
// with nowhere: nobody else may read of it.
func (i Incident) Where() string {
	if i.Room.Channel != "" || i.Private {
		return i.Room.Channel
	}
	return i.Asked.Channel
}
