package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/shop"
	"github.com/integritybot/integritybot/internal/workspace"
)

// DemoOptions are what `integritybot demo` was asked for.
type DemoOptions struct {
	Listen     string // address of the page
	Orders     int
	Story      string // see shop.Stories; empty: the usual one
	Transcript bool
	Tries      []string // what the transcript types; none: the usual things
	// Alert is after how long an alert fires that opens an incident; 0: never.
	Alert   time.Duration
	Verbose bool
	Out     io.Writer
	Log     *slog.Logger
	Version string
}

// validate comes before anything is started.
func (o DemoOptions) validate() error {
	if _, _, err := net.SplitHostPort(o.Listen); err != nil {
		return fmt.Errorf("--listen %q is not an address; write 127.0.0.1:8090", o.Listen)
	}
	if err := (shop.Options{Orders: max(o.Orders, 1)}).Validate(); err != nil {
		return fmt.Errorf("--orders: %w", err)
	}
	if _, err := shop.StoryNamed(o.Story); err != nil {
		return fmt.Errorf("--story: %w", err)
	}
	if o.Alert < 0 {
		return errors.New("--alert cannot be negative; write 20s, or 0s for none")
	}
	return nil
}

// Demo runs everything on this machine until ctx ends: a Postgres of its own
// with the bot's store and a shop in which the story has happened, a Kafka broker
// with the shop's events, a Redis with its cached customers, a Kubernetes API with
// its backend, a mail server, the workspace simulator, and the bot. Nothing is left
// behind.
func Demo(ctx context.Context, o DemoOptions) (err error) {
	if err := o.validate(); err != nil {
		return err
	}
	if !o.Verbose {
		o.Log = slog.New(slog.DiscardHandler)
	}
	story, err := shop.StoryNamed(o.Story)
	if err != nil {
		return err
	}
	d := &demoWorld{story: story, orders: o.Orders, say: func(format string, args ...any) { fmt.Fprintf(o.Out, format+"\n", args...) }}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.open(ctx); err != nil {
		return err
	}
	w, err := DemoWorkspace(workspace.Options{Log: o.Log})
	if err != nil {
		return err
	}
	defer w.Close()
	if err := listen(ctx, w, o.Listen); err != nil {
		return err
	}
	env := d.env
	env["SLACK_APP_TOKEN"], env["SLACK_BOT_TOKEN"], env["SLACK_API_URL"] = w.AppToken(), w.BotToken(), w.APIURL()
	c, err := config.Parse("config.example.yaml", config.Example(), demoEnvironment(env))
	if err != nil {
		return err
	}
	if err := Migrate(ctx, c); err != nil {
		return err
	}
	return d.run(ctx, o, c, w)
}

// run runs the bot and, once it is ready, invites people.
func (d *demoWorld) run(ctx context.Context, o DemoOptions, c *config.Config, w *workspace.Workspace) error {
	g, ctx := errgroup.WithContext(ctx)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready, served := make(chan struct{}), make(chan string, 1)
	g.Go(func() error {
		return Run(ctx, c, RunOptions{
			Log: o.Log, Version: o.Version, OnReady: func() { close(ready) }, OnHTTP: func(addr string) { served <- addr },
		})
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
			return transcript(ctx, o.Out, w, o.Tries)
		}
		fmt.Fprint(o.Out, d.invitation(w, o.Alert))
		g.Go(func() error { return d.tellMails(ctx) })
		if o.Alert == 0 {
			return nil
		}
		return d.fire(ctx, <-served, o.Alert)
	})
	return g.Wait()
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
