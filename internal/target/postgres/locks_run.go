package postgres

import (
	"context"
	"slices"

	"github.com/integritybot/integritybot/internal/check"
)

type blockingDetector struct {
	words  *Blocking
	target *Target
}

// Detect implements check.Detector. It takes about a second if anybody waits, and
// has nothing to go on from.
func (d *blockingDetector) Detect(ctx context.Context, opts check.Options, _ check.Cursor, rec check.Recorder) (check.Result, error) {
	c, err := d.target.chain(ctx, rec.Progress)
	if err != nil {
		return check.Result{}, err
	}
	rec.Columns(lockColumns())
	failing := d.words.judge(c)
	for _, one := range failing {
		rec.Found(c.row(one))
	}
	result := check.Result{
		Scanned: c.judged(), Read: int64(len(c.sessions)), Plan: "pg_stat_activity and pg_blocking_pids()",
		Says: d.words.says(c, failing), Notes: d.words.notes(c),
	}
	if opts.Overview {
		tables, missing := d.tables(ctx)
		result.Overview, result.Notes = c.overview(failing, tables), append(result.Notes, missing...)
	}
	r := d.target.Reader(opts, rec)
	if result.Position, err = r.Position(ctx); err != nil {
		return check.Result{}, err
	}
	if len(failing) == 0 && d.words.needsStates() {
		return result, c.blind()
	}
	return result, nil
}

// tables are those whose writers are shown. One that is not there takes nothing
// from what is known of the sessions.
func (d *blockingDetector) tables(ctx context.Context) (tables []*Table, missing []string) {
	for _, name := range d.words.Tables {
		table, err := d.target.unlocked(ctx, name)
		if err != nil {
			missing = append(missing, sentenceOf(err))
			continue
		}
		tables = append(tables, table)
	}
	return tables, missing
}

// judged counts the sessions of this database that are somebody's.
func (l *lockLook) judged() int64 {
	var n int64
	for _, s := range l.sessions {
		if s.here && !s.ours() && (s.isClient() || s.hidden || s.gid != "") {
			n++
		}
	}
	return n
}

// notes are what the numbers do not say.
func (w *Blocking) notes(c *lockChain) []string {
	var out []string
	if n := c.hiddenHere(); n > 0 {
		out = append(out, c.blindness(n)+" Until then only who waits for whom is known, and no transaction's age.")
	}
	if slices.ContainsFunc(c.roots, func(s *backend) bool { return s.gid != "" }) {
		out = append(out, "A prepared transaction belongs to no session: whoever prepared it, or a DBA, ends it with COMMIT PREPARED or ROLLBACK PREPARED.")
	}
	if slices.ContainsFunc(c.roots, (*backend).ours) {
		out = append(out, "One of the sessions that block others is the bot's own: a fix that is being applied. It ends by itself within seconds.")
	}
	return out
}
