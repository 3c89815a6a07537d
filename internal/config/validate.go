package config

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var (
	// Names are typed in Slack and stand in file names.
	nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	// Slack's rule for command words (app manifest reference): 32 characters.
	wordForm       = regexp.MustCompile(`^/[a-z0-9_-]{1,31}$`)
	userForm       = regexp.MustCompile(`^[UW][A-Z0-9]{2,}$`)
	groupForm      = regexp.MustCompile(`^S[A-Z0-9]{2,}$`)
	permissionForm = regexp.MustCompile(`^(\*|[a-z]+:(\*|[a-z0-9-]+))$`)
	currencyForm   = regexp.MustCompile(`^[A-Z]{3}$`)
	severities     = []string{"P0", "P1", "P2", "P3"}
)

func (c *Config) validate(t tree, p *Problems) {
	c.validateSlack(t, p)
	if c.Worker.Runs < 1 || c.Worker.Runs > 100 {
		p.add(t.line("worker", "runs"), "worker.runs is %d; 1 to 100", c.Worker.Runs)
	}
	if c.Store.MaxConns < 4 || c.Store.MaxConns > 1000 {
		p.add(t.line("store", "max_conns"), "store.max_conns is %d; 4 to 1000", c.Store.MaxConns)
	}
	if c.Store.KeepImages < 0 {
		p.add(t.line("store", "keep_images"), "store.keep_images cannot be negative")
	}
	for _, name := range t.keys("targets") {
		c.validateTarget(t, p, name)
	}
	for _, name := range t.keys("roles") {
		c.validateRole(t, p, name)
	}
	for i := range c.declared {
		c.validateCheck(t, p, c.declared[i])
		c.declare(t, p, &c.declared[i])
		c.declared[i].Check.Off = !c.Targets[c.declared[i].Check.Target].On()
	}
	c.Notify.validate(t, p)
	c.validateIncidents(t, p)
}

func (c *Config) validateSlack(t tree, p *Problems) {
	s := c.Slack
	if s.AppToken != "" && !strings.HasPrefix(s.AppToken.Reveal(), "xapp-") {
		p.add(t.line("slack", "app_token"), "slack.app_token must begin with xapp-: it is the app-level token with the scope connections:write")
	}
	if s.BotToken != "" && !strings.HasPrefix(s.BotToken.Reveal(), "xoxb-") {
		p.add(t.line("slack", "bot_token"), "slack.bot_token must begin with xoxb-: it is the bot token of the installed app")
	}
	u, err := url.Parse(s.APIURL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		p.add(t.line("slack", "api_url"), "slack.api_url is not an address; Slack's is https://slack.com/api/")
	}
	if !wordForm.MatchString(s.Command) {
		p.add(t.line("slack", "command"), "slack.command %q is not a command word; write /integrity", s.Command)
	}
	if s.Connections < 1 || s.Connections > 9 {
		p.add(t.line("slack", "connections"), "slack.connections is %d; 1 to 9: Slack allows an app 10 in all, and a refresh needs a spare one", s.Connections)
	}
}

func (c *Config) validateTarget(t tree, p *Problems, name string) {
	line := t.line("targets", name)
	if !nameForm.MatchString(name) {
		p.add(line, "target %q: a name has lower-case letters, digits and hyphens", name)
	}
	one := c.Targets[name]
	switch kinds := one.kinds(); len(kinds) {
	case 0:
		p.add(line, "target %s: give its kind: postgres, kafka, redis or kubernetes", name)
	case 1:
	default:
		p.add(line, "target %s is both %s; write a target of its own for each", name, strings.Join(kinds, " and "))
	}
	if one.Kafka != nil {
		one.Kafka.validate(t, p, name)
	}
	if one.Redis != nil {
		one.Redis.validate(t, p, name)
	}
	if one.Kubernetes != nil {
		one.Kubernetes.validate(t, p, name)
	}
}

func (c *Config) validateRole(t tree, p *Problems, name string) {
	r := c.Roles[name]
	line := t.line("roles", name)
	if !nameForm.MatchString(name) {
		p.add(line, "role %q: a name has lower-case letters, digits and hyphens", name)
	}
	for _, u := range r.Users {
		if !userForm.MatchString(u) {
			p.add(t.line("roles", name, "users"), "role %s: %q is not a Slack user id (U… or W…); names can be changed by anyone", name, u)
		}
	}
	for _, g := range r.Groups {
		if !groupForm.MatchString(g) {
			p.add(t.line("roles", name, "groups"), "role %s: %q is not a user-group id (S…)", name, g)
		}
	}
	if len(r.Users)+len(r.Groups) == 0 {
		p.add(line, "role %s is given to nobody: list users or groups", name)
	}
	if len(r.Permissions) == 0 {
		p.add(line, "role %s permits nothing: list permissions, such as check:*", name)
	}
	for _, perm := range r.Permissions {
		if !permissionForm.MatchString(perm) {
			p.add(t.line("roles", name, "permissions"), "role %s: %q is not a permission; write check:*, check:orders, audit:read or *", name, perm)
		}
	}
}

func (c *Config) validateCheck(t tree, p *Problems, d Declared) {
	k := d.Check
	at := func(key string) int { return t.line("checks", k.Name, key) }
	if !nameForm.MatchString(k.Name) || k.Name == "all" {
		p.add(d.Line, "check %q: a name has lower-case letters, digits and hyphens, and is not \"all\"", k.Name)
	}
	if !nameForm.MatchString(k.Domain) || k.Domain == "all" {
		p.add(at("domain"), "check %s: domain %q is not a name with lower-case letters, digits and hyphens", k.Name, k.Domain)
	}
	if _, ok := c.Targets[k.Target]; !ok {
		p.add(at("target"), "check %s: there is no target %q; there are %s", k.Name, k.Target, orNone(t.keys("targets")))
	}
	if !slices.Contains(severities, k.Severity) {
		p.add(at("severity"), "check %s: severity %q; one of P0, P1, P2, P3", k.Name, k.Severity)
	}
	if k.Currency != "" && !currencyForm.MatchString(k.Currency) {
		p.add(at("currency"), "check %s: currency %q is not an ISO 4217 code such as USD", k.Name, k.Currency)
	}
	if k.Timeout < 0 {
		p.add(at("timeout"), "check %s: a timeout cannot be negative", k.Name)
	}
	if k.Kind == "" {
		p.add(d.Line, "check %s: give its kind", k.Name)
	}
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
