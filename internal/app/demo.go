package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/shop"
	"github.com/integritybot/integritybot/internal/target/postgres"
	"github.com/integritybot/integritybot/internal/workspace"
)

// DemoOptions are what `integritybot demo` was asked for.
type DemoOptions struct {
	Listen     string // address of the page
	Orders     int
	Transcript bool
	Verbose    bool
	Out        io.Writer
	Log        *slog.Logger
	Version    string
}

// validate comes before anything is started.
func (o DemoOptions) validate() error {
	if _, _, err := net.SplitHostPort(o.Listen); err != nil {
		return fmt.Errorf("--listen %q is not an address; write 127.0.0.1:8090", o.Listen)
	}
	if err := (shop.Options{Orders: max(o.Orders, 1)}).Validate(); err != nil {
		return fmt.Errorf("--orders: %w", err)
	}
	return nil
}

// Demo runs everything on this machine until ctx ends: a Postgres of its own
// with the bot's store and a shop with planted defects, a Kafka broker with the
// shop's events, the workspace simulator, and the bot. Nothing is left behind.
func Demo(ctx context.Context, o DemoOptions) (err error) {
	if err := o.validate(); err != nil {
		return err
	}
	if !o.Verbose {
		o.Log = slog.New(slog.DiscardHandler)
	}
	say := func(format string, args ...any) { fmt.Fprintf(o.Out, format+"\n", args...) }
	say("Starting a Postgres for this demo …")
	server, err := pgproc.Start(ctx, pgproc.Options{})
	if err != nil {
		return fmt.Errorf("the demo's Postgres: %w", err)
	}
	defer server.Stop()
	env, err := demoDatabases(ctx, server)
	if err != nil {
		return err
	}
	say("Opening a shop with %d orders and planting defects …", o.Orders)
	truth, err := demoShop(ctx, server, o.Orders)
	if err != nil {
		return fmt.Errorf("the demo's shop: %w", err)
	}
	say("Starting a Kafka broker, and letting the shop's consumer fail …")
	events, err := openDemoEvents(ctx, server, truth)
	if err != nil {
		return fmt.Errorf("the demo's events: %w", err)
	}
	defer func() { err = errors.Join(err, events.close()) }()
	events.environment(env)
	w, err := DemoWorkspace(workspace.Options{Log: o.Log})
	if err != nil {
		return err
	}
	defer w.Close()
	if err := listen(ctx, w, o.Listen); err != nil {
		return err
	}
	env["SLACK_APP_TOKEN"], env["SLACK_BOT_TOKEN"], env["SLACK_API_URL"] = w.AppToken(), w.BotToken(), w.APIURL()
	env["HTTP_LISTEN"] = "off"
	c, err := config.Parse("config.example.yaml", config.Example(), demoEnvironment(env))
	if err != nil {
		return err
	}
	if err := Migrate(ctx, c); err != nil {
		return err
	}
	return demoRun(ctx, o, c, w, invitation(w, truth, len(events.shop.Letters)))
}

// demoShop fills the shop, and lets the bot repair it as its owner would.
func demoShop(ctx context.Context, server *pgproc.Server, orders int) (*shop.Truth, error) {
	dsn := server.DSN("shop", pgproc.Superuser)
	truth, err := shop.Generate(ctx, dsn, shop.Options{Orders: orders, Seed: 1, Plant: shop.PlantLasting, Plain: true})
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, postgres.TargetSQL()+"; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO integritybot_fixer")
	return truth, err
}

// demoRun runs the bot and, once it is ready, invites people.
func demoRun(ctx context.Context, o DemoOptions, c *config.Config, w *workspace.Workspace, invitation string) error {
	g, ctx := errgroup.WithContext(ctx)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready := make(chan struct{})
	g.Go(func() error {
		return Run(ctx, c, RunOptions{Log: o.Log, Version: o.Version, OnReady: func() { close(ready) }})
	})
	g.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(30 * time.Second):
			return errors.New("the bot did not get ready in 30 s; run again with --verbose to see why")
		case <-ready:
		}
		if o.Transcript {
			defer stop()
			return transcript(ctx, o.Out, w)
		}
		fmt.Fprint(o.Out, invitation)
		return nil
	})
	return g.Wait()
}

func invitation(w *workspace.Workspace, truth *shop.Truth, letters int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nOpen %s/?as=%s#/%s\n\n", w.URL(), demoAlice, demoIncident)
	b.WriteString("You are Alice, on call. Four things to try in the channel:\n")
	for i, t := range demoTries() {
		fmt.Fprintf(&b, "  %d. %s\n", i+1, t)
	}
	defects := 0
	for _, p := range truth.Plants {
		if !p.Innocent {
			defects += len(p.Keys)
		}
	}
	fmt.Fprintf(&b, "\n%d defects of %d kinds are planted in the shop, and %d failed events stand in its dead-letter topic.\nCtrl-C ends everything and removes it.\n",
		defects, len(truth.Plants), letters)
	return b.String()
}

// demoDatabases makes the store with its two roles, and an empty shop.
func demoDatabases(ctx context.Context, server *pgproc.Server) (map[string]string, error) {
	conn, err := pgx.Connect(ctx, server.DSN("postgres", pgproc.Superuser))
	if err != nil {
		return nil, fmt.Errorf("the demo's Postgres: %w", err)
	}
	defer conn.Close(ctx)
	for _, sql := range []string{
		"CREATE ROLE integritybot_owner LOGIN",
		"CREATE ROLE integritybot LOGIN",
		"CREATE ROLE integrity_reader LOGIN",
		"GRANT pg_read_all_data, pg_read_all_stats TO integrity_reader",
		"CREATE DATABASE integritybot OWNER integritybot_owner",
		"CREATE DATABASE shop",
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return nil, fmt.Errorf("the demo's databases: %w", err)
		}
	}
	return map[string]string{
		"STORE_DSN":       server.DSN("integritybot", "integritybot"),
		"STORE_OWNER_DSN": server.DSN("integritybot", "integritybot_owner"),
		"SHOP_DSN":        server.DSN("shop", "integrity_reader"),
		"SHOP_FIX_DSN":    server.DSN("shop", "integritybot_fixer"),
	}, nil
}

// demoEnvironment is the process's own, with the demo's addresses instead of
// whatever stands there: a demo must never reach a real system.
func demoEnvironment(vars map[string]string) config.Environment {
	return config.Environment{
		LookupEnv: func(name string) (string, bool) { v, ok := vars[name]; return v, ok },
		ReadFile:  func(string) ([]byte, error) { return nil, errors.New("the demo reads no files") },
	}
}

// listen takes the wanted address, or a free port where it is in use.
func listen(ctx context.Context, w *workspace.Workspace, addr string) error {
	err := w.Listen(ctx, addr)
	if err == nil {
		return nil
	}
	host, _, splitErr := net.SplitHostPort(addr)
	if splitErr != nil {
		return err
	}
	if retry := w.Listen(ctx, net.JoinHostPort(host, "0")); retry != nil {
		return fmt.Errorf("the page cannot be served on %s: %w", addr, err)
	}
	return nil
}
