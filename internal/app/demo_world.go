package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/mailtest"
	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/redisproc"
	"github.com/integritybot/integritybot/internal/shop"
	"github.com/integritybot/integritybot/internal/target/postgres"
	"github.com/integritybot/integritybot/internal/workspace"
)

// demoWorld is the systems outside the bot in which a story has happened.
type demoWorld struct {
	story  shop.Story
	orders int
	say    func(format string, args ...any)

	server  *pgproc.Server
	truth   *shop.Truth
	letters int
	cluster *demoCluster
	mail    *mailtest.Server
	env     map[string]string // what the config needs
	closing []func() error    // in the order in which they were opened
}

// open starts everything. What was started before an error is for close to end.
func (d *demoWorld) open(ctx context.Context) error {
	for _, step := range []struct {
		says, what string
		do         func(context.Context) error
	}{
		{"Starting a Postgres for this demo …", "Postgres", d.openServer},
		{fmt.Sprintf("Opening a shop with %d orders: %s …", d.orders, d.story.About), "shop", d.openShop},
		{"Starting a Kafka broker, and letting the shop's consumer read …", "events", d.openEvents},
		{"Starting a Redis, and letting the shop cache its customers …", "cache", d.openCache},
		{"Starting a Kubernetes API with the shop's backend …", "cluster", d.openCluster},
		{"Starting a mail server …", "mail server", d.openOffice},
	} {
		d.say("%s", step.says)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("the demo's %s: %w", step.what, err)
		}
	}
	if !d.story.Blocked {
		return nil
	}
	blockers, err := shop.Block(ctx, shop.BlockersOptions{DSN: d.server.DSN("shop", demoService), Truth: d.truth})
	if err != nil {
		return fmt.Errorf("the demo's blocked sessions: %w", err)
	}
	d.closing = append(d.closing, blockers.Close)
	return nil
}

// close ends everything, the newest first.
func (d *demoWorld) close() error {
	var errs []error
	for _, end := range slices.Backward(d.closing) {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}

// demoService is the role of the shop's own services.
const demoService = "ecommerce"

// openServer makes the store with its two roles, and an empty shop.
func (d *demoWorld) openServer(ctx context.Context) error {
	server, err := pgproc.Start(ctx, pgproc.Options{})
	if err != nil {
		return err
	}
	d.server = server
	d.closing = append(d.closing, func() error { server.Stop(); return nil })
	d.env = map[string]string{
		"STORE_DSN":       server.DSN("integritybot", "integritybot"),
		"STORE_OWNER_DSN": server.DSN("integritybot", "integritybot_owner"),
		"SHOP_DSN":        server.DSN("shop", "integrity_reader"),
		"SHOP_FIX_DSN":    server.DSN("shop", "integritybot_fixer"),
	}
	return onServer(ctx, server, "postgres",
		"CREATE ROLE integritybot_owner LOGIN",
		"CREATE ROLE integritybot LOGIN",
		"CREATE ROLE integrity_reader LOGIN",
		"CREATE ROLE "+demoService+" LOGIN",
		"GRANT pg_read_all_data, pg_read_all_stats TO integrity_reader",
		"CREATE DATABASE integritybot OWNER integritybot_owner",
		"CREATE DATABASE shop",
	)
}

// onServer runs statements, each by itself, as superuser.
func onServer(ctx context.Context, server *pgproc.Server, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, server.DSN(database, pgproc.Superuser))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// openShop fills the shop, and lets the bot repair it as its owner would.
func (d *demoWorld) openShop(ctx context.Context) (err error) {
	d.truth, err = shop.Generate(ctx, d.server.DSN("shop", pgproc.Superuser), shop.Options{
		Orders: d.orders, Seed: 1, Plant: shop.PlantLasting, Plain: true, Defects: d.story.Defects, Migrated: d.story.Migrated,
	})
	if err != nil {
		return err
	}
	return onServer(ctx, d.server, "shop", postgres.TargetSQL(),
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO integritybot_fixer, "+demoService,
		"GRANT pg_signal_backend TO integritybot_fixer")
}

func (d *demoWorld) openEvents(ctx context.Context) error {
	events, err := openDemoEvents(ctx, d.server, d.truth, d.story)
	if err != nil {
		return err
	}
	d.closing = append(d.closing, events.close)
	d.letters = len(events.shop.Letters)
	events.environment(d.env)
	return nil
}

func (d *demoWorld) openCache(ctx context.Context) error {
	server, err := redisproc.Start(ctx, redisproc.Options{})
	if err != nil {
		return err
	}
	d.closing = append(d.closing, func() error { server.Stop(); return nil })
	d.env["REDIS_ADDR"], d.env["REDIS_CLEAR"] = server.Addr(), "on"
	_, err = shop.FillCache(ctx, shop.CacheOptions{Addr: server.Addr(), DSN: d.server.DSN("shop", pgproc.Superuser), Truth: d.truth, Wrong: d.story.Cache})
	return err
}

func (d *demoWorld) openCluster(ctx context.Context) error {
	c, err := openDemoCluster(ctx, d.story)
	if err != nil {
		return err
	}
	d.cluster = c
	d.closing = append(d.closing, c.close)
	return c.environment(d.env)
}

// invitation says where the page is, and what there is to see.
func (d *demoWorld) invitation(w *workspace.Workspace, alert time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nOpen %s/?as=%s#/%s\n\n", w.URL(), demoAlice, demoIncident)
	b.WriteString("You are Alice, on call. Things to try in the channel:\n")
	for i, t := range demoTries() {
		fmt.Fprintf(&b, "  %d. %s\n", i+1, t)
	}
	if alert > 0 {
		fmt.Fprintf(&b, "In %s an alert fires and opens an incident by itself: look at #data-alerts, and at the channel that appears.\n", alert)
	}
	b.WriteString("Mails that the bot sends are named here.\n")
	defects, kinds := 0, 0
	for _, p := range d.truth.Plants {
		if !p.Innocent {
			defects, kinds = defects+len(p.Keys), kinds+1
		}
	}
	fmt.Fprintf(&b, "\nThe story is %q: %s.\n%d defects of %d kinds are planted in the shop, and %d failed events stand in its dead-letter topic.\n",
		d.story.Name, d.story.About, defects, kinds, d.letters)
	fmt.Fprintf(&b, "Other stories (--story): %s.\nCtrl-C ends everything and removes it.\n", strings.Join(DemoStories(), ", "))
	return b.String()
}

// DemoStories are the names of the stories that a demo can tell.
func DemoStories() []string {
	var names []string
	for _, s := range shop.Stories() {
		names = append(names, s.Name)
	}
	return names
}
