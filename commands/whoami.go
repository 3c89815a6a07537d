package commands

import (
	"context"
	"strings"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

// whoamiCommand says who the bot thinks the asker is.
func whoamiCommand(env Env) Command {
	return Command{
		Name:     "whoami",
		Summary:  "who I think you are, and what you may do",
		Examples: []string{"whoami"},
		Needs:    nothing,
		Prepare: func(_ context.Context, c Call) (Prepared, error) {
			if len(c.Args) > 0 {
				return Prepared{}, badInput("whoami takes nothing behind it.").try("whoami")
			}
			return Prepared{Reply: whoami(env.Policy, c)}, nil
		},
	}
}

func whoami(policy authz.Policy, c Call) *message.Message {
	s := c.Subject
	roles := policy.RolesOf(s)
	m := &message.Message{Headline: message.Join("You are ", message.Mention(s.User), " with ", roleText(roles), ".")}
	var lines []message.Line
	for _, r := range policy.Roles {
		for _, name := range roles {
			if r.Name == name {
				lines = append(lines, message.Join(message.Strong(name), " may ", strings.Join(r.Permissions, ", ")))
			}
		}
	}
	if len(roles) == 0 {
		lines = append(lines, message.Text("You may look at help, and nothing else. Roles are given in the bot's config to user ids and user groups."))
	}
	if c.Place.Shared {
		lines = append(lines, message.Text("This channel is shared with another organisation: no row data and no fixes here."))
	}
	m.Parts = []message.Part{{Lines: lines}}
	m.Context = []message.Line{message.Text("user %s · team %s%s · groups %s", s.User, s.Team, enterprise(s), orNone(strings.Join(s.Groups, ", ")))}
	return m
}

func roleText(roles []string) string {
	switch len(roles) {
	case 0:
		return "no role"
	case 1:
		return "the role " + roles[0]
	}
	return "the roles " + strings.Join(roles, ", ")
}

func enterprise(s authz.Subject) string {
	if s.Enterprise == "" {
		return ""
	}
	return " · enterprise " + s.Enterprise
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// nothing is needed: everybody who may act at all may use it.
func nothing(context.Context, Call) ([]authz.Permission, error) { return nil, nil }
