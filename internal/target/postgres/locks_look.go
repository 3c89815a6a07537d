package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
)

// locksAgain is after how long those who wait are looked at again: only who still
// waits for the same lock counts.
const locksAgain = time.Second

// locksSQL is all that is known of who waits for whom, in one query.
//
// The truth is pg_blocking_pids(): only the server knows which modes conflict, who
// stands before whom in a lock's queue, and which processes are one session (its
// manual advises against a join of pg_locks with itself). It is asked only about
// those who wait, because it holds up the lock table for a moment. A prepared
// transaction is process 0 there, so its name is looked up by the lock that is
// waited for.
//
// What a role may not see of others is NULL. That they wait and since when is in
// pg_locks, which shows everything to everybody. waitstart is there since
// PostgreSQL 14; before that a wait counts from the beginning of its statement.
const locksSQL = `
WITH a AS MATERIALIZED (
  SELECT s.*, (to_jsonb(s) ->> 'leader_pid')::int AS leader,
         s.backend_type IS NULL AND s.query = '<insufficient privilege>' AS hidden
  FROM pg_stat_activity s WHERE s.pid <> pg_backend_pid()),
l AS MATERIALIZED (SELECT k.*, (to_jsonb(k) ->> 'waitstart')::timestamptz AS since FROM pg_locks k),
asked AS MATERIALIZED (
  SELECT DISTINCT ON (l.pid) l.pid, coalesce(l.since, CASE WHEN current_setting('server_version_num')::int < 140000 THEN a.query_start END) AS since,
         l.locktype, l.mode, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid, l.objsubid
  FROM a JOIN l ON l.pid = a.pid AND NOT l.granted
  WHERE a.wait_event_type = 'Lock' OR a.hidden ORDER BY l.pid, l.since),
w AS MATERIALIZED (SELECT asked.*, pg_blocking_pids(asked.pid) AS blockers FROM asked),
p AS MATERIALIZED (
  SELECT l.virtualtransaction, x.gid, x.prepared, x.owner, x.database
  FROM pg_prepared_xacts x JOIN l ON l.transactionid = x.transaction AND l.locktype = 'transactionid' AND l.pid IS NULL AND l.granted)
SELECT clock_timestamp(), a.pid, '' AS gid, coalesce(a.leader, a.pid), coalesce(a.datname, ''), coalesce(a.usename, ''), coalesce(a.application_name, ''),
       coalesce(host(a.client_addr), CASE WHEN a.backend_start IS NULL THEN '' ELSE 'local' END), coalesce(a.backend_type, ''), coalesce(a.state, ''),
       coalesce(a.datname = current_database(), false), a.hidden, coalesce(r.rolsuper, false), a.backend_xid IS NOT NULL,
       a.backend_start, a.xact_start, a.query_start, a.state_change, left(coalesce(a.query, ''), $1),
       w.pid IS NOT NULL, w.since, coalesce(w.locktype, ''), coalesce(w.mode, ''),
       coalesce(CASE WHEN coalesce(w.relation, tup.relation) IS NOT NULL AND coalesce(w.database, tup.database) IN (0, here.oid)
                     THEN coalesce(w.relation, tup.relation)::regclass::text END, ''),
       coalesce(w.blockers, '{}'),
       ARRAY(SELECT p.gid || ' ' || l.mode FROM l JOIN p USING (virtualtransaction)
             WHERE 0 = ANY (w.blockers) AND l.granted AND l.pid IS NULL AND l.locktype = w.locktype
               AND (l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid, l.objsubid)
                   IS NOT DISTINCT FROM (w.database, w.relation, w.page, w.tuple, w.virtualxid, w.transactionid, w.classid, w.objid, w.objsubid)
             ORDER BY 1),
       ARRAY(SELECT DISTINCT l.relation::oid FROM l
             WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation' AND l.database = here.oid
               AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') ORDER BY 1)
FROM a CROSS JOIN (SELECT oid FROM pg_database WHERE datname = current_database()) here
     LEFT JOIN pg_roles r ON r.oid = a.usesysid
     LEFT JOIN w ON w.pid = a.pid
     LEFT JOIN LATERAL (SELECT l.relation, l.database FROM l WHERE l.pid = w.pid AND l.locktype = 'tuple' AND l.granted LIMIT 1) tup ON true
UNION ALL
SELECT clock_timestamp(), 0, p.gid, 0, coalesce(p.database, ''), coalesce(p.owner, ''), '', '', 'prepared transaction', 'prepared',
       coalesce(p.database = current_database(), false), false, false, true, NULL, p.prepared, NULL, p.prepared, '',
       false, NULL, '', '', '', '{}', '{}', '{}'
FROM p`

// statementBytes is how much of a statement is looked at: more than is shown.
const statementBytes = 4_000

// backend is one session of the server, or a prepared transaction, at a moment.
type backend struct {
	id     string // its pid, or the name of a prepared transaction
	pid    int32
	gid    string // not empty: a prepared transaction, which belongs to no session
	leader int32  // of a parallel worker; else its own pid

	database, user, application, client, kind, state string
	here                                             bool // in the target's own database
	hidden                                           bool // our role may not see what it does
	super, wrote                                     bool
	// When the session, its transaction and its statement began, and its state.
	backendStart, xactStart, queryStart, stateChange *time.Time
	query                                            string // as it was written: never shown

	waits    bool
	since    *time.Time // nil: for moments only
	what     waited
	blockers []string
	writes   []uint32 // tables of this database
}

// waited is a lock that somebody waits for.
type waited struct {
	kind, mode, table string
}

// lockLook is one look at all sessions.
type lockLook struct {
	t        *Target
	at       time.Time  // by the server's clock
	sessions []*backend // by pid
	by       map[string]*backend
}

// lookAtLocks asks once. Errors are Problems.
func (t *Target) lookAtLocks(ctx context.Context) (*lockLook, error) {
	look := &lockLook{t: t, by: map[string]*backend{}}
	err := t.query(ctx, locksSQL, []any{statementBytes}, look.scan)
	if err != nil {
		return nil, err
	}
	look.fold()
	slices.SortFunc(look.sessions, func(a, b *backend) int { return compareKeys([]string{a.id}, []string{b.id}) })
	for _, s := range look.sessions {
		look.by[s.id] = s
	}
	return look, nil
}

func (l *lockLook) scan(rows pgx.Rows) error {
	s := &backend{}
	var blockers []int32
	var prepared []string
	err := rows.Scan(&l.at, &s.pid, &s.gid, &s.leader, &s.database, &s.user, &s.application, &s.client, &s.kind, &s.state,
		&s.here, &s.hidden, &s.super, &s.wrote, &s.backendStart, &s.xactStart, &s.queryStart, &s.stateChange, &s.query,
		&s.waits, &s.since, &s.what.kind, &s.what.mode, &s.what.table, &blockers, &prepared, &s.writes)
	if err != nil {
		return fmt.Errorf("read a session: %w", err)
	}
	s.id = fmt.Sprint(s.pid)
	if s.gid != "" {
		s.id = preparedID(s.gid)
	}
	for _, pid := range blockers {
		if pid != 0 {
			s.blockers = append(s.blockers, fmt.Sprint(pid))
		}
	}
	for _, gid := range conflicting(s.what.mode, prepared) {
		s.blockers = append(s.blockers, preparedID(gid))
	}
	l.sessions = append(l.sessions, s)
	return nil
}

func preparedID(gid string) string { return "prepared " + gid }

// fold makes one session of a leader and its parallel workers: pg_blocking_pids()
// names leaders only, and it is the leader that can be talked to.
func (l *lockLook) fold() {
	leaders := map[int32]*backend{}
	for _, s := range l.sessions {
		if s.gid == "" && s.leader == s.pid {
			leaders[s.pid] = s
		}
	}
	l.sessions = slices.DeleteFunc(l.sessions, func(s *backend) bool {
		leader := leaders[s.leader]
		if s.gid != "" || s.leader == s.pid || leader == nil {
			return false
		}
		if s.waits {
			leader.takeOver(s)
		}
		return true
	})
	for _, s := range l.sessions {
		s.blockers = slices.DeleteFunc(s.blockers, func(id string) bool { return id == s.id })
		slices.SortFunc(s.blockers, func(a, b string) int { return compareKeys([]string{a}, []string{b}) })
		s.blockers = slices.Compact(s.blockers)
	}
}

// takeOver has a leader wait for what its worker waits for.
func (s *backend) takeOver(worker *backend) {
	if !s.waits || s.since == nil || worker.since != nil && worker.since.Before(*s.since) {
		s.since, s.what = worker.since, worker.what
	}
	s.waits, s.blockers = true, append(s.blockers, worker.blockers...)
}

// ours tells whether a session is the bot's, of whichever replica.
func (s *backend) ours() bool { return s.gid == "" && ownName(s.application) }

// isClient tells whether a session is somebody's connection, and no process of the
// server.
func (s *backend) isClient() bool { return s.kind == "client backend" }

// same tells whether a session waits for the lock that it waited for before.
func (s *backend) same(before *backend) bool {
	return before != nil && s.waits && before.waits && sameTime(s.backendStart, before.backendStart) &&
		sameTime(s.xactStart, before.xactStart) && s.what == before.what && (s.since == nil || before.since == nil || s.since.Equal(*before.since))
}

func sameTime(a, b *time.Time) bool {
	return a == b || a != nil && b != nil && a.Equal(*b)
}

// hiddenHere counts the sessions that our role may not see.
func (l *lockLook) hiddenHere() int64 {
	var n int64
	for _, s := range l.sessions {
		if s.here && s.hidden {
			n++
		}
	}
	return n
}

// blind is the Problem of a role that may not see what others do; nil if it may.
func (l *lockLook) blind() error {
	if n := l.hiddenHere(); n > 0 {
		return &check.Problem{Sentence: l.blindness(n)}
	}
	return nil
}

func (l *lockLook) blindness(n int64) string {
	role := l.t.pool.Config().ConnConfig.User
	return fmt.Sprintf("Role %s may not see what %s of others on Postgres %s: have a superuser run GRANT pg_read_all_stats TO %s.",
		role, sessionsDo(n), l.t.opts.Place, pgx.Identifier{role}.Sanitize())
}

func sessionsDo(n int64) string {
	if n == 1 {
		return "1 session does"
	}
	return fmt.Sprintf("%d sessions do", n)
}
