package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/fix/report"
	"github.com/integritybot/integritybot/internal/reconcile"
	"github.com/integritybot/integritybot/internal/target/kafka"
	"github.com/integritybot/integritybot/internal/target/kube"
	"github.com/integritybot/integritybot/internal/target/postgres"
)

// fixing is the targets that plans may change, by name.
type fixing map[string]*postgres.Fixing

// openFixing makes a handle for each target that has an address to write to. It
// connects to none. store is the id of the bot's store, under which the targets
// remember its plans.
func openFixing(ctx context.Context, c *config.Config, store string) (fixing, error) {
	f := fixing{}
	for name, one := range c.Targets {
		if one.Postgres == nil || one.Postgres.DSN == "" || one.Postgres.FixDSN == "" {
			continue
		}
		o := postgresOptions(name, one)
		target, err := postgres.OpenFixing(ctx, postgres.FixOptions{
			Name: o.Name, Place: o.Place, DSN: postgres.Secret(one.Postgres.FixDSN.Reveal()), Store: store,
			LockTimeout: o.LockTimeout, StatementTimeout: o.StatementTimeout, ConnectTimeout: o.ConnectTimeout, Polite: o.Polite,
		})
		if err != nil {
			f.close()
			return nil, fmt.Errorf("target %s: %w", name, err)
		}
		f[name] = target
	}
	return f, nil
}

func (f fixing) close() {
	for _, one := range f {
		one.Close()
	}
}

// fixes are the declared fixes, ready to use. One whose target is off or cannot
// be written to has no applier, and says so when it is asked for.
func (f fixing) fixes(c *config.Config, targets *Targets, catalog check.Catalog) fix.Catalog {
	known, fixes := catalog.ByName(), fix.Catalog{}
	appliers := targets.appliers()
	for _, d := range c.Declared() {
		if d.Fix == nil {
			continue
		}
		one := fix.Declared{Check: known[d.Check.Name], Rules: d.Fix.Rules(), Digest: d.Digest}
		switch words := d.Fix.(type) {
		case postgres.Fix:
			one = f.postgresFix(one, words, targets)
		case kafka.Fix:
			one = targets.kafkaFix(one, words, appliers)
		case reconcile.Fix:
			one = targets.cacheFix(c, one, words, appliers)
		case kube.Fix:
			one = targets.kubeFix(one, words, appliers)
		}
		fixes[d.Check.Name] = one
	}
	return fixes
}

// appliers are what carries plans out in each target that is no database, one for
// all checks of it.
func (t *Targets) appliers() map[string]fix.Applier {
	out := map[string]fix.Applier{}
	for name, one := range t.kafka {
		if a := one.Applier(t.sources); a != nil {
			out[name] = a
		}
	}
	for name, one := range t.redis {
		if a := one.Applier(); a != nil {
			out[name] = a
		}
	}
	for name, one := range t.kube {
		if a := one.Applier(); a != nil {
			out[name] = a
		}
	}
	return out
}

func (f fixing) postgresFix(one fix.Declared, words postgres.Fix, targets *Targets) fix.Declared {
	target, reads := targets.postgres[one.Check.Target]
	applier, writes := f[one.Check.Target]
	if !reads || !writes {
		one.Off = fmt.Sprintf("the config gives no write access for it (targets.%s.postgres.fix_dsn)", one.Check.Target)
		return one
	}
	one.Planner, one.Applier = words.Planner(target, one.Check), applier
	return one
}

// plans words the plans of this config.
func plans(c *config.Config, catalog check.Catalog) report.Wording {
	return report.Wording{Checks: catalog.ByName(), Policy: c.Policy(), Keep: time.Duration(c.Store.KeepImages)}
}

// preventer asks the kinds of check what would stop what they find.
type preventer struct {
	declared map[string]config.Declared
	targets  *Targets
}

func newPreventer(c *config.Config, targets *Targets) preventer {
	p := preventer{declared: map[string]config.Declared{}, targets: targets}
	for _, d := range c.Declared() {
		p.declared[d.Check.Name] = d
	}
	return p
}

// Prevent implements commands.Preventer.
func (p preventer) Prevent(ctx context.Context, name string) (commands.Prevention, error) {
	d := p.declared[name]
	kind, ok := d.Declaration.(postgres.Preventer)
	target, on := p.targets.postgres[d.Check.Target]
	switch {
	case !ok:
		return commands.Prevention{}, &check.Problem{Sentence: "I have nothing to propose for checks of this kind."}
	case !on:
		return commands.Prevention{}, &check.Problem{Sentence: "Its target is off: the config gives no address for " + d.Check.Target + "."}
	}
	got, err := kind.Prevent(ctx, target)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = &check.Problem{Sentence: target.Place() + " did not answer in time, so I can propose nothing now; try again in a minute.", Err: err}
	}
	return commands.Prevention{Title: got.Title, Name: got.Name, SQL: got.SQL, Notes: got.Notes}, err
}
