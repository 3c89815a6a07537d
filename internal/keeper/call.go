package keeper

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/message"
)

// calling names calling people in what has trouble.
const calling = "call"

// conversations remembers the direct messages with people: they do not change.
type conversations struct {
	mu   sync.Mutex
	with map[string]string // person to channel
}

// Call makes one pass over those who are called: each of them gets a message of their
// own, and is invited. Both happen once, and the message follows what becomes of it, also
// when the incident has ended.
func (k *Keeper) Call(ctx context.Context) error {
	held, err := k.store.HeldIncidents(ctx)
	if err != nil {
		return err
	}
	left, err := k.store.LeavingIncidents(ctx, lastShows)
	if err != nil {
		return err
	}
	return k.each(ctx, slices.Concat(held, left), k.call)
}

func (k *Keeper) call(ctx context.Context, i incidents.Incident) error {
	var failed []error
	for _, c := range i.Callings() {
		failed = append(failed, k.tell(ctx, i, c))
	}
	if !i.Status.Over() {
		failed = append(failed, k.fetch(ctx, i), k.welcome(ctx, i))
	}
	return errors.Join(failed...)
}

// tell has one of those who are called read how it stands.
func (k *Keeper) tell(ctx context.Context, i incidents.Incident, c incidents.Calling) error {
	calls := len(c.Message.Actions) > 0
	ts, channel, refused, err := k.store.PostOf(ctx, c.Key)
	if err != nil {
		return err
	}
	if refused != "" && calls {
		return k.uncalled(ctx, i, c.Person, refused)
	}
	if ts == "" && !calls { // nobody has to read that it is over who never read that it was not
		return nil
	}
	if channel == "" {
		if channel, err = k.mailbox(ctx, i, c.Person); err != nil || channel == "" {
			return err
		}
	}
	_, err = k.store.ShowSpaced(ctx, message.Post{Key: c.Key, Channel: channel, Message: c.Message}, k.opts.SummaryGap)
	return err
}

// uncalled says in the incident that somebody is called in vain.
func (k *Keeper) uncalled(ctx context.Context, i incidents.Incident, person, why string) error {
	if i.Status.Over() {
		return nil
	}
	return k.troubled(ctx, i.ID, calling+"/"+person, fmt.Sprintf("I could not write to %s, who is called: call them by other means. %s", person, why), person)
}

// mailbox is the channel of the direct messages with a person; empty: not now, or not at
// all, which is then said in the incident.
func (k *Keeper) mailbox(ctx context.Context, i incidents.Incident, person string) (string, error) {
	k.boxes.mu.Lock()
	channel := k.boxes.with[person]
	k.boxes.mu.Unlock()
	if channel != "" {
		return channel, nil
	}
	now, err := k.store.Clock(ctx)
	if err != nil || k.waits.on(calling+"/"+person, now) {
		return "", err
	}
	channel, err = k.rooms.Direct(ctx, person)
	switch room := problem(err); {
	case err == nil:
		k.boxes.mu.Lock()
		defer k.boxes.mu.Unlock()
		if k.boxes.with == nil {
			k.boxes.with = map[string]string{}
		}
		k.boxes.with[person] = channel
		return channel, nil
	case room.Problem == incidents.NotAllowed, room.Problem == incidents.NotThere:
		k.waits.put(calling+"/"+person, now, lateTry)
		return "", k.uncalled(ctx, i, person, room.Sentence)
	default:
		k.waits.put(calling+"/"+person, now, room.Wait)
		return "", nil
	}
}

// lateTry lies between two tries of what Slack does not allow.
const lateTry = 10 * time.Minute
