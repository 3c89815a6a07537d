package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
)

// governor makes a polite run wait while the database has more important things
// to do. It looks at the database after a chunk, at most once a second; any one
// reason is enough to pause and none can be overridden, as in gh-ost.
type governor struct {
	t      *Target
	say    func(why string) // names the pause; empty: it is over
	looked time.Time
	paused time.Duration // in all, without the nice sleeps
	slow   int           // chunks in a row that took far longer than they should
}

// pauseStep is how long one pause lasts before the database is looked at again.
const pauseStep = time.Second

// load is what a look at the database shows.
type load struct {
	active, lockWaits int
	longest           time.Duration // the longest transaction of anybody else
	replicaLag        time.Duration
	archiveFailing    time.Duration
}

// What a role may not see is NULL and counts as nothing: pg_monitor shows all.
const loadSQL = `
SELECT a.active, a.waiting, a.longest, coalesce(r.lag, 0),
       CASE WHEN pg_is_in_recovery() THEN 0 ELSE coalesce(w.failing, 0) END
FROM (SELECT count(*) FILTER (WHERE state = 'active') AS active,
             count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting,
             coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 AS longest
      FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
        AND application_name <> $1) a,
     (SELECT CASE WHEN NOT pg_is_in_recovery()
                  THEN (SELECT max(extract(epoch FROM replay_lag)) FROM pg_stat_replication)
                  WHEN pg_last_wal_receive_lsn() IS DISTINCT FROM pg_last_wal_replay_lsn()
                  THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
                  ELSE 0 END::float8 AS lag) r,
     (SELECT CASE WHEN last_failed_time > coalesce(last_archived_time, '-infinity')
                  THEN extract(epoch FROM clock_timestamp() - coalesce(last_archived_time, stats_reset)) END::float8 AS failing
      FROM pg_stat_archiver) w`

// after is called behind every chunk. It sleeps in proportion to the chunk and
// then waits until the database has room. The error is a Problem when that took
// longer than a run may wait in all.
func (g *governor) after(ctx context.Context, took, aim time.Duration) error {
	o := g.t.opts
	if err := g.rest(ctx, took); err != nil {
		return err
	}
	if took > 3*aim {
		g.slow++
	} else {
		g.slow = 0
	}
	if o.Now().Sub(g.looked) < o.Polite.LookEvery && g.slow == 0 {
		return nil
	}
	return g.wait(ctx, took, aim)
}

// rest leaves the database to others. While they are at work, a check takes a
// small share of the time whatever the machine: reading at half of it raised the
// 95th percentile of a busy server's answers fourfold on two processors, and
// nothing that SQL can ask tells how many processors there are.
func (g *governor) rest(ctx context.Context, took time.Duration) error {
	ratio, atWork := g.t.restRatio()
	length := min(time.Duration(float64(took)*ratio), maxRest)
	g.t.rest(length)
	long := length >= longRest
	if long {
		g.say(fmt.Sprintf("resting %s between pieces, because others keep %.1f sessions at work (--full does not rest)", humane(length), atWork))
	}
	err := g.t.opts.Sleep(ctx, length)
	if long {
		g.say("")
	}
	return err
}

const (
	longRest = 1500 * time.Millisecond // a rest that people are told of
	maxRest  = 15 * time.Second        // after one piece
	// busySessions of others on average are a server at work.
	busySessions = 0.5
	// loadWeight is of one look in the moving average of sessions at work.
	loadWeight = 0.3
)

// restRatio is how long to rest, as a multiple of the time of a piece, and the
// sessions of others at work that it follows from.
func (t *Target) restRatio() (ratio, atWork float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.opts.Polite
	share := min(1, t.atWork/busySessions)
	return p.NiceRatio + share*max(0, p.BusyRatio-p.NiceRatio), t.atWork
}

// saw learns from a look.
func (t *Target) saw(active int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.atWork += loadWeight * (float64(active) - t.atWork)
}

// rest keeps all polite runs from reading for so long.
func (t *Target) rest(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if until := t.opts.Now().Add(d); until.After(t.rested) {
		t.rested = until
	}
}

// restLeft is how much of that is left.
func (t *Target) restLeft() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(0, t.rested.Sub(t.opts.Now()))
}

// wait pauses as long as there is a reason.
func (g *governor) wait(ctx context.Context, took, aim time.Duration) error {
	o := g.t.opts
	waited := false
	for {
		now, err := g.look(ctx)
		if err != nil {
			return err
		}
		g.looked = o.Now()
		why := o.Polite.reason(now)
		if why == "" && g.slow > 0 && !waited {
			why = fmt.Sprintf("our own statement took %s (aim %s)", humane(took), humane(aim))
		}
		if why == "" {
			break
		}
		if g.paused >= o.Polite.MaxPause {
			return &check.Problem{Sentence: fmt.Sprintf("Postgres %s was too busy to be read for %s: %s.", g.t.opts.Place, humane(g.paused), why)}
		}
		waited = true
		g.say(why)
		if err := o.Sleep(ctx, pauseStep); err != nil {
			return err
		}
		g.paused += pauseStep
	}
	if waited {
		g.say("")
	}
	return nil
}

func (g *governor) look(ctx context.Context) (load, error) {
	var l load
	var longest, lag, failing float64
	err := g.t.query(ctx, loadSQL, []any{ApplicationName}, func(rows pgx.Rows) error {
		return rows.Scan(&l.active, &l.lockWaits, &longest, &lag, &failing)
	})
	if err == nil {
		g.t.saw(l.active)
	}
	l.longest, l.replicaLag, l.archiveFailing = seconds(longest), seconds(lag), seconds(failing)
	return l, err
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// reason names the first limit that is passed, or nothing.
func (p Polite) reason(l load) string {
	switch {
	case over(l.replicaLag, p.MaxReplicaLag):
		return fmt.Sprintf("replica lag %s (limit %s)", humane(l.replicaLag), humane(p.MaxReplicaLag))
	case over(l.lockWaits, p.MaxLockWaits):
		return fmt.Sprintf("%d sessions wait for locks (limit %d)", l.lockWaits, p.MaxLockWaits)
	case over(l.active, p.MaxActive):
		return fmt.Sprintf("%d sessions at work (limit %d)", l.active, p.MaxActive)
	case over(l.archiveFailing, p.MaxArchiveFailing):
		return fmt.Sprintf("WAL archiving has failed for %s (limit %s)", humane(l.archiveFailing), humane(p.MaxArchiveFailing))
	case over(l.longest, p.LongestTransaction):
		return fmt.Sprintf("a transaction is open for %s (limit %s)", humane(l.longest), humane(p.LongestTransaction))
	}
	return ""
}

// over tells whether a value passes a limit; a limit of 0 or less is off.
func over[N int | time.Duration](value, limit N) bool { return limit > 0 && value > limit }
