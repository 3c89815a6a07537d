package app

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/alertmanager"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/keeper"
	"github.com/integritybot/integritybot/internal/notify"
	"github.com/integritybot/integritybot/internal/store"
)

// incidentWords words the incidents of this config.
func incidentWords(c *config.Config, catalog check.Catalog) incidents.Wording {
	return incidents.Wording{Rules: c.IncidentRules(), Checks: catalog.ByName(), Word: c.Slack.Command}
}

// keeping is the part of a replica that keeps incidents.
type keeping struct {
	keeper *keeper.Keeper
	rooms  *bot.Rooms
}

func (k keeping) close() { k.rooms.Close() }

func newKeeping(c *config.Config, w wiring, s *store.Store, directory commands.Directory, o RunOptions) (keeping, error) {
	rooms, err := bot.NewRooms(slackOptions(c), bot.RoomsDeps{
		Log: o.Log, Now: o.Now, Reaction: w.words.Rules.Reaction, Counts: mayMark(c.Policy(), directory),
	})
	if err != nil {
		return keeping{}, err
	}
	mail, webhooks, err := senders(c)
	if err != nil {
		return keeping{}, err
	}
	k, err := keeper.New(keeper.Options{
		Store: s, Rooms: rooms, Words: w.words, Members: directory.Members, Catalog: w.catalog,
		Domain: func(domain string) (on, off []string) { return checksOf(w.catalog, domain) },
		Shared: func(ctx context.Context, channel string) (bool, error) {
			place, err := directory.Place(ctx, channel)
			return place.Shared, err
		},
		Mail: mail, Webhooks: webhooks, Holder: o.Holder, Version: o.Version, Log: o.Log,
	})
	return keeping{k, rooms}, err
}

// mayMark tells whose pins and reactions put messages on a timeline: those of everybody
// who may act. Whoever left since made theirs before.
func mayMark(policy authz.Policy, directory commands.Directory) func(context.Context, string) (bool, error) {
	return func(ctx context.Context, user string) (bool, error) {
		subject, err := directory.Subject(ctx, audit.Actor{Kind: audit.Person, User: user}, false)
		if err != nil {
			return false, err
		}
		subject.Deactivated = false
		_, barred := policy.Barred(subject)
		return !barred, nil
	}
}

// senders are what sends notices outside of Slack: nil and missing where they are off.
func senders(c *config.Config) (keeper.Sender, map[string]keeper.Sender, error) {
	webhooks := map[string]keeper.Sender{}
	for name, one := range c.Notify.Webhooks {
		if !one.On() {
			continue
		}
		hook, err := notify.NewWebhook(one.Options(name))
		if err != nil {
			return nil, nil, err
		}
		webhooks[name] = hook
	}
	if !c.Notify.SMTP.On() {
		return nil, webhooks, nil
	}
	o := c.Notify.SMTP.Options()
	if file := c.Notify.SMTP.CAFile; file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, fmt.Errorf("notify.smtp.ca_file: %w", err)
		}
		o.CAs = x509.NewCertPool()
		if !o.CAs.AppendCertsFromPEM(pem) {
			return nil, nil, fmt.Errorf("notify.smtp.ca_file: %s holds no certificate (PEM)", file)
		}
	}
	mail, err := notify.NewMail(o)
	if err != nil {
		return nil, nil, err
	}
	return mail, webhooks, nil
}

// checksOf are the checks of a domain, the ones whose targets are off apart.
func checksOf(catalog check.Catalog, domain string) (on, off []string) {
	for _, one := range catalog {
		switch {
		case one.Domain != domain:
		case one.Off:
			off = append(off, one.Name)
		default:
			on = append(on, one.Name)
		}
	}
	return on, off
}

// alerts are what a monitoring system tells, and the endpoint that it tells it at.
type alerts struct {
	http.Handler
	taker *commands.Alerts
}

func newAlerts(c *config.Config, w wiring, s *store.Store, o RunOptions) alerts {
	taker := &commands.Alerts{
		Ledger: s, Archive: s, Incidents: w.words, Domains: w.catalog.Domains(), Version: o.Version, Now: o.Now, Log: o.Log,
		NewID: func() string { return uuid.Must(uuid.NewV7()).String() },
	}
	return alerts{alertmanager.Handler(alertmanager.Options{Token: c.Incidents.Alerts.Token.Reveal(), Log: o.Log, Taker: taker}), taker}
}

// run sees that what was turned away is counted in the audit, also when nobody is turned
// away any more.
func (a alerts) run(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
			a.taker.Settle(ctx, false)
		case <-ctx.Done():
		}
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	a.taker.Settle(ending, true)
	return nil
}

func newHome(c *config.Config, w wiring, s *store.Store, directory commands.Directory, o RunOptions) home {
	return home{
		word: c.Slack.Command, words: w.words, catalog: w.catalog, fixes: w.fixes, policy: c.Policy(), directory: directory, shelf: s, now: o.Now, log: o.Log,
	}
}
