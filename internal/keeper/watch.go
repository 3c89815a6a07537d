package keeper

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
)

const (
	// sightsAtOnce is how many messages are taken to be looked at.
	sightsAtOnce = 20
	// looksAtMost is how often one message is looked at again because another process
	// wrote down what it is like.
	looksAtMost = 4
	// timeline names the timeline in what has trouble.
	timeline = "timeline"
)

// Watch makes one pass over the messages at which something happened. One that Slack
// does not give now is looked at again when its claim is over, and holds up no other.
func (k *Keeper) Watch(ctx context.Context) error {
	var failed []error
	for {
		now, err := k.store.Clock(ctx)
		if err != nil {
			return err
		}
		if k.waits.on(timeline, now) { // Slack asked to be left alone
			return some(failed)
		}
		taken, err := k.store.NextSightings(ctx, k.opts.Holder, k.opts.Lease, sightsAtOnce)
		if err != nil {
			return err
		}
		if len(taken) == 0 {
			return some(failed)
		}
		failed = append(failed, k.lookAt(ctx, taken)...)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// lookAt looks at several messages side by side.
func (k *Keeper) lookAt(ctx context.Context, taken []Sighted) []error {
	failed := make([]error, len(taken))
	var g errgroup.Group
	g.SetLimit(abreast)
	for n, s := range taken {
		g.Go(func() error {
			if err := guarded(ctx, func(ctx context.Context) error { return k.sighted(ctx, s) }); err != nil {
				failed[n] = fmt.Errorf("message %s of %s: %w", s.TS, incidents.Ref(s.Incident), err)
			}
			return nil
		})
	}
	_ = g.Wait()
	return failed
}

// sighted looks at one message and forgets that something happened to it, after what it
// is like was written down. A Slack that does not answer is asked again by whoever takes
// it next.
func (k *Keeper) sighted(ctx context.Context, s Sighted) error {
	err := k.look(ctx, s.Incident, s.Channel, s.TS)
	switch {
	case is(err, incidents.NotAllowed):
		err = k.troubled(ctx, s.Incident, timeline, "What people pin and mark is not put on the timeline. "+problem(err).Sentence)
	case is(err, incidents.NotNow) && problem(err).Wait > 0:
		if now, clock := k.store.Clock(ctx); clock == nil {
			k.waits.put(timeline, now, problem(err).Wait)
		}
	}
	if err != nil {
		return err
	}
	return k.store.Unsight(ctx, s)
}

// look makes the timeline agree with one message. What the timeline says is read before
// the message is: whoever writes the same revision first read it later or at the same
// time, so that an older text never comes after a newer one.
func (k *Keeper) look(ctx context.Context, id int64, channel, ts string) error {
	for range looksAtMost {
		known, err := k.known(ctx, id)
		if err != nil {
			return err
		}
		seen, err := k.message(ctx, channel, ts)
		if err != nil {
			return err
		}
		if err := k.own(ctx, id, channel, ts, seen); err != nil {
			return err
		}
		again, err := k.agree(ctx, id, channel, known[entryKey(channel, ts)], seen)
		if err != nil || !again {
			return err
		}
	}
	return fmt.Errorf("message %s: %w", ts, incidents.ErrMoved)
}

// message gives a message as it stands; nil: it was deleted.
func (k *Keeper) message(ctx context.Context, channel, ts string) (*incidents.Seen, error) {
	ctx, cancel := context.WithTimeout(ctx, k.opts.Lease/2)
	defer cancel()
	seen, err := k.rooms.Message(ctx, channel, ts)
	if is(err, incidents.NotThere) {
		return nil, nil
	}
	return &seen, err
}

// known are the latest revisions on an incident's timeline, by key.
func (k *Keeper) known(ctx context.Context, id int64) (map[string]*incidents.Entry, error) {
	entries, err := k.store.Entries(ctx, id)
	if err != nil {
		return nil, err
	}
	known := make(map[string]*incidents.Entry, len(entries))
	for _, e := range entries {
		known[e.Key] = &e
	}
	return known, nil
}

// own sees to the summary: if somebody deleted it or took its pin away, it comes back.
func (k *Keeper) own(ctx context.Context, id int64, channel, ts string, seen *incidents.Seen) error {
	if seen == nil {
		_, err := k.store.LostPost(ctx, channel, ts, incidents.SummaryKey(id))
		return err
	}
	if !seen.Ours || seen.Pinned {
		return nil
	}
	return k.unpinned(ctx, id, ts)
}

// agree writes the next revision of a message, if there has to be one. again: another
// process wrote it, so that it has to be looked at again.
func (k *Keeper) agree(ctx context.Context, id int64, channel string, last *incidents.Entry, seen *incidents.Seen) (again bool, err error) {
	e, differs := reconcile(last, seen, k.opts.Words.Rules.Reaction)
	if !differs {
		return false, nil
	}
	if e.Noted, err = k.store.Clock(ctx); err != nil {
		return false, err
	}
	i, err := k.store.Incident(ctx, id)
	if err != nil {
		return false, err
	}
	e.Incident = id
	args := map[string]string{"key": e.Key, "revision": fmt.Sprint(e.Revision), "why": becauseOf(e)}
	if who := whoPut(e, seen); who != "" {
		args["by"] = who
	}
	event := i.Log("incident.message", args)
	event.Channel = channel
	return k.store.Record(ctx, fmt.Sprintf("entry/%s/%s/%d", i.Ref(), e.Key, e.Revision), false, func(int64) commands.Intent {
		return commands.Intent{Entries: []incidents.Entry{e}, Events: k.stamped([]audit.Event{event})}
	})
}

// whoPut is who had a message put on the timeline; empty: it was taken away.
func whoPut(e incidents.Entry, seen *incidents.Seen) string {
	switch {
	case seen == nil || e.Gone || e.Withdrawn:
		return ""
	case e.Why == "reaction":
		return seen.MarkedBy
	default:
		return seen.PinnedBy
	}
}

// becauseOf says why there is a revision.
func becauseOf(e incidents.Entry) string {
	switch {
	case e.Gone:
		return "deleted"
	case e.Withdrawn:
		return "withdrawn"
	default:
		return e.Why
	}
}
