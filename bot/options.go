package bot

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// DefaultAPIURL is where Slack's Web API is.
const DefaultAPIURL = "https://slack.com/api/"

// DefaultCommand is the slash command when none is configured.
const DefaultCommand = "/integrity"

// Options say how to reach Slack. The zero value lacks only the tokens.
type Options struct {
	// AppToken opens sockets (xapp-…, scope connections:write).
	AppToken Secret
	// BotToken does everything else (xoxb-…).
	BotToken Secret
	// APIURL is the Web API; empty means Slack's own. Uploads go to Slack or to
	// this host and nowhere else.
	APIURL string
	// Command is the slash command with its slash; empty means /integrity.
	Command string
	// Name is the app's name in Slack, for the manifest; empty means
	// "Integrity Bot".
	Name string
	// Connections is how many sockets are kept open, 1 to 9 (Slack allows 10
	// over all replicas, and a refresh needs a spare one); 0 means 2.
	Connections int
	// Handlers bounds how many envelopes are worked on at once; 0 means 64.
	Handlers int
	// Workers bounds how many deliveries are under way at once; 0 means 4.
	Workers int
	// EditsPerMinute is the share of chat.update that this process may use;
	// 0 means 50, which is Slack's tier 3.
	EditsPerMinute int
	// Timing holds clocks; a zero field means the default beside it.
	Timing Timing
}

// Timing are the clocks of the Slack edge.
type Timing struct {
	Ask     time.Duration // a request must be recorded within this: 2.5 s, of Slack's 3 s
	HTTP    time.Duration // one call of the Web API: 10 s
	Upload  time.Duration // the bytes of one file: 18 s
	Lease   time.Duration // a delivery is ours for this long: 30 s
	Silence time.Duration // a socket without any frame, pings included, is dead: 30 s (Slack pings every 10 s)
	Overlap time.Duration // a socket that is being replaced is read for this long: 15 s
	Drain   time.Duration // at stop, requests under way get this long: 5 s
	Backoff time.Duration // first wait after a failed connection, doubled up to 60 s: 500 ms
	EditGap time.Duration // between two edits of one message: 2.5 s
	PostGap time.Duration // between two posts in one channel: 1 s
	Settle  time.Duration // after an unknown outcome, before looking what happened: 3 s
}

var commandForm = regexp.MustCompile(`^/[a-z0-9_-]{1,31}$`)

// Validate names every field that makes no sense.
func (o Options) Validate() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(strings.HasPrefix(string(o.AppToken), "xapp-"), "the Slack app token must begin with xapp- (Basic Information → App-Level Tokens, scope connections:write)")
	bad(strings.HasPrefix(string(o.BotToken), "xoxb-"), "the Slack bot token must begin with xoxb- (OAuth & Permissions → Bot User OAuth Token)")
	if o.APIURL != "" {
		u, err := url.Parse(o.APIURL)
		bad(err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "", "the Slack API address %q must be an http or https URL", o.APIURL)
	}
	bad(o.Command == "" || commandForm.MatchString(o.Command), "the slash command %q must be a slash and at most 31 small letters, digits, - or _", o.Command)
	bad(len(o.Name) <= 35, "the app's name %q is longer than Slack's 35 characters", o.Name)
	bad(o.Connections >= 0 && o.Connections <= 9, "connections must be 1 to 9, not %d", o.Connections)
	bad(o.Handlers >= 0 && o.Workers >= 0 && o.EditsPerMinute >= 0, "handlers, workers and edits per minute must not be negative")
	t := o.Timing.withDefaults()
	bad(t.Ask < 3*time.Second, "the time to record a request (%s) must be below Slack's 3 s", t.Ask)
	bad(t.HTTP+t.Settle < t.Lease && t.Upload < t.Lease, "a delivery's lease (%s) must be longer than one call of Slack", t.Lease)
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	setZero(&o.APIURL, DefaultAPIURL)
	if !strings.HasSuffix(o.APIURL, "/") {
		o.APIURL += "/" // slack-go appends the method's name
	}
	setZero(&o.Command, DefaultCommand)
	setZero(&o.Name, "Integrity Bot")
	setZero(&o.Connections, 2)
	setZero(&o.Handlers, 64)
	setZero(&o.Workers, 4)
	setZero(&o.EditsPerMinute, 50)
	o.Timing = o.Timing.withDefaults()
	return o
}

func (t Timing) withDefaults() Timing {
	setZero(&t.Ask, 2500*time.Millisecond)
	setZero(&t.HTTP, 10*time.Second)
	setZero(&t.Upload, 18*time.Second)
	setZero(&t.Lease, 30*time.Second)
	setZero(&t.Silence, 30*time.Second)
	setZero(&t.Overlap, 15*time.Second)
	setZero(&t.Drain, 5*time.Second)
	setZero(&t.Backoff, 500*time.Millisecond)
	setZero(&t.EditGap, 2500*time.Millisecond)
	setZero(&t.PostGap, time.Second)
	setZero(&t.Settle, 3*time.Second)
	return t
}

func setZero[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
