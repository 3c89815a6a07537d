package bot

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// act is what one envelope asks for. With neither requests nor do there is
// nothing to do, and why says so for the log.
type act struct {
	// id is the same for every delivery of the same thing.
	id       string
	requests []commands.Request
	// do opens or redraws a view, which changes nothing that has to be recorded, or has
	// something recorded itself.
	do func(ctx context.Context) error
	// first wants something typed; if it does not, the requests are made at once.
	first *question
	// trigger opens the form that the one request may have; empty: none can be opened.
	trigger string
	why     string
}

// dispatcher turns envelopes into requests. It decides nothing about rights
// and keeps no state that matters: the asker does the first, the store the
// second.
type dispatcher struct {
	opt     Options
	me      self
	asker   commands.Asker
	home    Home
	choices []Choice
	dialogs Dialogs
	witness Witness
	// reaction is the one that the witness minds.
	reaction string
	call     caller
	directs  *memo[string] // person to channel of direct messages
	api      *slack.Client
	direct   *direct
	recent   *recent
	log      *slog.Logger
}

// handle works on one envelope and says whether it may be acknowledged: when
// everything is recorded, or the person was told that it is not.
func (d *dispatcher) handle(ctx context.Context, e envelope) bool {
	a, err := d.read(e)
	if err != nil {
		d.log.Error("unreadable envelope", "type", e.Type, "envelope", e.EnvelopeID, "error", err)
		// Slack would only send an event again; without an ack of anything
		// else the person sees that it did not work.
		return e.Type == socketmode.RequestTypeEventsAPI
	}
	if a.why != "" {
		d.log.Debug("nothing to do", "type", e.Type, "why", a.why)
		return true
	}
	attempt, first := d.recent.begin(a.id)
	if !first {
		select {
		case <-attempt.done:
			return attempt.ok
		case <-ctx.Done():
			return false
		}
	}
	ok := false
	defer func() { d.recent.end(a.id, attempt, ok) }() // also when it panics
	ok = d.carryOut(ctx, e, a)
	return ok
}

func (d *dispatcher) read(e envelope) (act, error) {
	switch e.Type {
	case socketmode.RequestTypeSlashCommands:
		return readSlash(e)
	case socketmode.RequestTypeEventsAPI:
		return d.readEvent(e)
	case socketmode.RequestTypeInteractive:
		return d.readInteraction(e)
	}
	d.log.Warn("unknown kind of envelope, acknowledged and left alone", "type", e.Type, "envelope", e.EnvelopeID)
	return act{why: "unknown kind of envelope"}, nil
}

func (d *dispatcher) carryOut(ctx context.Context, e envelope, a act) bool {
	ctx, cancel := context.WithDeadline(ctx, e.received.Add(d.opt.Timing.Ask))
	defer cancel()
	if a.do != nil {
		if err := a.do(ctx); err != nil {
			d.log.Error("not done", "type", e.Type, "why", err)
			return false
		}
		return true
	}
	if a.first != nil {
		if done, ok := d.askFirst(ctx, *a.first); done {
			return ok
		}
	}
	if a.trigger != "" && len(a.requests) == 1 {
		if done, ok := d.formFirst(ctx, a.trigger, a.requests[0]); done {
			return ok
		}
	}
	ok := true
	for _, r := range a.requests {
		r = d.placed(ctx, r)
		if post := d.ask(ctx, r); post != nil {
			ok = d.tell(ctx, r, *post) && ok
		}
	}
	return ok
}

// ask passes a request on. A panic becomes an answer, so that the person is
// not left waiting.
func (d *dispatcher) ask(ctx context.Context, r commands.Request) (post *message.Post) {
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("panic while asking", "request", r.Key, "panic", p, "stack", string(debug.Stack()))
			post = &message.Post{Message: message.Message{Headline: message.Text(
				"Something went wrong inside me, and I do not know whether this was recorded. Look at `%s audit`, then try again. (ref %s)",
				d.opt.Command, r.Key)}}
		}
	}()
	return d.asker.Ask(ctx, r)
}

// placed gives a request that came from no channel, such as from the Home tab or a
// shortcut, the person's direct messages with the bot: there it is answered.
func (d *dispatcher) placed(ctx context.Context, r commands.Request) commands.Request {
	if r.Channel != "" || r.ResponseURL != "" || r.Actor.User == "" {
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	channel, err := d.directs.get(ctx, r.Actor.User, false, func(ctx context.Context) (string, error) {
		return openDirect(ctx, d.call, r.Actor.User)
	})
	if err != nil {
		d.log.Warn("no direct messages to answer in", "request", r.Key, "error", describe(err))
		return r
	}
	r.Channel = channel
	return r
}

// tell sends an answer that could not be recorded.
func (d *dispatcher) tell(ctx context.Context, r commands.Request, post message.Post) bool {
	setZero(&post.Channel, r.Channel)
	setZero(&post.OnlyTo, r.Actor.User)
	setZero(&post.ResponseURL, r.ResponseURL)
	setZero(&post.Thread, r.Thread)
	ctx, cancel := detached(ctx, d.opt.Timing.HTTP)
	defer cancel()
	if err := d.direct.send(ctx, post); err != nil {
		d.log.Error("answer not sent", "request", r.Key, "error", withoutAddress(err))
		return mayHaveHappened(err)
	}
	return true
}

func person(enterprise, team, user string) audit.Actor {
	return audit.Actor{Kind: audit.Person, Enterprise: enterprise, Team: team, User: user}
}

// requestKey joins the parts that identify a request.
func requestKey(parts ...string) string { return strings.Join(parts, ":") }

func missing(what string, e envelope) error {
	return fmt.Errorf("%s without %s", e.Type, what)
}

// slackTimestamp is a time as Slack writes it.
func slackTimestamp(t time.Time) string {
	return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000)
}
