package keeper

import (
	"context"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
)

// pinning names pinning in what has trouble.
const pinning = "pin"

// pin pins the summary that stands in the channel, and unpins the one before: one that
// was deleted is another message now. What else people pinned is theirs.
func (k *Keeper) pin(ctx context.Context, i incidents.Incident) error {
	if i.Room.Channel == "" || i.Room.Trouble[pinning] != "" {
		return nil
	}
	ts, channel, _, err := k.store.PostOf(ctx, incidents.SummaryKey(i.ID))
	if err != nil || ts == "" || ts == i.Room.Pinned || channel != i.Room.Channel {
		return err
	}
	now, err := k.store.Clock(ctx)
	if err != nil || k.waits.on(waiting(i.ID, pinning), now) {
		return err
	}
	return k.visit(ctx, i.ID, "pin", func(ctx context.Context) error {
		err := k.pinInstead(ctx, channel, ts, i.Room.Pinned)
		switch room := problem(err); {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			return k.pinned(ctx, i.ID, ts)
		case room.Problem == incidents.NotAllowed:
			return k.troubled(ctx, i.ID, pinning, "The summary is not pinned. "+room.Sentence)
		case room.Problem == incidents.NotThere:
			lost, err := k.deleted(ctx, i.ID, channel, ts)
			if !lost {
				k.waits.put(waiting(i.ID, pinning), now, goneWait)
			}
			return err
		default:
			k.waits.put(waiting(i.ID, pinning), now, room.Wait)
			k.log.Warn("summary not pinned yet", "incident", i.Ref(), "error", room)
			return nil
		}
	})
}

// goneWait lies between two tries to pin what is not there.
const goneWait = time.Minute

// deleted has the summary posted anew if it was deleted, and tells whether. A channel that is archived or
// hidden from the bot may come back with all that stands in it.
func (k *Keeper) deleted(ctx context.Context, id int64, channel, ts string) (bool, error) {
	seen, err := k.message(ctx, channel, ts)
	if err != nil || seen != nil {
		return false, nil //nolint:nilerr // Slack does not say that it was deleted
	}
	return k.store.LostPost(ctx, channel, ts, incidents.SummaryKey(id))
}

// pinInstead pins a message and unpins the one that it takes the place of; empty: there
// is none.
func (k *Keeper) pinInstead(ctx context.Context, channel, ts, before string) error {
	if err := k.rooms.Pin(ctx, channel, ts); err != nil || before == "" {
		return err
	}
	if err := k.rooms.Unpin(ctx, channel, before); err != nil && !is(err, incidents.NotThere) {
		return err
	}
	return nil
}

// pinned writes which summary is pinned.
func (k *Keeper) pinned(ctx context.Context, id int64, ts string) error {
	_, err := k.move(ctx, id, "pinned/"+ts, func(i incidents.Incident) (incidents.Incident, incidents.Effects, bool) {
		if i.Room.Pinned == ts {
			return i, incidents.Effects{}, false
		}
		i.Room.Pinned = ts
		e := i.Log("incident.pin", map[string]string{"message": ts})
		return i, incidents.Effects{Events: []audit.Event{e}}, true
	})
	return err
}

// unpinned writes that somebody took the pin away, so that it comes back.
func (k *Keeper) unpinned(ctx context.Context, id int64, ts string) error {
	_, err := k.move(ctx, id, "unpinned/"+ts, func(i incidents.Incident) (incidents.Incident, incidents.Effects, bool) {
		if i.Room.Pinned != ts {
			return i, incidents.Effects{}, false
		}
		i.Room.Pinned = ""
		return i, incidents.Effects{}, true
	})
	return err
}

// troubled writes what cannot be done in a channel, once.
func (k *Keeper) troubled(ctx context.Context, id int64, what, sentence string, people ...string) error {
	_, err := k.move(ctx, id, "trouble/"+what, func(i incidents.Incident) (incidents.Incident, incidents.Effects, bool) {
		if i.Room.Trouble[what] != "" {
			return i, incidents.Effects{}, false
		}
		effects := trouble(&i, what, sentence, people...)
		return i, effects, true
	})
	return err
}
