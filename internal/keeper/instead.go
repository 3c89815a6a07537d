package keeper

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/message"
)

const (
	// givesUpAfter is how long a channel may not come about. Then the incident goes on
	// without one: its checks and its summary are needed more.
	givesUpAfter = 5 * time.Minute
	// sharedWithin is how long Slack may leave open who else reads a channel.
	sharedWithin = 2 * givesUpAfter
)

// triedSince is since when a channel has been tried to be had.
func triedSince(i incidents.Incident, now time.Time) time.Time {
	switch {
	case !i.Room.TryingSince.IsZero():
		return i.Room.TryingSince
	case i.Room.Channel != "": // adopted
		return i.Opened
	default:
		return now
	}
}

// givenUp says that Slack did not give a channel, and what may still come of it.
func givenUp(i incidents.Incident, room *incidents.RoomError) string {
	s := fmt.Sprintf("I have tried for %d minutes. %s", int(givesUpAfter.Minutes()), room.Sentence)
	if i.Room.Trying != "" && !i.Room.Doubt.IsZero() {
		s += fmt.Sprintf(" If #%s is there later after all, archive it.", i.Room.Trying)
	}
	return s
}

// refused writes that a step cannot be done, and goes on without.
func (k *Keeper) refused(ctx context.Context, i incidents.Incident, what, sentence string, now time.Time) error {
	if what == incidents.FurnishChannel && i.Room.Channel == "" {
		return k.homeless(ctx, i, sentence, now)
	}
	_, err := k.move(ctx, i.ID, what, func(to incidents.Incident) (incidents.Incident, incidents.Effects, bool) {
		if !open(to, what) {
			return to, incidents.Effects{}, false
		}
		effects := trouble(&to, what, sentence)
		to.Room.Settled = settled(to)
		return to, effects, true
	})
	return err
}

// home is where an incident goes on that gets no channel of its own.
type home struct {
	asked incidents.Place // it counts as declared there from now on
	bind  string          // the channel that it holds from now on; empty: none
	why   string
	// told is where that is said, if it can go on nowhere.
	told incidents.Place
}

// homeless has an incident go on that gets no channel of its own.
func (k *Keeper) homeless(ctx context.Context, i incidents.Incident, sentence string, now time.Time) error {
	what := incidents.FurnishChannel
	h, err := k.instead(ctx, i, now.Sub(triedSince(i, now)) >= sharedWithin)
	if errors.As(err, new(*incidents.RoomError)) {
		k.waits.put(waiting(i.ID, what), now, problem(err).Wait)
		return nil
	}
	if err != nil {
		return err
	}
	sentence = h.why + " " + sentence
	_, err = k.move(ctx, i.ID, what, func(to incidents.Incident) (incidents.Incident, incidents.Effects, bool) {
		if !open(to, what) || to.Room.Channel != "" {
			return to, incidents.Effects{}, false
		}
		to.Asked = h.asked
		if h.bind != "" {
			to.Room.Channel, to.Room.Bound = h.bind, true
		}
		effects := trouble(&to, what, sentence)
		switch {
		case h.told.Channel != "":
			effects.Posts = []message.Post{troubledPost(to, what, sentence, h.told)}
		case to.Private, to.Where() == "", to.Where() == to.Asked.Channel: // there, what tells that it was declared tells this
			effects.Posts = nil
		}
		to.Room.Settled = settled(to)
		return to, effects, true
	})
	return err
}

// goesOn is said where an incident goes on.
const goesOn = "It has no channel of its own, so it goes on here."

// instead is the place in which an incident goes on that gets no channel of its own:
// the one in which it was declared or, if that is a conversation with the bot or read by
// other organisations, the channel of the alerts. A private one goes on nowhere else. A
// RoomError: Slack does not tell now who reads along; late: then they count as strangers.
func (k *Keeper) instead(ctx context.Context, i incidents.Incident, late bool) (home, error) {
	if i.Private {
		told, err := k.box(ctx, i, late)
		return home{asked: i.Asked, told: told, why: "It is private and has no channel, so nothing of it is said anywhere else."}, err
	}
	direct := strings.HasPrefix(i.Asked.Channel, "D")
	places := []incidents.Place{i.Asked, {Channel: k.opts.Words.Rules.Fallback}}
	if direct {
		places = places[1:]
	}
	for _, p := range places {
		if closed, err := k.closed(ctx, p.Channel, late); err != nil || closed {
			if err != nil {
				return home{}, err
			}
			continue
		}
		taken, err := k.taken(ctx, i, p.Channel)
		h := home{asked: p, bind: p.Channel, why: goesOn}
		if direct {
			h.asked = i.Asked
		}
		if taken {
			h.bind = ""
		}
		return h, err
	}
	if direct {
		return home{asked: i.Asked, why: goesOn}, nil
	}
	told, err := k.box(ctx, i, late)
	return home{told: told, why: "It has no channel, and nowhere to go on: other organisations read where it was declared."}, err
}

// closed tells whether nothing of an incident may be said in a channel.
func (k *Keeper) closed(ctx context.Context, channel string, late bool) (bool, error) {
	if channel == "" {
		return true, nil
	}
	shared, err := k.shared(ctx, channel)
	if err != nil && !late {
		return false, &incidents.RoomError{Problem: incidents.NotNow, Sentence: "Slack does not tell who reads the channel.", Err: err}
	}
	return shared || err != nil, nil
}

// taken tells whether another incident holds a channel.
func (k *Keeper) taken(ctx context.Context, i incidents.Incident, channel string) (bool, error) {
	held, err := k.store.HeldIncidents(ctx)
	return slices.ContainsFunc(held, func(other incidents.Incident) bool { return other.ID != i.ID && other.Room.Channel == channel }), err
}

// box is where it is said that an incident has no place: to who opened it or, if that was
// an alert, in the channel of the alerts. What is said there names nothing of it.
func (k *Keeper) box(ctx context.Context, i incidents.Incident, late bool) (incidents.Place, error) {
	if i.OpenedBy == "" {
		fallback := k.opts.Words.Rules.Fallback
		if closed, err := k.closed(ctx, fallback, late); err != nil || closed {
			return incidents.Place{}, err
		}
		return incidents.Place{Channel: fallback}, nil
	}
	channel, err := k.rooms.Direct(ctx, i.OpenedBy)
	if err == nil {
		return incidents.Place{Channel: channel}, nil
	}
	if !late && (is(err, incidents.NotNow) || is(err, incidents.NotKnown)) {
		return incidents.Place{}, err
	}
	k.log.Warn("who opened the incident cannot be told that it has no channel", "incident", i.Ref(), "error", err)
	return incidents.Place{}, nil
}
