package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/notify"
)

// send sends a letter by email or to a webhook. That it is begun is written down before:
// a letter of which nobody knows whether it was taken is not sent twice.
func (k *Keeper) send(ctx context.Context, l Letter) (incidents.Delivery, time.Duration, error) {
	d := l.Delivery
	sender, missing := k.sender(d.To)
	if sender == nil {
		d.State, d.Reason = incidents.NotSent, missing
		return d, 0, nil
	}
	if err := k.store.BeginDelivery(ctx, d); err != nil {
		return d, 0, err
	}
	d.Begun, d.Attempts = true, d.Attempts+1
	err := k.try(ctx, sender, notify.Letter{
		ID: incidents.LetterKey(d.Notice, d.N), To: address(d.To), Subject: l.Letter.Subject, Body: l.Letter.Body, At: l.Notice.At,
		About: notify.About{
			Incident: l.Ref, Severity: string(l.Severity), Status: string(l.Status), Template: l.Notice.Template, Audience: d.Audience,
			Drill: l.Drill,
		},
	})
	var refused *notify.Error
	switch {
	case err == nil:
		d.State, d.Reason = incidents.Delivered, ""
		return d, 0, nil
	case !errors.As(err, &refused): // nobody knows
		d.State, d.Reason = incidents.Unclear, "It may have arrived or not: nobody answered."
		k.log.Error("a sender failed in a way that it does not know", "letter", incidents.DeliveryRef(d.Notice, d.N), "error", err)
		return d, 0, nil
	case refused.Unclear:
		d.State, d.Reason = incidents.Unclear, refused.Sentence
		return d, 0, nil
	case refused.Final:
		d.State, d.Reason = incidents.Refused, refused.Sentence
		return d, 0, nil
	}
	d, after := again(d, refused.Sentence)
	return d, after, nil
}

// errHangs: a sender did not come back in its time.
var errHangs = errors.New("the sender did not come back")

// try makes one try, and comes back in time whatever the sender does.
func (k *Keeper) try(ctx context.Context, sender Sender, l notify.Letter) error {
	ctx, cancel := context.WithTimeout(ctx, k.opts.SendWithin)
	defer cancel()
	came := make(chan error, 1)
	go func() {
		came <- guarded(ctx, func(ctx context.Context) error { return sender.Send(ctx, l) })
	}()
	select {
	case err := <-came:
		return err
	case <-ctx.Done():
	}
	grace := time.NewTimer(time.Second) // it knows better than we do what happened
	defer grace.Stop()
	select {
	case err := <-came:
		return err
	case <-grace.C:
		return errHangs
	}
}

// sender gives who sends to a destination, or says in a sentence why nobody does.
func (k *Keeper) sender(to incidents.Destination) (Sender, string) {
	if to.Kind == incidents.ToEmail {
		if k.opts.Mail == nil {
			return nil, "No mail server is configured."
		}
		return k.opts.Mail, ""
	}
	if s := k.opts.Webhooks[to.To]; s != nil {
		return s, ""
	}
	return nil, fmt.Sprintf("No webhook of the name %q is configured.", to.To)
}

// address is where a letter goes; a webhook knows its own.
func address(to incidents.Destination) string {
	if to.Kind == incidents.ToEmail {
		return to.To
	}
	return ""
}
