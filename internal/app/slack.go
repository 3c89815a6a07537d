package app

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/store"
)

func slackOptions(c *config.Config) bot.Options {
	return bot.Options{
		AppToken:    bot.Secret(c.Slack.AppToken.Reveal()),
		BotToken:    bot.Secret(c.Slack.BotToken.Reveal()),
		APIURL:      c.Slack.APIURL,
		Command:     c.Slack.Command,
		Connections: c.Slack.Connections,
	}
}

// Manifest is the Slack app manifest for this config.
func Manifest(c *config.Config) ([]byte, error) {
	o := slackOptions(c)
	// A manifest is wanted before there are tokens.
	o.AppToken, o.BotToken = "xapp-none", "xoxb-none"
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("slack: %w", err)
	}
	return bot.Manifest(o), nil
}

// newRunner makes the road that every request takes.
func newRunner(c *config.Config, w wiring, s *store.Store, directory *bot.Directory, o RunOptions) (*commands.Runner, error) {
	registry, err := commands.All(commands.Env{
		Catalog: w.catalog, Policy: c.Policy(), Archive: s, Word: c.Slack.Command, Now: o.Now,
		Fixes: w.fixes, Plans: plans(c, w.catalog), Preventer: newPreventer(c, w.targets),
		Selection: selection, Looks: w.looks, Incidents: w.words, Directory: directory, NameOf: directory.NameOf,
	})
	if err != nil {
		return nil, err
	}
	return &commands.Runner{
		Registry: registry, Policy: c.Policy(), Directory: directory, Ledger: s, Log: o.Log,
		NewID:   func() string { return uuid.Must(uuid.NewV7()).String() },
		Word:    c.Slack.Command,
		Version: o.Version,
	}, nil
}

// newEdge makes the part of a replica that talks with Slack. onBack is called when Slack
// can be heard again.
func newEdge(c *config.Config, w wiring, s *store.Store, directory *bot.Directory, metrics *prometheus.Registry, onBack func(), o RunOptions) (*bot.Bot, error) {
	runner, err := newRunner(c, w, s, directory, o)
	if err != nil {
		return nil, err
	}
	observer, err := observe(metrics)
	if err != nil {
		return nil, err
	}
	edge, err := bot.New(slackOptions(c), bot.Deps{
		Asker: runner, Outbox: s, Choices: choices(w.catalog), Log: o.Log, Now: o.Now, Observe: observer,
		Dialogs: commands.Dialogs{Archive: s, Plans: plans(c, w.catalog)}, Home: newHome(c, w, s, directory, o),
		Witness: s, Reaction: w.words.Rules.Reaction, OnBack: onBack,
	})
	if err != nil {
		return nil, fmt.Errorf("slack: %w", err)
	}
	return edge, nil
}

// choices are what the form "Run a check" offers.
func choices(catalog check.Catalog) []bot.Choice {
	out := []bot.Choice{{Value: "all", Label: "All checks", Group: "Everything"}}
	for _, d := range catalog.Domains() {
		out = append(out, bot.Choice{Value: d, Label: strings.ToUpper(d[:1]) + d[1:], Group: "A domain"})
	}
	for _, one := range catalog {
		out = append(out, bot.Choice{Value: one.Name, Label: one.Title, Group: "One check"})
	}
	return out
}

// observe counts what the Slack edge does.
func observe(registry *prometheus.Registry) (bot.Observer, error) {
	labels := []string{"kind", "outcome"}
	envelopes := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "integritybot_envelope_seconds", Help: "From the receipt of an envelope to its acknowledgement.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5},
	}, labels)
	deliveries := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "integritybot_deliveries_total", Help: "Calls to Slack that carry a message, by kind and outcome.",
	}, labels)
	links := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "integritybot_socket_connections", Help: "Socket Mode connections that are open now.",
	})
	for _, one := range []prometheus.Collector{envelopes, deliveries, links} {
		if err := registry.Register(one); err != nil {
			return bot.Observer{}, fmt.Errorf("metrics: %w", err)
		}
	}
	return bot.Observer{
		Envelope: func(kind, outcome string, took time.Duration) {
			envelopes.WithLabelValues(kind, outcome).Observe(took.Seconds())
		},
		Delivery: func(kind, outcome string, _ time.Duration) { deliveries.WithLabelValues(kind, outcome).Inc() },
		Links:    func(n int) { links.Set(float64(n)) },
	}, nil
}
