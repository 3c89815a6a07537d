package keeper

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// pauses are the waits before a letter that was not taken is tried again. After the
// last one it is given up.
func pauses() []time.Duration { return []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute} }

// noteWithin is the time in which what came of a letter is written down. Whoever takes
// longer may find that another one did.
const noteWithin = 15 * time.Second

// lane is a way that letters go, apart from the others: a mail server that hangs holds
// up mail alone.
type lane struct {
	name    string
	kinds   []incidents.DestinationKind
	senders int // at once
}

func (k *Keeper) lanes() []lane {
	return []lane{
		{"letters to channels", []incidents.DestinationKind{incidents.ToChannel}, 1},
		{"letters to people", []incidents.DestinationKind{incidents.ToPerson, incidents.ToGroup}, 1},
		{"letters by email", []incidents.DestinationKind{incidents.ToEmail}, k.opts.Senders},
		{"letters to webhooks", []incidents.DestinationKind{incidents.ToWebhook}, k.opts.Senders},
	}
}

// Deliver makes one pass over the letters that are due, several at once.
func (k *Keeper) Deliver(ctx context.Context) error {
	var g errgroup.Group
	for _, l := range k.lanes() {
		for range l.senders {
			g.Go(func() error { return guarded(ctx, k.deliverAll(l)) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return k.settleHanded(ctx)
}

// deliverAll sends one letter of a lane after another until none is due.
func (k *Keeper) deliverAll(by lane) func(context.Context) error {
	return func(ctx context.Context) error {
		for ctx.Err() == nil {
			l, err := k.store.NextDelivery(ctx, k.opts.SendWithin+noteWithin, by.kinds...)
			if err != nil || l == nil {
				return err
			}
			if err := k.deliver(ctx, *l); err != nil {
				return fmt.Errorf("%s: %w", incidents.DeliveryRef(l.Delivery.Notice, l.N), err)
			}
		}
		return ctx.Err()
	}
}

// deliver sends one letter and writes down what came of it.
func (k *Keeper) deliver(ctx context.Context, l Letter) error {
	d, after, post := l.Delivery, time.Duration(0), (*message.Post)(nil)
	switch d.To.Kind {
	case incidents.ToChannel:
		channel := d.To.To
		if channel == "incident" {
			channel = l.Channel
		}
		d, post = hand(d, l, channel)
	case incidents.ToPerson:
		var err error
		if d, after, post, err = k.direct(ctx, l); err != nil {
			return err
		}
	case incidents.ToEmail, incidents.ToWebhook:
		var err error
		if d, after, err = k.send(ctx, l); err != nil {
			return err
		}
	default:
		d.State, d.Reason = incidents.Refused, fmt.Sprintf("I do not know how to send to %q.", d.To.Kind)
	}
	// What came of it counts even if this process is to end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), freeWithin)
	defer cancel()
	return k.store.EndDelivery(ctx, d, after, post, k.delivery(d, l.Ref, l.Channel))
}

// hand gives a letter to the queue of Slack messages.
func hand(d incidents.Delivery, l Letter, channel string) (incidents.Delivery, *message.Post) {
	if channel == "" {
		d.State, d.Reason = incidents.Refused, "The incident has no channel."
		return d, nil
	}
	d.State, d.Reason = incidents.Handed, ""
	return d, &message.Post{
		Key: incidents.LetterKey(d.Notice, d.N), Channel: channel, Final: true, Message: incidents.LetterMessage(l.Letter),
	}
}

// direct hands over a letter for a person.
func (k *Keeper) direct(ctx context.Context, l Letter) (incidents.Delivery, time.Duration, *message.Post, error) {
	d := l.Delivery
	if err := k.store.BeginDelivery(ctx, d); err != nil { // counts the try
		return d, 0, nil, err
	}
	d.Attempts++
	asking, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	channel, err := k.rooms.Direct(asking, d.To.To)
	if err == nil {
		d, post := hand(d, l, channel)
		return d, 0, post, nil
	}
	room := problem(err)
	if room.Problem == incidents.NotAllowed || room.Problem == incidents.NotThere {
		d.State, d.Reason = incidents.Refused, room.Sentence
		return d, 0, nil, nil
	}
	d, after := again(d, room.Sentence)
	return d, max(after, room.Wait), nil, nil
}

// again has a letter tried once more, or given up.
func again(d incidents.Delivery, sentence string) (incidents.Delivery, time.Duration) {
	d.Reason = sentence
	if n := max(d.Attempts, 1); n <= len(pauses()) {
		d.State = incidents.Waiting
		return d, pauses()[n-1]
	}
	d.State = incidents.Refused
	d.Reason = fmt.Sprintf("Given up after %d tries. %s", d.Attempts, sentence)
	return d, 0
}

// settleHanded ends the deliveries whose message Slack took or refused.
func (k *Keeper) settleHanded(ctx context.Context) error {
	_, err := k.store.SettleHanded(ctx, func(d incidents.Delivery) audit.Event {
		return k.delivery(d, incidents.Ref(d.Incident), "")
	})
	return err
}

// delivery is the audit event of what became of a letter; none while it is on its way.
func (k *Keeper) delivery(d incidents.Delivery, incident, channel string) audit.Event {
	if !d.State.Final() {
		return audit.Event{}
	}
	ref := incidents.DeliveryRef(d.Notice, d.N)
	e := audit.Event{
		Request: ref, Actor: audit.Actor{Kind: audit.System}, Source: audit.FromSystem, Channel: channel, Incident: incident,
		Action: "notice.delivery", Target: ref, Outcome: audit.Done, Version: k.opts.Version,
		Args: map[string]string{
			"notice": incidents.NoticeRef(d.Notice), "audience": d.Audience, "kind": string(d.To.Kind), "to": d.To.Shown(), "state": string(d.State),
		},
	}
	if d.State != incidents.Delivered {
		e.Outcome, e.Error = audit.Failed, d.Reason
	}
	return e
}
