package bot

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/integritybot/integritybot/internal/message"
)

// A delivery is tried for a day and this many times while Slack cannot be
// reached.
const (
	giveUp      = 24 * time.Hour
	giveUpAfter = 100
)

// reportMargin of a lease is kept for telling the outbox how it went.
const reportMargin = 5 * time.Second

// poster carries out the deliveries of the outbox. What it sends is decided by
// the outbox; how often, how fast and whether again, here.
type poster struct {
	opt    Options
	outbox Outbox
	send   *sender
	find   *finder
	upload *uploader
	name   string // the bot's handle, for invitations
	log    *slog.Logger
	now    func() time.Time
	watch  Observer
	gates  *gates
	edits  *rate.Limiter
	pace   *pace
	unfit  chan *FatalError
}

// result is how one try went. Exactly one of sent, failed, lost and again is
// meant; the zero result is a retry without a wait.
type result struct {
	sent, failed, lost bool

	ts      string        // sent: where it stands
	gap     time.Duration // sent: how long the channel must rest
	wait    time.Duration // again: after this long
	unknown bool          // again: Slack may have carried it out
	reason  string        // failed, again: a sentence
	err     error         // for the log
}

func sent(ts string, gap time.Duration) result { return result{sent: true, ts: ts, gap: gap} }

func failed(reason string, err error) result { return result{failed: true, reason: reason, err: err} }

func again(wait time.Duration, unknown bool, reason string) result {
	return result{wait: wait, unknown: unknown, reason: reason}
}

// run delivers until ctx ends, and finishes what is under way. It returns a
// *FatalError when Slack refuses the bot altogether.
func (p *poster) run(ctx context.Context) error {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	slots := make(chan struct{}, p.opt.Workers)
	freed := make(chan struct{}, 1)
	trouble := backoff{base: p.opt.Timing.Backoff}
	for {
		select {
		case slots <- struct{}{}:
		case err := <-p.unfit:
			return err
		case <-ctx.Done():
			return nil
		}
		d, wait, err := p.outbox.Next(ctx, p.opt.Timing.Lease)
		if d != nil && err == nil {
			trouble.reset()
			tasks.Go(func() {
				p.deliver(ctx, d)
				<-slots
				signal(freed)
			})
			continue
		}
		<-slots
		if err != nil && ctx.Err() == nil {
			wait = trouble.next()
			p.log.Error("outbox does not answer", "error", err, "again_in", wait.Round(time.Millisecond))
		}
		timer := time.NewTimer(min(max(wait, 10*time.Millisecond), maxBackoff))
		select {
		case <-timer.C:
		case <-freed:
		case <-p.outbox.Wake():
		case err := <-p.unfit:
			timer.Stop()
			return err
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// deliver makes one try and reports it. It goes on when the bot stops: a call
// to Slack that was begun should have a known end.
func (p *poster) deliver(ctx context.Context, d *Delivery) {
	began := p.now()
	try, cancel := detached(ctx, p.opt.Timing.Lease-reportMargin)
	r := p.guarded(try, d)
	cancel()
	report, cancel := detached(ctx, reportMargin-time.Second)
	defer cancel()
	outcome, err := p.report(report, d, r)
	log := p.log.With("delivery", d.ID, "kind", d.Kind, "key", d.Post.Key, "channel", d.Post.Channel, "outcome", outcome)
	switch {
	case err != nil:
		// The lease runs out and whoever claims it next finds out what happened.
		log.Error("delivery not reported", "error", err)
	case r.failed:
		log.Error("delivery failed", "reason", r.reason, "error", describe(r.err))
	case r.unknown || r.wait > reportMargin:
		log.Warn("delivery will be tried again", "reason", r.reason, "wait", r.wait.Round(time.Millisecond), "unknown", r.unknown)
	case !r.sent && !r.lost:
		log.Debug("delivery will be tried again", "reason", r.reason, "wait", r.wait.Round(time.Millisecond), "unknown", r.unknown)
	}
	p.watch.delivery(d.Kind, outcome, p.now().Sub(began))
}

func (p *poster) report(ctx context.Context, d *Delivery, r result) (outcome string, err error) {
	switch {
	case r.lost:
		return "lost", nil
	case r.sent:
		return "sent", p.outbox.Sent(ctx, d, r.ts, r.gap)
	case r.failed:
		return "failed", p.outbox.Failed(ctx, d, r.reason)
	}
	return "retry", p.outbox.Retry(ctx, d, r.wait, r.unknown, r.reason)
}

// guarded keeps a panic inside one delivery.
func (p *poster) guarded(ctx context.Context, d *Delivery) (r result) {
	defer func() {
		if cause := recover(); cause != nil {
			p.log.Error("panic in a delivery", "delivery", d.ID, "panic", cause, "stack", string(debug.Stack()))
			if d.Attempts > 5 {
				r = failed("This message cannot be sent: the bot stumbles over it. The log says more.", nil)
				return
			}
			r = again(p.delay(d), true, "the bot stumbled over this message")
		}
	}()
	if d.Attempts > giveUpAfter && p.now().Sub(d.Created) > giveUp {
		return failed("Slack did not take this for a day.", nil)
	}
	switch d.Kind {
	case DeliverPost:
		return p.deliverPost(ctx, d)
	case DeliverUpdate:
		return p.deliverUpdate(ctx, d)
	case DeliverEphemeral:
		return p.deliverEphemeral(ctx, d)
	case DeliverFile:
		return p.deliverFile(ctx, d)
	}
	return failed("There is no such kind of delivery: "+string(d.Kind), nil)
}

// failure decides what an error of a call means for the delivery.
func (p *poster) failure(d *Delivery, method string, err error) result {
	// A post was looked for before this call; an edit may still have been
	// posted anew by an earlier try.
	before := d.Unknown && d.Kind == DeliverUpdate
	if wait, limited := rateLimited(err); limited {
		p.gates.shut(method, wait)
		return again(wait, before, "Slack asks to wait")
	}
	if unfit := fatal(err, "bot"); unfit != nil && errorCode(err) != "missing_scope" && errorCode(err) != "no_permission" {
		select {
		case p.unfit <- unfit:
		default: // somebody said so already
		}
		return again(maxBackoff, before, unfit.Sentence)
	}
	switch {
	case mayHaveHappened(err):
		return again(p.opt.Timing.Settle+p.delay(d)/2, true, "Slack did not say whether it took it: "+describe(err))
	case transient(err):
		return again(p.delay(d), before, "Slack cannot be reached: "+describe(err))
	}
	return failed(sentence(method, err), err)
}

// delay grows with the tries.
func (p *poster) delay(d *Delivery) time.Duration {
	return jitter(grow(p.opt.Timing.Backoff, max(0, d.Attempts-1)))
}

// begin records that the outcome is unknown from now on. When it cannot, the
// claim may be another's by now, and the call must not be made.
func (p *poster) begin(ctx context.Context, d *Delivery) bool {
	if err := p.outbox.Begin(ctx, d); err != nil {
		p.log.Warn("claim of a delivery lost", "delivery", d.ID, "error", err)
		return false
	}
	return true
}

// sentence says why Slack refuses a call for good.
func sentence(method string, err error) string {
	switch code := errorCode(err); code {
	case "missing_scope":
		return fatal(err, "bot").Sentence
	case "user_not_in_channel":
		return "The person is not in the channel, so Slack shows them nothing there."
	case "not_in_channel", "channel_not_found":
		return "I am not a member of the channel."
	case "is_archived":
		return "The channel is archived."
	case "":
		return "Slack refused " + method + ": " + describe(err) + "."
	default:
		return "Slack refused " + method + ": " + code + "."
	}
}

func describe(err error) string {
	if err == nil {
		return ""
	}
	return withoutAddress(err)
}

// mayUse says whether the post can still be answered through its response_url.
// Slack keeps it for 30 minutes.
func (p *poster) mayUse(d *Delivery, post message.Post) bool {
	return post.ResponseURL != "" && p.now().Sub(d.Created) < 29*time.Minute
}

var errUnseen = errors.New("an earlier try may have been seen")
