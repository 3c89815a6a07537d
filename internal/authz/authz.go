// Package authz decides who may do what. It denies by default, knows people
// and groups only by immutable ids, and never looks anything up: the caller
// brings the facts.
package authz

import (
	"fmt"
	"slices"
	"strings"
)

// Permission is what an act needs, as "verb:object": check:orders, audit:read.
type Permission string

// Subject is a person as Slack describes them at this moment.
type Subject struct {
	Enterprise, Team, User string
	// Groups are the ids of the user groups the person is in now.
	Groups []string
	// Guest, Bot, Deactivated, Outsider (another organisation): may not act.
	Guest, Bot, Deactivated, Outsider bool
}

// Role grants permissions to people and groups.
type Role struct {
	Name string `yaml:"-"`
	// Users are Slack user ids ("U…" or "W…"), Groups user-group ids ("S…").
	Users  []string `yaml:"users"`
	Groups []string `yaml:"groups"`
	// Permissions are patterns: "check:*", "fix:orders", "*".
	Permissions []string `yaml:"permissions"`
}

// Policy is the whole of the access rules.
type Policy struct {
	Roles []Role
}

// Decision is the answer to one question, with the rule that gave it.
type Decision struct {
	Allowed bool
	// Rule names what decided: "role responders", "guests may not act".
	Rule string
	// Reason says for a refusal, in a sentence for the person, why.
	Reason string
	// Holders are the roles that have the permission, for the sentence that
	// says whom to ask.
	Holders []string
}

// Decide answers whether the subject may do what needs the permission.
func (p Policy) Decide(s Subject, need Permission) Decision {
	if d, barred := barredBecause(s); barred {
		return d
	}
	var holders []string
	for _, r := range p.Roles {
		if !r.grants(need) {
			continue
		}
		if r.has(s) {
			return Decision{Allowed: true, Rule: "role " + r.Name}
		}
		holders = append(holders, r.Name)
	}
	return Decision{
		Rule:    "no role grants " + string(need),
		Reason:  fmt.Sprintf("This needs the permission %s, which you do not have here.", need),
		Holders: holders,
	}
}

// Holders are the names of the roles that grant a permission.
func (p Policy) Holders(need Permission) []string {
	var names []string
	for _, r := range p.Roles {
		if r.grants(need) {
			names = append(names, r.Name)
		}
	}
	return names
}

// RolesOf lists the names of the roles the subject is in.
func (p Policy) RolesOf(s Subject) []string {
	var names []string
	for _, r := range p.Roles {
		if r.has(s) {
			names = append(names, r.Name)
		}
	}
	return names
}

// Barred answers for the people who may not act at all, whatever their roles.
func (p Policy) Barred(s Subject) (Decision, bool) { return barredBecause(s) }

func barredBecause(s Subject) (Decision, bool) {
	switch {
	case s.User == "":
		return Decision{Rule: "unknown person", Reason: "Slack did not say who you are, so nothing was done."}, true
	case s.Deactivated:
		return Decision{Rule: "deactivated accounts may not act", Reason: "This account is deactivated and may not use the bot."}, true
	case s.Bot:
		return Decision{Rule: "bots may not act", Reason: "Bots and workflows may not use the bot: a person has to ask."}, true
	case s.Outsider:
		return Decision{Rule: "outsiders may not act", Reason: "You are from another organisation; only members of this one may use the bot."}, true
	case s.Guest:
		return Decision{Rule: "guests may not act", Reason: "Guests may not use the bot; ask a full member of this workspace."}, true
	}
	return Decision{}, false
}

func (r Role) has(s Subject) bool {
	if slices.Contains(r.Users, s.User) {
		return true
	}
	return slices.ContainsFunc(s.Groups, func(g string) bool { return slices.Contains(r.Groups, g) })
}

func (r Role) grants(need Permission) bool {
	return slices.ContainsFunc(r.Permissions, func(pattern string) bool { return matches(pattern, need) })
}

// matches knows three forms of pattern: "*", "verb:*" and "verb:object".
func matches(pattern string, need Permission) bool {
	if pattern == "*" || pattern == string(need) {
		return true
	}
	verb, ok := strings.CutSuffix(pattern, ":*")
	return ok && strings.HasPrefix(string(need), verb+":")
}
