//go:build bench

package bench

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/shop"
	"github.com/integritybot/integritybot/internal/target/postgres"
)

const (
	repaired    = "repaired" // a copy of the shop, so that the others find theirs as it was
	fixer       = "integritybot_fixer"
	theirLimit  = time.Minute // goal S4: theirs does not finish in it
	mostWAL     = 0.01        // goal S5: of theirs
	fastestS4   = 10 * time.Second
	confirmedBy = "U0BENCH"
)

// repair is one fix on a copy of the shop: found, drafted, applied, looked at again.
type repair struct {
	declared check.Check
	planner  fix.Planner
	applier  *postgres.Fixing
	rules    fix.Rules
	dsn      string // of a superuser
	plans    int64
}

// openRepair copies the shop and makes everything that a fix of one check needs, as the bot wires it.
func (b *bed) openRepair(t *trial, s *shopServer, name string) *repair {
	t.Helper()
	s.admin(t, pgproc.Superuser, "DROP DATABASE IF EXISTS "+repaired+" WITH (FORCE)", "CREATE DATABASE "+repaired+" TEMPLATE shop")
	s.admin(t, repaired, postgres.TargetSQL(), "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+fixer)
	r := &repair{dsn: s.DSN(repaired, pgproc.Superuser)}
	c := b.everything(t).parse(t, map[string]string{"SHOP_DSN": s.DSN(repaired, reader)})
	targets, err := app.OpenTargets(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = targets.Close() })
	r.declared = targets.Catalog(c).ByName()[name]
	reading, err := postgres.Open(t.Context(), postgres.Options{Name: "shop", DSN: postgres.Secret(s.DSN(repaired, reader))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reading.Close)
	for _, d := range c.Declared() {
		if declared, ok := d.Fix.(postgres.Fix); ok && d.Check.Name == name {
			r.planner, r.rules = declared.Planner(reading, r.declared), declared.Rules()
		}
	}
	if r.planner == nil {
		t.Fatalf("the example declares no fix for %s", name)
	}
	r.applier, err = postgres.OpenFixing(t.Context(), postgres.FixOptions{Name: "shop", DSN: postgres.Secret(s.DSN(repaired, fixer)), Store: "bench"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.applier.Close)
	return r
}

// draft works a plan out.
func (r *repair) draft(t *trial) fix.Draft {
	t.Helper()
	r.plans++
	d, err := r.planner.Draft(t.Context(), fix.Order{ID: r.plans, Check: r.declared.Name}, r.rules.Caps, func(check.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// apply carries a plan out, batch after batch, and gives how many changes were made.
func (r *repair) apply(t *trial, d fix.Draft) (changed int64) {
	t.Helper()
	order := fix.Order{ID: r.plans, Check: r.declared.Name}
	hash, err := d.Content.Hash(order, "shop")
	if err != nil {
		t.Fatal(err)
	}
	plan := fix.Plan{Order: order, State: fix.Applying, Draft: d, Hash: hash, DecidedBy: confirmedBy}
	for _, batch := range d.Content.Batches() {
		result, err := r.applier.Apply(t.Context(), plan, d.Content.Forms, batch, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(result.Skipped) > 0 {
			t.Errorf("batch %d left %d changes alone: %v", batch.N, len(result.Skipped), result.Skipped[0])
		}
		changed += result.Changed
	}
	return changed
}

// failing runs the check at full speed and gives the failing rows.
func (r *repair) failing(t *trial) int64 {
	t.Helper()
	found, err := check.Execute(t.Context(), check.Execution{
		Order: check.Order{Title: r.declared.Title, Options: check.Options{Full: true}}, Checks: []check.Check{r.declared}, Journal: discarded{}, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if found[0].Verdict == check.Unknown {
		t.Fatal(found[0].Reason)
	}
	return found[0].Tally.Rows
}

// wal is how many bytes of write-ahead log something wrote.
func (r *repair) wal(t *trial, do func()) int64 {
	t.Helper()
	before := ask[string](t, r.dsn, "SELECT pg_current_wal_insert_lsn()::text")
	do()
	return ask[int64](t, r.dsn, "SELECT (pg_current_wal_insert_lsn() - '"+before+"'::pg_lsn)::bigint")
}

// runbookFix runs the runbook's statement with the server's default settings and tells how long it ran, and whether it
// was ended by the limit.
func (r *repair) runbookFix(t *trial, name string, limit time.Duration) (took time.Duration, rows int64, ended bool) {
	t.Helper()
	all := shop.RunbookQueries().Fixes
	i := slices.IndexFunc(all, func(q shop.RunbookQuery) bool { return q.Check == name })
	if i < 0 {
		t.Fatalf("the runbook has no fix for %s", name)
	}
	conn, err := pgx.Connect(t.Context(), r.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), fmt.Sprintf("SET statement_timeout = %d", limit.Milliseconds())); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	tag, err := conn.Exec(t.Context(), strings.TrimSpace(all[i].SQL))
	took = time.Since(began)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "57014" {
		return took, 0, true
	}
	if err != nil {
		t.Fatal(err)
	}
	return took, tag.RowsAffected(), false
}

// measureOrphans is S4: orphans found, quarantined with all that refers to them, and the check passing again.
func measureOrphans(t *trial, b *bed) {
	s := b.openShop(t)
	b.fill(t, s)
	r := b.openRepair(t, s, shop.OrphanedOrders)
	theirs, _, ended := r.runbookFix(t, shop.OrphanedOrders, theirLimit)
	if !ended { // it did its harm: start again
		r = b.openRepair(t, s, shop.OrphanedOrders)
	}
	began := time.Now()
	d := r.draft(t)
	drafted := time.Since(began)
	changed := r.apply(t, d)
	applied := time.Since(began) - drafted
	left := r.failing(t)
	took := time.Since(began)
	if want := int64(len(s.truth.Defects(shop.OrphanedOrders))); d.Rows != want || left != 0 {
		t.Errorf("the plan is about %d rows of %d, and %d fail afterwards", d.Rows, want, left)
	}
	other := "finished in " + seconds(theirs)
	if ended {
		other = "stopped after " + seconds(theirs) + ", not finished"
	}
	t.measured(row{
		ID: "S4", Work: fmt.Sprintf("%s orphaned orders of %s found, repaired and looked at again", humanize.Comma(d.Rows), humanize.Comma(d.Of)),
		Ours:   fmt.Sprintf("%s (plan %s, apply %s: %s rows with their dependants, undoable)", seconds(took), seconds(drafted), seconds(applied), humanize.Comma(changed)),
		Theirs: "the runbook's `DELETE … NOT IN` at default settings: " + other,
		Goal:   "≤ 10 s; theirs does not finish in 60 s", Met: verdict(took <= fastestS4 && ended),
	})
	b.note("S4", "On a copy of the shop. Ours is what the bot does: a polite check that finds the rows, a plan with everything that refers to them, "+
		"batches by compare-and-set with before-images, and the check once more at full speed. Theirs has default settings, `work_mem` of 4 MB above all, and deletes no dependants.")
}

// measureTotals is S5: what a repair of wrong totals writes.
func measureTotals(t *trial, b *bed) {
	s := b.openShop(t)
	b.fill(t, s)
	r := b.openRepair(t, s, shop.OrderTotals)
	d := r.draft(t)
	var changed int64
	ours := r.wal(t, func() { changed = r.apply(t, d) })
	again := r.draft(t)
	var secondly int64
	second := r.wal(t, func() { secondly = r.apply(t, again) })
	left := r.failing(t)
	if left != 0 || changed != d.Total {
		t.Errorf("%d of %d changes were made, and %d rows fail afterwards", changed, d.Total, left)
	}
	r = b.openRepair(t, s, shop.OrderTotals)
	var rows int64
	var took time.Duration
	theirs := r.wal(t, func() { took, rows, _ = r.runbookFix(t, shop.OrderTotals, 10*time.Minute) })
	s.admin(t, pgproc.Superuser, "CHECKPOINT")
	ratio := float64(ours) / float64(theirs)
	t.measured(row{
		ID: "S5", Work: fmt.Sprintf("%s wrong totals of %s repaired", humanize.Comma(d.Rows), humanize.Comma(d.Of)),
		Ours:   fmt.Sprintf("%s of WAL for %s rows; a second run writes %s rows (%s)", humanize.IBytes(bytesOf(ours)), humanize.Comma(changed), humanize.Comma(secondly), humanize.IBytes(bytesOf(second))),
		Theirs: fmt.Sprintf("the runbook's `UPDATE`: %s of WAL for %s rows, %s; ours is %.4f of it", humanize.IBytes(bytesOf(theirs)), humanize.Comma(rows), seconds(took), ratio),
		Goal:   "WAL ≤ 1 % of theirs; a second run writes 0 rows", Met: verdict(ratio <= mostWAL && secondly == 0),
	})
	b.note("S5", "Each side on a fresh copy of the shop. Ours writes before-images for undo too, which is part of its WAL.")
}

func bytesOf(n int64) uint64 { return uint64(max(n, 0)) }
