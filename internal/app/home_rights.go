package app

import (
	"strings"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

// rights are what this person may do, and how to begin.
func (h home) rights(s authz.Subject) []message.Part {
	roles := h.policy.RolesOf(s)
	if len(roles) == 0 {
		roles = []string{"none yet: ask an admin of the bot"}
	}
	lines := []message.Line{
		message.Join(message.Strong("What you may do")),
		message.Join("Your roles: ", strings.Join(roles, ", ")),
	}
	lines = append(lines, h.mayCheck(s)...)
	for _, one := range []struct {
		command, does string
		on            []string
	}{
		{"diagnose", "say what went wrong, and why", h.orAll(h.domains(s, "diagnose"))},
		{"fix", "repair, after a preview", h.repairable(s)},
		{"plan", "approve what others want to repair", h.orAll(h.domains(s, "approve"))},
		{"notify", "tell people", h.audiences(s)},
		{"escalate", "call people", h.levels(s)},
	} {
		if len(one.on) > 0 {
			lines = append(lines, message.Join(message.Mono(h.word+" "+one.command), "  "+one.does+": "+strings.Join(one.on, ", ")))
		}
	}
	for _, one := range []struct {
		right         authz.Permission
		command, does string
	}{
		{"incident:declare", "incident declare", "begin an incident"},
		{"incident:manage", "incident", "lead one: severity, status, checklist, notes, the end"},
		{"resolve:override", "incident resolve", "end one although its checks are not green"},
		{"audit:read", "audit", "read who did what"},
	} {
		if h.may(s, one.right) {
			lines = append(lines, message.Join(message.Mono(h.word+" "+one.command), "  "+one.does))
		}
	}
	lines = append(lines, message.Join("Type these in a channel. Everything that you may do: ", message.Mono(h.word+" help")))
	return []message.Part{{Lines: lines}}
}

// mayCheck has a line for each domain whose checks this person may run.
func (h home) mayCheck(s authz.Subject) (lines []message.Line) {
	for _, d := range h.domains(s, "check") {
		checks, _, err := h.catalog.Select(d)
		if err != nil {
			continue
		}
		titles := make([]string, len(checks))
		for i, one := range checks {
			titles[i] = one.Title
		}
		lines = append(lines, message.Join(message.Mono(h.word+" check "+d), "  "+strings.Join(titles, ", ")))
	}
	return lines
}

// domains are those in which this person has a right.
func (h home) domains(s authz.Subject, right string) (domains []string) {
	for _, d := range h.catalog.Domains() {
		if h.may(s, authz.Permission(right+":"+d)) {
			domains = append(domains, d)
		}
	}
	return domains
}

// orAll says in a word that it is all of them.
func (h home) orAll(domains []string) []string {
	if len(domains) > 1 && len(domains) == len(h.catalog.Domains()) {
		return []string{"everything"}
	}
	return domains
}

// repairable are the domains in which something can be repaired, by this person.
func (h home) repairable(s authz.Subject) (domains []string) {
	for _, d := range h.domains(s, "fix") {
		for _, one := range h.catalog {
			if declared, has := h.fixes[one.Name]; one.Domain == d && has && declared.Off == "" {
				domains = append(domains, d)
				break
			}
		}
	}
	return domains
}

func (h home) audiences(s authz.Subject) (titles []string) {
	for _, a := range h.words.Rules.Audiences {
		if h.may(s, authz.Permission("notify:"+a.Name)) {
			titles = append(titles, a.Title)
		}
	}
	return titles
}

func (h home) levels(s authz.Subject) (names []string) {
	for _, l := range h.words.Rules.Levels {
		if h.may(s, authz.Permission("escalate:"+strings.ToLower(l.Name))) {
			names = append(names, l.Name)
		}
	}
	return names
}
