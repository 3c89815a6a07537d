package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/workspace/web"
)

// RateMode says how strictly the rate tiers are enforced.
type RateMode int

const (
	// RatesSlack lets a whole minute's worth of calls through in one burst
	// and 5 posts per channel, then one a second.
	RatesSlack RateMode = iota
	// RatesStrict allows no burst of posts and a quarter of a minute's worth
	// of other calls.
	RatesStrict
	// RatesOff enforces nothing, for tests about something else.
	RatesOff
)

// Options describe a workspace. The zero value is usable: New fills in the
// defaults, which are Slack's own figures.
type Options struct {
	TeamID, TeamName, TeamDomain string
	// App is the bot. Its missing ids and tokens are made up.
	App App
	// Tries are the "things to try" shown on the page.
	Tries []string
	// Assets are the files of the web page. Nil means those of package web.
	Assets fs.FS

	Clock Clock        // nil means RealClock
	Log   *slog.Logger // nil means discard
	Rates RateMode
	// Seed makes the random spread of envelopes repeatable.
	Seed uint64
	// Timing are Slack's clocks.
	Timing Timing
	// Limits bound what the simulator keeps in memory.
	Limits Limits
	// FilesForbidden makes every upload fail with file_uploads_disabled, as
	// an administrator's setting would.
	FilesForbidden bool
	// EditWindow is how old a message may be when it is edited, 0 for ever.
	EditWindow time.Duration
}

// Timing holds Slack's clocks; a zero field means Slack's figure.
type Timing struct {
	Ack             time.Duration   // to acknowledge an envelope: 3 s
	Trigger         time.Duration   // life of a trigger_id: 3 s
	ResponseURL     time.Duration   // life of a response_url: 30 min
	Ping            time.Duration   // between WebSocket pings: 10 s
	Pong            time.Duration   // a ping may stay unanswered: 30 s; negative for ever, the default on a ManualClock
	Connection      time.Duration   // life of a connection before its refresh: 18,060 s
	RefreshWarning  time.Duration   // from "warning" to "refresh_requested": 10 s
	RefreshCut      time.Duration   // from "refresh_requested" to the cut: 2 s
	Ticket          time.Duration   // life of an unused WebSocket address: 30 s
	EventRetryAfter []time.Duration // redelivery of events: at once, 1 min, 5 min
}

// Limits bound memory; a zero field means the default.
type Limits struct {
	Messages  int   // per channel, oldest threads go first: 5,000
	Ephemeral int   // per person: 500
	FileBytes int64 // over all files: 512 MiB
	Journal   int   // entries: 10,000
}

// Validate names every field that makes no sense.
func (o Options) Validate() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(o.App.BotToken == "" || strings.HasPrefix(o.App.BotToken, "xoxb-"), "App.BotToken must begin with xoxb-")
	bad(o.App.AppToken == "" || strings.HasPrefix(o.App.AppToken, "xapp-"), "App.AppToken must begin with xapp-")
	seen := map[string]bool{}
	for _, c := range o.App.Commands {
		bad(strings.HasPrefix(c.Command, "/") && len(c.Command) > 1 && len(c.Command) <= 32,
			"App.Commands: %q must begin with / and have at most 32 characters", c.Command)
		bad(!seen[c.Command], "App.Commands: %q is there twice", c.Command)
		seen[c.Command] = true
	}
	for _, s := range o.App.Shortcuts {
		bad(s.Type == "global" || s.Type == "message", "App.Shortcuts: type of %q must be global or message", s.CallbackID)
	}
	bad(o.Rates >= RatesSlack && o.Rates <= RatesOff, "Rates: unknown mode %d", o.Rates)
	bad(o.Timing.Ack >= 0 && o.Timing.Ping >= 0 && o.Timing.Trigger >= 0, "Timing: durations must not be negative")
	return errors.Join(errs...)
}

// withDefaults is o with every empty field filled in.
func (o Options) withDefaults() Options {
	setText(&o.TeamID, "T0SHOPTEAM")
	setText(&o.TeamName, "Shop")
	setText(&o.TeamDomain, "shop")
	setText(&o.App.ID, "A0INTEGRITY")
	setText(&o.App.BotID, "B0INTEGRITY")
	setText(&o.App.BotUserID, "U0INTEGRITY")
	setText(&o.App.Name, "integrity")
	setText(&o.App.BotToken, "xoxb-simulated")
	setText(&o.App.AppToken, "xapp-simulated")
	if len(o.App.Scopes) == 0 {
		o.App.Scopes = DefaultScopes()
	}
	if len(o.App.AppScopes) == 0 {
		o.App.AppScopes = []string{"connections:write"}
	}
	if len(o.App.Events) == 0 {
		o.App.Events = DefaultEvents()
	}
	if o.Assets == nil {
		o.Assets = web.Assets()
	}
	if o.Clock == nil {
		o.Clock = RealClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if _, manual := o.Clock.(*ManualClock); manual && o.Timing.Pong == 0 {
		o.Timing.Pong = -1 // answers do not travel in such a clock's time
	}
	o.Timing = o.Timing.withDefaults()
	o.Limits = o.Limits.withDefaults()
	return o
}

func (t Timing) withDefaults() Timing {
	setDuration(&t.Ack, 3*time.Second)
	setDuration(&t.Trigger, 3*time.Second)
	setDuration(&t.ResponseURL, 30*time.Minute)
	setDuration(&t.Ping, 10*time.Second)
	setDuration(&t.Pong, 30*time.Second)
	setDuration(&t.Connection, 18060*time.Second)
	setDuration(&t.RefreshWarning, 10*time.Second)
	setDuration(&t.RefreshCut, 2*time.Second)
	setDuration(&t.Ticket, 30*time.Second)
	if t.EventRetryAfter == nil {
		t.EventRetryAfter = []time.Duration{0, time.Minute, 5 * time.Minute}
	}
	return t
}

func (l Limits) withDefaults() Limits {
	if l.Messages <= 0 {
		l.Messages = 5000
	}
	if l.Ephemeral <= 0 {
		l.Ephemeral = 500
	}
	if l.FileBytes <= 0 {
		l.FileBytes = 512 << 20
	}
	if l.Journal <= 0 {
		l.Journal = 10_000
	}
	return l
}

func setText(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

func setDuration(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}
