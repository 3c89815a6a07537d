package config

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/declare"
)

// ownChannel is the word for the channel of the incident itself.
const ownChannel = "incident"

var (
	channelForm = regexp.MustCompile(`^[CG][A-Z0-9]{2,}$`)
	// What Slack allows in the name of a channel, beside what is filled in.
	channelWords = regexp.MustCompile(`^[a-z0-9_-]*$`)
	channelParts = []string{"{date}", "{domain}", "{id}"}
	emojiForm    = regexp.MustCompile(`^[a-z0-9_+'-]{1,100}$`)
	levelForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,31}$`)
	// Prometheus' rule for alert names is any text; the ones that people write are these.
	alertForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$`)
	hostForm  = regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]{1,5})?$`)
	shows     = []string{
		incidents.ShowNumbers, incidents.ShowMoney, incidents.ShowChecks, incidents.ShowPlaces,
		incidents.ShowPeople, incidents.ShowCause, incidents.ShowLinks,
	}
)

const (
	// Slack allows 80 characters for the name of a channel; the date, a domain and what
	// tells two of them apart have to find room.
	longestPattern = 50
	shortestToken  = 16
	// A clock below this would only remind of itself.
	leastInterval = time.Minute
)

// incidentsValidation is one look at the section.
type incidentsValidation struct {
	*Incidents
	t       tree
	p       *Problems
	domains []string
}

func (c *Config) validateIncidents(t tree, p *Problems) {
	v := incidentsValidation{Incidents: &c.Incidents, t: t, p: p}
	for _, d := range c.declared {
		if !slices.Contains(v.domains, d.Check.Domain) {
			v.domains = append(v.domains, d.Check.Domain)
		}
	}
	v.channel()
	v.words()
	v.times()
	v.severityRules()
	for _, name := range t.keys("incidents", "audiences") {
		v.audience(name, v.Audiences[name])
	}
	for _, name := range t.keys("incidents", "levels") {
		v.level(name, v.Levels[name])
	}
	v.alerts()
	if c.Incidents.Alerts.Token != "" && c.HTTP.Listen == "off" {
		v.bad(at("alerts", "token"), "alerts: http.listen is off, so that no alert can come in; give it an address, or no token")
	}
	v.templates(c.rules)
}

func (v incidentsValidation) bad(path []string, format string, args ...any) {
	v.p.add(v.t.line(append([]string{"incidents"}, path...)...), "incidents: "+format, args...)
}

func at(path ...string) []string { return path }

func (v incidentsValidation) channel() {
	rest := v.Channel
	for _, part := range channelParts {
		rest = strings.ReplaceAll(rest, part, "")
	}
	switch {
	case !channelWords.MatchString(rest):
		v.bad(at("channel"), "channel %q cannot name a channel: lower-case letters, digits, hyphens, underscores and %s, such as inc-{date}-{domain}", v.Channel, strings.Join(channelParts, ", "))
	case len(v.Channel) > longestPattern:
		v.bad(at("channel"), "channel has %d characters; at most %d, so that what is filled in finds room in Slack's 80", len(v.Channel), longestPattern)
	case rest == v.Channel:
		v.bad(at("channel"), "channel %q would be the same for every incident; put one of %s in it", v.Channel, strings.Join(channelParts, ", "))
	}
	if v.Fallback != "" && !channelForm.MatchString(v.Fallback) {
		v.bad(at("fallback"), "fallback %q is not a channel id (C… or G…); names can be changed by anyone", v.Fallback)
	}
	for _, g := range v.Invite {
		if !groupForm.MatchString(g) {
			v.bad(at("invite"), "invite: %q is not a user-group id (S…)", g)
		}
	}
}

func (v incidentsValidation) words() {
	if v.Runbook != "" && !webAddress(v.Runbook) {
		v.bad(at("runbook"), "runbook is not an address; write https://wiki.example.com/runbook")
	}
	for title, address := range v.Links {
		if !webAddress(address) {
			v.bad(at("links", title), "links: %q does not lead to an address; write https://…", title)
		}
	}
	if !emojiForm.MatchString(v.Reaction) {
		v.bad(at("reaction"), "reaction %q is not the name of an emoji without its colons, such as pushpin", v.Reaction)
	}
	if len(v.Subject) > 60 || strings.ContainsAny(v.Subject, "\r\n") {
		v.bad(at("subject"), "subject is one line of at most 60 characters")
	}
}

func (v incidentsValidation) times() {
	v.updates(at("updates"), "updates", v.Updates)
	for key, d := range map[string]Duration{"grace": v.Grace, "snooze": v.Snooze, "soak": v.Soak} {
		if d.Std() < leastInterval || d.Std() > 7*24*time.Hour {
			v.bad(at(key), "%s is %s; 1m to 7d", key, d.Std())
		}
	}
}

func (v incidentsValidation) updates(path []string, who string, of map[string]Duration) {
	for _, severity := range v.t.keys(append([]string{"incidents"}, path...)...) {
		here := append(slices.Clone(path), severity)
		if !slices.Contains(severities, severity) {
			v.bad(here, "%s: there is no severity %q; one of %s", who, severity, strings.Join(severities, ", "))
		}
		if d := of[severity].Std(); d != 0 && (d < leastInterval || d > 7*24*time.Hour) {
			v.bad(here, "%s: %s is told every %s; 1m to 7d, or 0s for never", who, severity, d)
		}
	}
}

func (v incidentsValidation) severityRules() {
	for n, s := range v.Severities {
		here := at("severities", strconv.Itoa(n))
		if !slices.Contains(severities, s.Severity) {
			v.bad(here, "severities: rule %d has severity %q; one of %s", n+1, s.Severity, strings.Join(severities, ", "))
		}
		if s.Rows < 0 {
			v.bad(here, "severities: rule %d asks for %d rows; it cannot be negative", n+1, s.Rows)
		}
		for _, d := range s.Domains {
			v.domain(here, "severities: rule "+strconv.Itoa(n+1), d)
		}
	}
}

func (v incidentsValidation) domain(path []string, who, domain string) {
	if !slices.Contains(v.domains, domain) {
		v.bad(path, "%s: no check has domain %q%s There are %s", who, domain, declare.DidYouMean(domain, v.domains), orNone(v.domains))
	}
}

func (v incidentsValidation) alerts() {
	if token := v.Alerts.Token.Reveal(); token != "" && len(token) < shortestToken {
		v.bad(at("alerts", "token"), "alerts: the token has %d characters; at least %d, such as those of: openssl rand -hex 24", len(token), shortestToken)
	}
	for _, host := range v.Alerts.Links {
		if !hostForm.MatchString(host) {
			v.bad(at("alerts", "links"), "alerts: %q is not a host; write alertmanager.example.com", host)
		}
	}
	if v.Alerts.Token != "" && len(v.Alerts.Names) > 0 && v.Fallback == "" {
		v.bad(at("alerts", "names"), "alerts open incidents, and fallback names no channel: nobody would be told or called of one that gets no channel of its own; "+
			"give the id of one that the bot is in, such as fallback: C0123456789")
	}
	for _, name := range v.t.keys("incidents", "alerts", "names") {
		rule, path := v.Alerts.Names[name], at("alerts", "names", name)
		if !alertForm.MatchString(name) {
			v.bad(path, "alert %q cannot be the name of an alert", name)
		}
		if rule.Severity != "" && !slices.Contains(severities, rule.Severity) {
			v.bad(append(path, "severity"), "alert %s: there is no severity %q; one of %s", name, rule.Severity, strings.Join(severities, ", "))
		}
		if rule.Domain != "" {
			v.domain(append(path, "domain"), "alert "+name, rule.Domain)
		}
	}
}

// templates are tried only where the file gives some: the built-in ones are.
func (v incidentsValidation) templates(rules incidents.Rules) {
	known := incidents.Templates()
	for name, text := range v.Templates {
		switch {
		case !slices.Contains(known, name):
			v.bad(at("templates", name), "there is no template %q%s There are %s", name, declare.DidYouMean(name, known), strings.Join(known, ", "))
		case strings.TrimSpace(text) == "":
			v.bad(at("templates", name), "template %s is empty; leave it out for the built-in one", name)
		default:
			one := rules
			one.Templates = map[string]string{name: text}
			for _, err := range one.CheckTemplates() {
				v.bad(at("templates", name), "%s", err)
			}
		}
	}
}

func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}
