package keeper

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/message"
)

// lastShows is how long the messages of an incident that ended are still kept as the
// store says. What of its notices is still on its way is waited for longer.
const lastShows = 10 * time.Minute

// finalEvery is how often the final summary is worded anew: it counts all that was ever
// found.
const finalEvery = time.Minute

// Show makes one pass over the messages that say what is stored.
func (k *Keeper) Show(ctx context.Context) error {
	held, err := k.store.HeldIncidents(ctx)
	if err != nil {
		return err
	}
	left, err := k.store.LeavingIncidents(ctx, lastShows)
	if err != nil {
		return err
	}
	return errors.Join(k.each(ctx, slices.Concat(held, left), k.show), k.each(ctx, held, k.pin))
}

// show keeps the messages of one incident.
func (k *Keeper) show(ctx context.Context, i incidents.Incident) error {
	if i.Where() == "" || open(i, incidents.FurnishChannel) {
		return nil // it is not decided yet where they stand
	}
	v, err := k.store.IncidentFacts(ctx, i.ID)
	if err != nil {
		return err
	}
	posts := shown(v, k.opts.Words)
	if v.Incident.Status == incidents.Resolved && v.Incident.End != nil {
		final, err := k.final(ctx, v)
		if err != nil {
			return err
		}
		posts = append(posts, final...)
	}
	for _, post := range posts {
		if _, err := k.store.ShowSpaced(ctx, post, k.opts.SummaryGap); err != nil {
			return err
		}
	}
	return nil
}

// final is how it was, once in a while.
func (k *Keeper) final(ctx context.Context, v incidents.View) ([]message.Post, error) {
	i := v.Incident
	key := fmt.Sprintf("incident/%s/final/%d", i.Ref(), i.End.At.Unix())
	if k.waits.on(key, v.Now) {
		return nil, nil
	}
	v, err := k.store.IncidentView(ctx, i.ID)
	if err != nil {
		return nil, err
	}
	k.waits.put(key, v.Now, finalEvery)
	return []message.Post{{Key: key, Channel: i.Where(), Thread: threadOf(i), Message: incidents.Final(v, k.opts.Words)}}, nil
}

// shown are the messages of an incident that say what is stored: its summary, what
// became of its notices, its checklist.
func shown(v incidents.View, w incidents.Wording) []message.Post {
	i := v.Incident
	posts := []message.Post{{Key: incidents.SummaryKey(i.ID), Channel: i.Where(), Thread: threadOf(i), Message: incidents.Summary(v, w)}}
	for _, sent := range v.Notices {
		posts = append(posts, message.Post{
			Key: incidents.SentKey(sent.ID), Channel: i.Where(), Thread: threadOf(i), Message: incidents.SentMessage(sent, w),
		})
	}
	if i.Board.Key != "" {
		posts = append(posts, message.Post{Key: i.Board.Key, Channel: i.Where(), Thread: i.Board.Thread, Message: incidents.ChecklistOf(v, w)})
	}
	return posts
}
