package keeper

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/integritybot/integritybot/incidents"
)

const (
	// pagesAtMost bounds how many answers of Slack one reading of a channel takes.
	pagesAtMost = 300
	// readBack is how much before the last reading a reading begins again: what happened to
	// messages a while after they were written is seen, too.
	readBack = time.Hour
	// lostAtMost bounds how many messages that were not met are looked for at once.
	lostAtMost = 100
)

// reading remembers since when everything has to be read again.
type reading struct {
	mu     sync.Mutex
	nudges int
	seen   int
	// since is of the store's clock: what was read before may lack something.
	since time.Time
	under map[int64]*progress
}

// progress is how far the reading of a channel has come: it goes on where Slack asked to
// wait.
type progress struct {
	now, since, from time.Time // it began, from when on, and how far back it is
	cursor           string
	pages            int
	over             bool
	met              map[string]bool
}

// begin gives the reading that is under way, or begins one.
func (r *reading) begin(id int64, now, since time.Time) *progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.under[id] == nil {
		if r.under == nil {
			r.under = map[int64]*progress{}
		}
		r.under[id] = &progress{now: now, since: since, from: now, met: map[string]bool{}}
	}
	return r.under[id]
}

func (r *reading) end(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.under, id)
}

func (r *reading) nudge() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nudges++
}

// wanted is the time before which no reading counts. A process begins as if it had been
// nudged: nobody may have listened before.
func (r *reading) wanted(now time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.since.IsZero() || r.nudges != r.seen {
		r.since, r.seen = now, r.nudges
	}
	return r.since
}

// Read makes one pass over the channels that have to be read for what was missed.
func (k *Keeper) Read(ctx context.Context) error {
	now, err := k.store.Clock(ctx)
	if err != nil {
		return err
	}
	wanted := k.reading.wanted(now)
	held, err := k.store.HeldIncidents(ctx)
	if err != nil {
		return err
	}
	return k.each(ctx, held, func(ctx context.Context, i incidents.Incident) error {
		all := i.Room.Read.Before(wanted)
		if i.Room.Channel == "" || !all && now.Sub(i.Room.Read) < k.opts.ReadEvery || k.waits.on(waiting(i.ID, "read"), now) {
			return nil
		}
		since := i.Opened.Add(-readBack)
		if !all {
			since = later(since, i.Room.Read.Add(-readBack))
		}
		return k.visit(ctx, i.ID, "read", func(ctx context.Context) error { return k.read(ctx, i.ID, k.reading.begin(i.ID, now, since)) })
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// read reads one channel, and writes that it did. Slack that does not answer is asked
// again later, for what is left.
func (k *Keeper) read(ctx context.Context, id int64, p *progress) error {
	i, err := k.store.Incident(ctx, id)
	if err == nil {
		err = k.readPages(ctx, i, p)
	}
	if err == nil {
		err = k.checkPin(ctx, i)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case is(err, incidents.NotNow), is(err, incidents.NotKnown):
		now, failed := k.store.Clock(ctx) // it may have begun long ago
		if failed == nil {
			k.waits.put(waiting(id, "read"), now, problem(err).Wait)
		}
		return failed
	case is(err, incidents.NotAllowed):
		err = k.troubled(ctx, id, timeline, "What people pinned while I was away is not put on the timeline. "+problem(err).Sentence)
	case is(err, incidents.NotThere): // the channel is archived or gone: nothing is missed in it
		err = nil
	}
	if err != nil {
		return err
	}
	k.reading.end(id)
	_, err = k.move(ctx, id, fmt.Sprintf("read/%d", p.now.UnixMicro()), func(to incidents.Incident) (incidents.Incident, incidents.Effects, bool) {
		if !to.Room.Read.Before(p.now) {
			return to, incidents.Effects{}, false
		}
		var e incidents.Effects
		if p.cursor != "" {
			e.Events = append(e.Events, failed(to, "read", "There are more messages than I read at once: those before "+p.from.UTC().Format("15:04 MST on 2 January 2006")+" were not looked through."))
		}
		to.Room.Read = p.now
		return to, e, true
	})
	return err
}

// readPages makes the timeline agree with all messages since a time.
func (k *Keeper) readPages(ctx context.Context, i incidents.Incident, p *progress) error {
	for ; !p.over && p.pages < pagesAtMost; p.pages++ {
		known, err := k.known(ctx, i.ID) // before the page, as in look
		if err != nil {
			return err
		}
		page, next, err := k.rooms.History(ctx, i.Room.Channel, p.since, p.cursor)
		if err != nil {
			return err
		}
		for _, seen := range page {
			key := entryKey(i.Room.Channel, seen.TS)
			p.met[key] = true
			if seen.Thread == "" {
				p.from = seen.At
			}
			again, err := k.agree(ctx, i.ID, i.Room.Channel, known[key], &seen)
			if err == nil && again {
				err = k.look(ctx, i.ID, i.Room.Channel, seen.TS)
			}
			if err != nil {
				return err
			}
		}
		p.cursor, p.over = next, next == ""
	}
	return k.lookForLost(ctx, i, p)
}

// lookForLost looks for the messages of the timeline that should have been met: they
// were deleted, unless there was too much to read.
func (k *Keeper) lookForLost(ctx context.Context, i incidents.Incident, p *progress) error {
	known, err := k.known(ctx, i.ID)
	if err != nil {
		return err
	}
	prefix, looked := entryKey(i.Room.Channel, ""), 0
	for key, e := range known {
		ts, here := strings.CutPrefix(key, prefix)
		if !here || p.met[key] || e.Gone || e.Withdrawn || e.At.Before(p.since) || looked == lostAtMost {
			continue
		}
		looked++
		if err := k.look(ctx, i.ID, i.Room.Channel, ts); err != nil {
			return err
		}
		p.met[key] = true
	}
	return nil
}

// checkPin sees whether the summary is still there and pinned.
func (k *Keeper) checkPin(ctx context.Context, i incidents.Incident) error {
	if i.Room.Pinned == "" {
		return nil
	}
	pins, err := k.rooms.Pinned(ctx, i.Room.Channel)
	if err != nil {
		return err
	}
	for _, ts := range pins {
		if ts == i.Room.Pinned {
			return nil
		}
	}
	return k.look(ctx, i.ID, i.Room.Channel, i.Room.Pinned)
}
