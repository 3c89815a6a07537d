package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/notify"
)

// Options of a keeper. All but the times, Senders, Shared, Log, Mail and Webhooks
// are required.
type Options struct {
	Store   Store
	Rooms   Rooms
	Words   incidents.Wording
	Members func(ctx context.Context, group string) ([]string, error)
	// Domain gives the checks of a domain as a run of "check <domain>" has them, the ones
	// whose targets are off apart.
	Domain  func(domain string) (checks, off []string)
	Catalog check.Catalog
	// Shared tells whether people of other organisations are in a channel: then checks
	// that are begun there show no rows. nil: it is not asked.
	Shared func(ctx context.Context, channel string) (bool, error)
	// Mail and Webhooks send what does not go to Slack. nil, or a name that is not there:
	// such letters are not sent, and it is said why.
	Mail     Sender
	Webhooks map[string]Sender
	Holder   string
	Version  string
	Log      *slog.Logger

	// TickEvery is how often time is looked at; default 2 s. SummaryGap is the least
	// time between two edits of a summary; default 10 s. ReadEvery is how often channels are
	// read for what was missed; default 10 min, and once at the start.
	TickEvery, SummaryGap, ReadEvery time.Duration
	// Lease bounds one visit to Slack for a channel; default 30 s. SendWithin bounds one try
	// to send a notice; default 20 s. Senders is how many are sent at once by email, and as
	// many to webhooks; default 4.
	Lease, SendWithin time.Duration
	Senders           int
}

// Sender sends one letter. Its errors are *notify.Error.
type Sender interface {
	Send(ctx context.Context, l notify.Letter) error
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Senders == 0 {
		o.Senders = 4
	}
	for d, value := range o.times() {
		if *d == 0 {
			*d = value.standard
		}
	}
	return o
}

type span struct {
	name     string
	standard time.Duration
}

// times are the times with their names and what they are by default.
func (o *Options) times() map[*time.Duration]span {
	return map[*time.Duration]span{
		&o.TickEvery: {"TickEvery", 2 * time.Second}, &o.SummaryGap: {"SummaryGap", 10 * time.Second}, &o.ReadEvery: {"ReadEvery", 10 * time.Minute},
		&o.Lease: {"Lease", 30 * time.Second}, &o.SendWithin: {"SendWithin", 20 * time.Second},
	}
}

// Validate names every bad field, after the defaults were filled in.
func (o Options) Validate() error {
	var bad []error
	for name, missing := range map[string]bool{
		"Store": o.Store == nil, "Rooms": o.Rooms == nil, "Members": o.Members == nil, "Domain": o.Domain == nil, "Holder": o.Holder == "",
	} {
		if missing {
			bad = append(bad, errors.New("no "+name))
		}
	}
	for d, value := range o.times() {
		if *d < 0 {
			bad = append(bad, fmt.Errorf("%s is %s, less than 0", value.name, *d))
		}
	}
	if o.Senders < 1 {
		bad = append(bad, fmt.Errorf("%s is %d, less than 1", "Senders", o.Senders))
	}
	return errors.Join(bad...)
}
