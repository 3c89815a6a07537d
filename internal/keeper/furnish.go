package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
)

// outcome is what became of one thing that was to be done for a channel.
type outcome struct {
	set     func(*incidents.Incident) // what changes beside that it is done
	effects incidents.Effects
	args    map[string]string // of the audit event
	// warning says in a sentence what of it could not be done.
	warning string
}

// step does one thing for a channel. Doing it again does no harm.
type step func(ctx context.Context, i incidents.Incident, now time.Time) (outcome, error)

// order in which a channel is furnished.
func furnishing() []string {
	return []string{
		incidents.FurnishChannel, incidents.FurnishInvite, incidents.FurnishTopic, incidents.FurnishBookmarks,
		incidents.FurnishLink, incidents.FurnishChecks,
	}
}

func (k *Keeper) step(what string) step {
	return map[string]step{
		incidents.FurnishChannel:   k.channel,
		incidents.FurnishInvite:    k.invite,
		incidents.FurnishTopic:     k.topic,
		incidents.FurnishBookmarks: k.bookmarks,
		incidents.FurnishLink:      k.link,
		incidents.FurnishChecks:    k.checks,
	}[what]
}

// Furnish makes one pass over the channels that are not settled.
func (k *Keeper) Furnish(ctx context.Context) error {
	held, err := k.store.HeldIncidents(ctx)
	if err != nil {
		return err
	}
	left, err := k.store.LeavingIncidents(ctx, lastShows)
	if err != nil {
		return err
	}
	return errors.Join(k.each(ctx, left, k.adopt), k.each(ctx, held, func(ctx context.Context, i incidents.Incident) error {
		if i.Room.Settled && !k.stale(i) {
			return nil
		}
		return k.visit(ctx, i.ID, "furnish", func(ctx context.Context) error { return k.furnish(ctx, i.ID) })
	}))
}

// furnish does everything that can be done now.
func (k *Keeper) furnish(ctx context.Context, id int64) error {
	for range len(furnishing()) + 2 {
		now, err := k.store.Clock(ctx)
		if err != nil {
			return err
		}
		i, err := k.store.Incident(ctx, id)
		if err != nil {
			return err
		}
		what, left := k.next(i, now)
		if what == "" {
			return k.settle(ctx, i, left)
		}
		if err := k.take(ctx, i, what, now); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

// next is what is to be done now. left: something is still to be done, but not now.
func (k *Keeper) next(i incidents.Incident, now time.Time) (what string, left bool) {
	for _, what := range furnishing() {
		if !open(i, what) && (what != incidents.FurnishTopic || !k.stale(i)) {
			continue
		}
		if !k.waits.on(waiting(i.ID, what), now) {
			return what, true
		}
		left = true
		if what == incidents.FurnishChannel {
			break // everything else needs to know where
		}
	}
	return "", left
}

// open tells whether a step is to be done.
func open(i incidents.Incident, what string) bool {
	if !i.Room.Done[what].IsZero() || i.Room.Trouble[what] != "" {
		return false
	}
	switch what {
	case incidents.FurnishInvite, incidents.FurnishTopic: // who is in a channel of others, and what it is about, is theirs
		return i.Room.Channel != "" && !i.Room.Bound
	case incidents.FurnishBookmarks:
		return i.Room.Channel != ""
	}
	return true
}

// take does one step and writes what came of it.
func (k *Keeper) take(ctx context.Context, i incidents.Incident, what string, now time.Time) error {
	asking, cancel := context.WithTimeout(ctx, k.opts.Lease/2) // what came of it is written after it
	defer cancel()
	o, err := k.step(what)(asking, i, now)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	room := problem(err)
	switch {
	case err == nil:
		return k.note(ctx, i, what, o, now)
	case !errors.As(err, new(*incidents.RoomError)) && asking.Err() == nil:
		return err // of the store
	case room.Problem == incidents.NotAllowed, room.Problem == incidents.NotThere, room.Problem == incidents.NameTaken:
		return k.refused(ctx, i, what, room.Sentence, now)
	case what == incidents.FurnishChannel && now.Sub(triedSince(i, now)) >= givesUpAfter:
		return k.refused(ctx, i, what, givenUp(i, room), now)
	default: // every step can be done again, so that it does not matter whether it was
		k.waits.put(waiting(i.ID, what), now, room.Wait)
		k.log.Warn("Slack does not do it now", "incident", i.Ref(), "what", what, "error", room, "cause", room.Err)
		return nil
	}
}

// note writes that a step is done.
func (k *Keeper) note(ctx context.Context, i incidents.Incident, what string, o outcome, now time.Time) error {
	_, err := k.move(ctx, i.ID, what, func(to incidents.Incident) (incidents.Incident, incidents.Effects, bool) {
		if !open(to, what) && !(what == incidents.FurnishTopic && k.stale(to)) {
			return to, incidents.Effects{}, false
		}
		if o.set != nil {
			o.set(&to)
		}
		done(&to, what, now)
		to.Room.Settled = settled(to)
		effects := o.effects
		event := to.Log("incident.furnish", map[string]string{"what": what})
		if what == incidents.FurnishChannel {
			event = to.Log("incident.create-channel", nil)
		}
		for name, value := range o.args {
			if event.Args == nil {
				event.Args = map[string]string{}
			}
			event.Args[name] = value
		}
		effects.Events = append(effects.Events[:len(effects.Events):len(effects.Events)], event)
		if o.warning != "" {
			told := trouble(&to, what, o.warning)
			effects.Events = append(effects.Events, told.Events...)
			effects.Posts = append(effects.Posts[:len(effects.Posts):len(effects.Posts)], told.Posts...)
		}
		return to, effects, true
	})
	return err
}

// settled tells whether nothing is left to try.
func settled(i incidents.Incident) bool {
	for _, what := range furnishing() {
		if open(i, what) {
			return false
		}
	}
	return true
}

// settle writes that nothing is left to try, if that was not written with the last step.
func (k *Keeper) settle(ctx context.Context, i incidents.Incident, left bool) error {
	if left || i.Room.Settled {
		return nil
	}
	_, err := k.move(ctx, i.ID, "settled", func(to incidents.Incident) (incidents.Incident, incidents.Effects, bool) {
		if to.Room.Settled || !settled(to) {
			return to, incidents.Effects{}, false
		}
		to.Room.Settled = true
		return to, incidents.Effects{}, true
	})
	return err
}

// failed makes the event of something that failed in a channel.
func failed(i incidents.Incident, what, sentence string) audit.Event {
	e := i.Log("incident.furnish", map[string]string{"what": what})
	e.Outcome, e.Error = audit.Failed, sentence
	return e
}

func waiting(id int64, what string) string { return incidents.Ref(id) + "/" + what }
