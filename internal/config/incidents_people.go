package config

import (
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/declare"
)

func (v incidentsValidation) audience(name string, a Audience) {
	path := at("audiences", name)
	who := "audience " + name
	if !nameForm.MatchString(name) {
		v.bad(path, "audience %q: a name has lower-case letters, digits and hyphens", name)
	}
	for _, show := range a.Shows {
		if !slices.Contains(shows, show) {
			v.bad(append(path, "shows"), "%s: nothing is called %q%s It may be shown %s", who, show, declare.DidYouMean(show, shows), strings.Join(shows, ", "))
		}
	}
	for _, template := range a.Templates {
		if known := incidents.Templates(); !slices.Contains(known, template) {
			v.bad(append(path, "templates"), "%s: there is no template %q%s There are %s", who, template, declare.DidYouMean(template, known), strings.Join(known, ", "))
		}
	}
	v.updates(append(path, "updates"), who, a.Updates)
	if len(a.To) == 0 {
		v.bad(path, "%s is told nowhere: list destinations, such as to: [{channel: incident}]", who)
	}
	for n, d := range a.To {
		v.destination(append(path, "to", strconv.Itoa(n)), who, n, d)
	}
}

func (v incidentsValidation) destination(path []string, who string, n int, d Destination) {
	given := d.rules()
	if len(given) != 1 {
		v.bad(path, "%s: destination %d gives %d of channel, person, group, email and webhook; give exactly one", who, n+1, len(given))
		return
	}
	to := given[0].To
	switch given[0].Kind {
	case incidents.ToChannel:
		if to != ownChannel && !channelForm.MatchString(to) {
			v.bad(path, "%s: %q is not a channel id (C… or G…), nor incident, which is the incident's own", who, to)
		}
	case incidents.ToPerson:
		if !userForm.MatchString(to) {
			v.bad(path, "%s: %q is not a Slack user id (U… or W…)", who, to)
		}
	case incidents.ToGroup:
		if !groupForm.MatchString(to) {
			v.bad(path, "%s: %q is not a user-group id (S…)", who, to)
		}
	case incidents.ToEmail:
		if parsed, err := mail.ParseAddress(to); err != nil || parsed.Address != to {
			v.bad(path, "%s: %q is not an email address; write name@example.com", who, to)
		}
	case incidents.ToWebhook:
		if names := v.t.keys("notify", "webhooks"); !slices.Contains(names, to) {
			v.bad(path, "%s: notify.webhooks has no %q%s There are %s", who, to, declare.DidYouMean(to, names), orNone(names))
		}
	}
}

func (v incidentsValidation) level(name string, l Level) {
	path := at("levels", name)
	if !levelForm.MatchString(name) {
		v.bad(path, "level %q: a name has letters, digits and hyphens, such as L1", name)
	}
	for other := range v.Levels {
		if other < name && strings.EqualFold(other, name) {
			v.bad(path, "levels %s and %s differ in case alone", other, name)
		}
	}
	if len(l.Groups)+len(l.Users) == 0 {
		v.bad(path, "level %s calls nobody: list groups or users", name)
	}
	for _, g := range l.Groups {
		if !groupForm.MatchString(g) {
			v.bad(append(path, "groups"), "level %s: %q is not a user-group id (S…)", name, g)
		}
	}
	for _, u := range l.Users {
		if !userForm.MatchString(u) {
			v.bad(append(path, "users"), "level %s: %q is not a Slack user id (U… or W…)", name, u)
		}
	}
	if l.After.Std() < leastInterval || l.After.Std() > 24*time.Hour {
		v.bad(append(path, "after"), "level %s: after is %s; 1m to 24h", name, l.After.Std())
	}
}
