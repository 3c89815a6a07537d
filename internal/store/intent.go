package store

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// changes is what a group changes, taken together.
type changes struct {
	incidents []incidents.Change
	runs      []*check.Order
	stops     []*commands.Stop
	plans     []*fix.Order
	moves     []*fix.Transition
	entries   []incidents.Entry
	notices   []incidents.Notice
	drafts    []*incidents.Sealed
	again     []*incidents.Again
	discards  []string
	posts     []message.Post
	events    []audit.Event
	// booked are the incidents to which the runs and plans turned out to belong, and asks
	// where the events stand by which they were asked for.
	booked map[int64]int64
	asks   []asking
}

// asking are the events that go with a run or a plan, by their indices.
type asking struct {
	id       int64
	from, to int
}

func (c *changes) add(in commands.Intent) {
	c.incidents = append(c.incidents, in.Incidents...)
	c.runs = appendGiven(c.runs, in.Run)
	c.stops = appendGiven(c.stops, in.Stop)
	c.plans = appendGiven(c.plans, in.Plan)
	c.moves = appendGiven(c.moves, in.Decide)
	c.entries = append(c.entries, in.Entries...)
	c.notices = append(c.notices, in.Notices...)
	c.drafts = appendGiven(c.drafts, in.Draft)
	c.again = appendGiven(c.again, in.Again)
	if in.Discard != "" {
		c.discards = append(c.discards, in.Discard)
	}
	c.posts = append(c.posts, in.Posts...)
	from := len(c.events)
	c.events = append(c.events, in.Events...)
	switch {
	case in.Run != nil:
		c.asks = append(c.asks, asking{in.Run.ID, from, len(c.events)})
	case in.Plan != nil:
		c.asks = append(c.asks, asking{in.Plan.ID, from, len(c.events)})
	}
}

// bookEvents: who asks for a run is told where the run belongs.
func (c *changes) bookEvents() {
	for _, a := range c.asks {
		copy(c.events[a.from:a.to], eventsOf(c.booked[a.id], c.events[a.from:a.to]))
	}
}

func appendGiven[T any](list []*T, one *T) []*T {
	if one == nil {
		return list
	}
	return append(list, one)
}

// sort: rows are locked in one order, so that two groups cannot wait for each other.
// What two groups may want to be the first to write is in one order as well.
func (c *changes) sort() {
	slices.SortStableFunc(c.incidents, inOrderOfLocks)
	slices.SortStableFunc(c.stops, func(a, b *commands.Stop) int { return cmp.Compare(a.Run, b.Run) })
	slices.SortStableFunc(c.moves, func(a, b *fix.Transition) int { return cmp.Compare(a.Plan, b.Plan) })
	slices.SortStableFunc(c.notices, func(a, b incidents.Notice) int { return cmp.Compare(a.Seal(), b.Seal()) })
	slices.SortStableFunc(c.again, func(a, b *incidents.Again) int {
		return cmp.Or(cmp.Compare(a.Notice, b.Notice), cmp.Compare(a.N, b.N))
	})
	slices.SortStableFunc(c.drafts, func(a, b *incidents.Sealed) int { return cmp.Compare(a.Seal, b.Seal) })
	slices.Sort(c.discards)
}

// moved: somebody was faster, and what was to be done was decided upon what is no
// longer true.
func moved(err error) bool {
	return errors.Is(err, fix.ErrMoved) || errors.Is(err, incidents.ErrMoved)
}

// queueIntent fails for what cannot be written down, whatever the database says.
// Incidents come first: a run belongs to the one whose channel was bound with it; and
// plans before runs: the one that works a plan out belongs to the plan's.
func queueIntent(batch *pgx.Batch, all changes, now *time.Time) error {
	for _, change := range all.incidents {
		if err := queueIncident(batch, change.Incident, now); err != nil {
			return err
		}
	}
	for _, plan := range all.plans {
		if err := queuePlan(batch, *plan, now, all.booked); err != nil {
			return err
		}
	}
	for _, order := range all.runs {
		if err := queueRun(batch, *order, now, all.booked); err != nil {
			return err
		}
	}
	for _, stop := range all.stops {
		batch.Queue(`UPDATE runs SET stop_by = $2 WHERE id = $1 AND stop_by = '' AND state IN ('queued', 'running')`, stop.Run, stop.By)
	}
	for _, move := range all.moves {
		queueDecision(batch, *move, now)
	}
	if err := queueTelling(batch, all, now); err != nil {
		return err
	}
	return queuePosts(batch, all.posts, now)
}

// queueTelling queues what incidents have beside their document.
func queueTelling(batch *pgx.Batch, all changes, now *time.Time) error {
	for _, entry := range all.entries {
		if err := queueEntry(batch, entry, now); err != nil {
			return err
		}
	}
	for _, notice := range all.notices {
		if err := queueNotice(batch, notice, now); err != nil {
			return err
		}
	}
	for _, again := range all.again {
		queueAgain(batch, *again, now)
	}
	for _, draft := range all.drafts {
		if err := queueDraft(batch, *draft, now); err != nil {
			return err
		}
	}
	for _, seal := range all.discards {
		queueDiscard(batch, seal)
	}
	return nil
}
