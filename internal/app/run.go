package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/store"
)

// RunOptions are what a replica is started with beside its config.
type RunOptions struct {
	Log     *slog.Logger
	Version string
	// Holder names this replica in leases; empty: host and process id.
	Holder string
	// Now is the clock; nil: the wall's.
	Now func() time.Time
	// OnReady is called once, when requests can come in.
	OnReady func()
	// OnHTTP is called once with the address that HTTP is served on.
	OnHTTP func(addr string)
}

func (o *RunOptions) defaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Holder == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "unknown"
		}
		o.Holder = host + "/" + strconv.Itoa(os.Getpid()) + "/" + strconv.FormatInt(o.Now().UnixNano(), 36)
	}
}

// Run is one replica of the bot. It ends when ctx does, after what was
// acknowledged is safe, or with a sentence that says what to do.
func Run(ctx context.Context, c *config.Config, o RunOptions) error {
	o.defaults()
	if c.Slack.AppToken == "" || c.Slack.BotToken == "" {
		return errors.New("the bot has no Slack tokens: set SLACK_APP_TOKEN (xapp-…) and SLACK_BOT_TOKEN (xoxb-…); integritybot manifest prints the app to create")
	}
	s, err := OpenStore(ctx, c, o.Log, o.Version)
	if err != nil {
		return err
	}
	defer s.Close()
	id, err := s.ID(ctx)
	if err != nil {
		return storeError{"the bot's own Postgres (store.dsn) cannot be used", err}
	}
	targets, err := openTargets(ctx, c, memory{id: id, ledger: s})
	if err != nil {
		return err
	}
	defer targets.Close()
	fixing, err := openFixing(ctx, c, id)
	if err != nil {
		return err
	}
	defer fixing.close()
	loaded := lifecycle(o, "config.load")
	loaded.After = c.Digest()
	if err := s.Append(ctx, loaded, lifecycle(o, "bot.start")); err != nil {
		return fmt.Errorf("the start could not be recorded: %w", err)
	}
	err = serve(ctx, c, o, s, wiring{targets: targets, fixing: fixing})
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, s.Append(ending, lifecycle(o, "bot.stop")))
}

// wiring is the systems outside the bot as its parts see them.
type wiring struct {
	targets *Targets
	fixing  fixing
	catalog check.Catalog
	fixes   fix.Catalog
	looks   look.Catalog
	words   incidents.Wording
}

// serve runs the parts side by side; the first that fails ends the others.
func serve(ctx context.Context, c *config.Config, o RunOptions, s *store.Store, w wiring) error {
	catalog := w.targets.Catalog(c)
	w.catalog, w.fixes = catalog, w.fixing.fixes(c, w.targets, catalog)
	w.words = incidentWords(c, catalog)
	w.looks = w.targets.looks(c, catalog, w.fixes, lastFindings{s, o.Now()}, func(source string, value any, stack []byte) {
		o.Log.Error("panic in a diagnosis", "source", source, "panic", value, "stack", string(stack))
	})
	directory, err := bot.NewDirectory(slackOptions(c), bot.DirectoryDeps{Shelf: s, Log: o.Log, Now: o.Now})
	if err != nil {
		return fmt.Errorf("slack: %w", err)
	}
	defer directory.Close()
	keeping, err := newKeeping(c, w, s, directory, o)
	if err != nil {
		return err
	}
	defer keeping.close()
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	edge, err := newEdge(c, w, s, directory, metrics, keeping.keeper.Nudge, o)
	if err != nil {
		return err
	}
	work, err := newWorker(c, w, s, directory, o)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return edge.Run(ctx) })
	g.Go(func() error { return work.Run(ctx) })
	g.Go(func() error { return keeping.keeper.Run(ctx) })
	told := newAlerts(c, w, s, o)
	g.Go(func() error { return told.run(ctx) })
	ready := []Readiness{{"slack", func(context.Context) error { return edge.Ready() }}, {"store", s.Ping}}
	served := endpoints{listen: c.HTTP.Listen, opened: o.OnHTTP, metrics: metrics, alerts: told, ready: ready, log: o.Log}
	g.Go(func() error { return served.serve(ctx) })
	g.Go(func() error { return announce(ctx, edge, o) })
	return g.Wait()
}

// announce calls OnReady when Slack has said hello.
func announce(ctx context.Context, edge *bot.Bot, o RunOptions) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for edge.Ready() != nil {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	o.Log.Info("ready")
	if o.OnReady != nil {
		o.OnReady()
	}
	return nil
}

func lifecycle(o RunOptions, action string) audit.Event {
	return audit.Event{
		Request: o.Holder, Actor: audit.Actor{Kind: audit.System}, Source: audit.FromSystem,
		Action: action, Target: o.Holder, Outcome: audit.Done, Version: o.Version,
	}
}
