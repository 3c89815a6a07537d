package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/incidents"
)

// Incidents is how incidents are dealt with.
type Incidents struct {
	// Channel names an incident's channel; default inc-{date}-{domain}.
	Channel string `yaml:"channel"`
	Private bool   `yaml:"private"` // its channel is
	// Invite are the user groups that are invited to it.
	Invite []string `yaml:"invite"`
	// Fallback is the channel of incidents that get none of their own, and of those that
	// alerts declare; empty: none.
	Fallback string            `yaml:"fallback"`
	Runbook  string            `yaml:"runbook"` // its address
	Links    map[string]string `yaml:"links"`   // bookmarks: title to address
	// Reaction puts a message on the timeline; default pushpin.
	Reaction string `yaml:"reaction"`
	// Subject begins the subject of notices; default Data Inconsistency.
	Subject    string         `yaml:"subject"`
	Severities []SeverityRule `yaml:"severities"`
	// Updates is how often people are told, by severity; none: no clock.
	Updates map[string]Duration `yaml:"updates"`
	Grace   Duration            `yaml:"grace"`  // after a reminder, until a level is called; default 10m
	Snooze  Duration            `yaml:"snooze"` // default 15m
	Soak    Duration            `yaml:"soak"`   // default 30m
	// Audiences and Levels are in the order of the file.
	Audiences map[string]Audience `yaml:"audiences"`
	Levels    map[string]Level    `yaml:"levels"`
	Alerts    Alerts              `yaml:"alerts"`
	// Templates are texts instead of the built-in ones, by the template's name.
	Templates map[string]string `yaml:"templates"`
}

// SeverityRule proposes a severity; the first that fits counts.
type SeverityRule struct {
	Severity string   `yaml:"severity"`
	Domains  []string `yaml:"domains"` // any of them; none: any domain
	Rows     int64    `yaml:"rows"`    // at least so many wrong
}

// Audience is who is told, where, and what they may see.
type Audience struct {
	Title     string              `yaml:"title"`
	To        []Destination       `yaml:"to"`
	Shows     []string            `yaml:"shows"`
	Updates   map[string]Duration `yaml:"updates"`
	Templates []string            `yaml:"templates"` // that it gets when no audience is named
}

// Destination is one place where an audience is told. Exactly one key is given.
type Destination struct {
	Channel string `yaml:"channel"` // its id, or "incident"
	Person  string `yaml:"person"`
	Group   string `yaml:"group"`
	Email   string `yaml:"email"`
	Webhook string `yaml:"webhook"` // its name under notify.webhooks
}

// Level is a level of escalation.
type Level struct {
	Title  string   `yaml:"title"`
	Groups []string `yaml:"groups"`
	Users  []string `yaml:"users"`
	After  Duration `yaml:"after"` // until the next one is called; default 15m
}

// Alerts is which alerts of a monitoring system open incidents.
type Alerts struct {
	// Token is what comes with POST /alerts; empty: the endpoint is off.
	Token Secret `yaml:"token"`
	// Links are the hosts that the address of an alert may point to.
	Links []string `yaml:"links"`
	// Names maps the names of alerts.
	Names map[string]AlertRule `yaml:"names"`
}

// AlertRule says what an alert of a name means.
type AlertRule struct {
	Domain   string `yaml:"domain"` // empty: the alert's label domain
	Severity string `yaml:"severity"`
	Title    string `yaml:"title"`
}

func (i *Incidents) defaults() {
	orString(&i.Channel, "inc-{date}-{domain}")
	orString(&i.Reaction, "pushpin")
	orString(&i.Subject, "Data Inconsistency")
	orDuration(&i.Grace, 10*time.Minute)
	orDuration(&i.Snooze, 15*time.Minute)
	orDuration(&i.Soak, 30*time.Minute)
	for name, l := range i.Levels {
		orString(&l.Title, name)
		orDuration(&l.After, 15*time.Minute)
		i.Levels[name] = l
	}
	for name, a := range i.Audiences {
		orString(&a.Title, strings.ToUpper(name[:min(1, len(name))])+strings.ReplaceAll(name[min(1, len(name)):], "-", " "))
		i.Audiences[name] = a
	}
}

// IncidentRules are the rules of the section incidents.
func (c *Config) IncidentRules() incidents.Rules { return c.rules }

// rulesOf makes them. The order of audiences and levels is that of the file.
func (i *Incidents) rulesOf(t tree) incidents.Rules {
	r := incidents.Rules{
		Channel: i.Channel, Private: i.Private, Invite: i.Invite, Fallback: i.Fallback, Runbook: i.Runbook, Links: i.Links,
		Reaction: i.Reaction, Subject: i.Subject, Updates: intervals(i.Updates), Grace: i.Grace.Std(), Snooze: i.Snooze.Std(),
		Soak: i.Soak.Std(), AlertLinks: i.Alerts.Links, Templates: i.Templates, Alerts: map[string]incidents.AlertRule{},
	}
	for _, s := range i.Severities {
		r.Severities = append(r.Severities, incidents.SeverityRule{Severity: incidents.Severity(s.Severity), Domains: s.Domains, Rows: s.Rows})
	}
	for _, name := range t.keys("incidents", "audiences") {
		r.Audiences = append(r.Audiences, i.Audiences[name].rule(name))
	}
	if len(r.Audiences) == 0 {
		r.Audiences = []incidents.Audience{responders()}
	}
	for _, name := range t.keys("incidents", "levels") {
		l := i.Levels[name]
		r.Levels = append(r.Levels, incidents.Level{Name: name, Title: l.Title, Groups: l.Groups, Users: l.Users, After: l.After.Std()})
	}
	for name, a := range i.Alerts.Names {
		r.Alerts[name] = incidents.AlertRule{Domain: a.Domain, Severity: incidents.Severity(a.Severity), Title: a.Title}
	}
	return r
}

// responders are told where no audience is configured: in the incident's own
// channel, everything.
func responders() incidents.Audience {
	return incidents.Audience{
		Name: "responders", Title: "Responders", Shows: slices.Clone(shows), Templates: incidents.Templates(),
		To: []incidents.Destination{{Kind: incidents.ToChannel, To: ownChannel}},
	}
}

func (a Audience) rule(name string) incidents.Audience {
	out := incidents.Audience{Name: name, Title: a.Title, Shows: a.Shows, Updates: intervals(a.Updates), Templates: a.Templates}
	for _, d := range a.To {
		out.To = append(out.To, d.rules()...)
	}
	return out
}

// rules gives the destination, by each key that is given; one, if it is valid.
func (d Destination) rules() []incidents.Destination {
	kinds := map[incidents.DestinationKind]string{
		incidents.ToChannel: d.Channel, incidents.ToPerson: d.Person, incidents.ToGroup: d.Group,
		incidents.ToEmail: d.Email, incidents.ToWebhook: d.Webhook,
	}
	var out []incidents.Destination
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if kinds[kind] != "" {
			out = append(out, incidents.Destination{Kind: kind, To: kinds[kind]})
		}
	}
	return out
}

func intervals(of map[string]Duration) map[incidents.Severity]time.Duration {
	out := map[incidents.Severity]time.Duration{}
	for severity, every := range of {
		out[incidents.Severity(severity)] = every.Std()
	}
	return out
}

func orDuration(d *Duration, def time.Duration) {
	if *d == 0 {
		*d = Duration(def)
	}
}
