package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
)

// statsAgain is how long the counters are watched for, to see whether they grow
// just now.
const statsAgain = 2 * time.Second

// Conflicts looks at what the servers count beside a database: conflicts with
// recovery, deadlocks, rollbacks, checksum failures. A replica that checks read
// is a server of its own and is shown beside the database itself.
func Conflicts(targets []*Target) look.Looker { return conflictLooker(targets) }

type conflictLooker []*Target

// Look implements look.Looker.
func (l conflictLooker) Look(ctx context.Context, q look.Question, tell func(check.Progress)) (look.Report, error) {
	var servers []*statServer
	var missing []string
	var failed []error
	for _, t := range l {
		for _, server := range t.servers() {
			c := &statServer{t: server, replica: server != t.itself()}
			if c.before, c.err = server.counters(ctx); c.err != nil {
				failed = append(failed, c.err)
				missing = append(missing, sentenceOf(c.err))
				continue
			}
			servers = append(servers, c)
		}
	}
	if len(servers) == 0 {
		return look.Report{}, errors.Join(failed...)
	}
	if tell != nil {
		tell(check.Progress{Reading: "pg_stat_database, once more in " + humane(statsAgain)})
	}
	if err := servers[0].t.opts.Sleep(ctx, statsAgain); err != nil {
		return look.Report{}, context.Cause(ctx)
	}
	for _, c := range servers {
		if c.now, c.err = c.t.counters(ctx); c.err != nil {
			missing = append(missing, sentenceOf(c.err)+" Whether its counters grow just now is not known.")
			c.now = c.before
		}
	}
	return conflictReport(servers, missing, q.At), nil
}

// servers are the database itself and the replica that checks read, if that is
// another one.
func (t *Target) servers() []*Target {
	if t.primary != nil {
		return []*Target{t.primary, t}
	}
	return []*Target{t}
}

// statServer is one server, looked at twice.
type statServer struct {
	t           *Target
	replica     bool
	before, now *counters
	err         error
}

// counters are what a server has counted since its statistics began.
type counters struct {
	at        time.Time
	address   string // of the server, as it knows it itself; empty: it does not say
	recovery  bool   // it is a standby
	checksums bool   // they are on
	database  map[string]json.RawMessage
	standby   map[string]json.RawMessage // pg_stat_database_conflicts
	// corrupt is how many pages of the whole server failed: a disk knows no
	// databases. nil: not counted.
	corrupt *int64
	last    *time.Time // when the last one did
	reset   *time.Time // since when it counts; nil: since the server was made
}

const countersSQL = `
SELECT clock_timestamp(), coalesce(host(inet_server_addr()) || ':' || inet_server_port(), ''), pg_is_in_recovery(),
       coalesce(current_setting('data_checksums', true), 'off') = 'on',
       to_jsonb(d)::text, coalesce(to_jsonb(c)::text, '{}'), d.stats_reset,
       (SELECT sum((to_jsonb(x) ->> 'checksum_failures')::bigint)::bigint FROM pg_stat_database x),
       (SELECT max((to_jsonb(x) ->> 'checksum_last_failure')::timestamptz) FROM pg_stat_database x)
FROM pg_stat_database d LEFT JOIN pg_stat_database_conflicts c ON c.datid = d.datid WHERE d.datname = current_database()`

// counters asks one server. Errors are Problems. Nothing of it needs a grant.
func (t *Target) counters(ctx context.Context) (*counters, error) {
	c := &counters{}
	found := false
	err := t.query(ctx, countersSQL, nil, func(rows pgx.Rows) error {
		found = true
		var database, standby string
		if err := rows.Scan(&c.at, &c.address, &c.recovery, &c.checksums, &database, &standby, &c.reset, &c.corrupt, &c.last); err != nil {
			return err
		}
		return errors.Join(json.Unmarshal([]byte(database), &c.database), json.Unmarshal([]byte(standby), &c.standby))
	})
	if err == nil && !found {
		err = problemf("Postgres %s has no statistics of this database.", t.opts.Place)
	}
	return c, err
}

// of is one counter; there says that this version of the server has it.
func (c *counters) of(name string) (n int64, there bool) {
	for _, view := range []map[string]json.RawMessage{c.database, c.standby} {
		if raw, ok := view[name]; ok && string(raw) != "null" {
			err := json.Unmarshal(raw, &n)
			return n, err == nil
		}
	}
	return 0, false
}

// grown is by how much a counter grew while it was watched.
func (c *statServer) grown(name string) int64 {
	before, _ := c.before.of(name)
	now, _ := c.now.of(name)
	return max(0, now-before)
}

// days is since how many days is counted; 0: nobody knows since when.
func (c *counters) days() float64 {
	if c.reset == nil {
		return 0
	}
	return c.at.Sub(*c.reset).Hours() / 24
}

// name is a server as people tell it from others.
func (c *statServer) name() string {
	kind := "primary"
	if c.now.recovery {
		kind = "standby"
	}
	if c.replica {
		kind += ", which checks read"
	}
	return fmt.Sprintf("%s (%s)", c.t.opts.Place, kind)
}
