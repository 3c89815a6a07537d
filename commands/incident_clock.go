package commands

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

// snoozeCommand puts off the next update.
func snoozeCommand(env Env) Command {
	return moveFound(env, Command{
		Name: "incident snooze", Args: "[incident] [audience]", Summary: "put off the next update to an audience, once",
		Examples: []string{"incident snooze executives", "incident snooze"},
	}, refAnywhere(whichIncident), "incident snooze %s", func(_ context.Context, c Call, i incidents.Incident) (moving, error) {
		audience, err := clockOf(c, i, "incident snooze "+i.Ref())
		if err != nil {
			return moving{}, err
		}
		moved, err := i.Snooze(by(env, c), audience, env.Incidents.Rules)
		if err != nil {
			return moving{}, err
		}
		off, until := putOff(i, moved)
		return moving{
			to: []incidents.Incident{moved}, args: map[string]string{"audience": strings.Join(off, ","), "until": until.UTC().Format(time.RFC3339)},
			says: message.Join("The next update to ", titles(env, off), " is due ", message.At(until), ", put off by ", byWhom(c), "."),
		}, nil
	})
}

// clockOf reads for which audience a clock is meant; empty: none is named.
func clockOf(c Call, i incidents.Incident, command string) (string, error) {
	var known []string
	for name := range i.Clocks {
		known = append(known, name)
	}
	slices.Sort(known)
	switch {
	case len(c.Args) == 0:
		return "", nil
	case len(c.Args) > 1:
		return "", badInput("One audience at a time.").try(strings.TrimSpace(command + " " + c.Args[0]))
	case len(known) == 0:
		return "", badInput("No update of %s is due at a set time.", i.Ref()).try("incident update " + i.Ref())
	}
	word := strings.ToLower(c.Args[0])
	if slices.Contains(known, word) {
		return word, nil
	}
	if near := nearest(word, known); near != "" {
		return "", badInput("No update is due to \"%s\". Did you mean %s?", clip(c.Args[0]), near).try(command + " " + near)
	}
	return "", badInput("No update is due to \"%s\"; one is due to %s.", clip(c.Args[0]), strings.Join(known, ", ")).try(command + " " + known[0])
}

// putOff are the audiences whose clocks differ, and when the first of them is due now.
func putOff(from, to incidents.Incident) (audiences []string, until time.Time) {
	for name, now := range to.Clocks {
		if now.Due.Equal(from.Clocks[name].Due) {
			continue
		}
		audiences = append(audiences, name)
		if until.IsZero() || now.Due.Before(until) {
			until = now.Due
		}
	}
	slices.Sort(audiences)
	return audiences, until
}

// titles are the names of audiences as people read them.
func titles(env Env, audiences []string) string {
	var out []string
	for _, name := range audiences {
		title := name
		for _, a := range env.Incidents.Rules.Audiences {
			if a.Name == name && a.Title != "" {
				title = strings.ToLower(a.Title)
			}
		}
		out = append(out, title)
	}
	return strings.Join(out, ", ")
}

// ackCommand says that somebody came who was called: the other end of a button, which
// those who are called have in direct messages, too. They need no other right to come.
func ackCommand(env Env) Command {
	const example = "incident ack %s"
	return moveFound(env, Command{
		Name: "incident ack", Args: "[incident]", Summary: "say that you come, so that nobody else is called", Hidden: true,
		Examples: []string{"incident ack"},
		Needs: func(ctx context.Context, c Call) ([]authz.Permission, error) {
			i, _, err := toCome(ctx, env, c, example)
			if err != nil || i.Calls(c.Request.Actor.User) {
				return nil, err
			}
			return []authz.Permission{rightManage}, nil
		},
	}, toCome, example, func(_ context.Context, c Call, i incidents.Incident) (moving, error) {
		if err := onlyIncident(c, "incident ack", i); err != nil {
			return moving{}, err
		}
		rule := ""
		if i.Calls(c.Request.Actor.User) {
			rule = "is called to it"
		}
		moved, err := i.Acknowledge(by(env, c))
		return moving{
			to: []incidents.Incident{moved}, after: c.Request.Actor.User, rule: rule,
			says: message.Join(byWhom(c), " is on it; nobody else is called for ", i.Ref(), "."),
		}, err
	})
}

// toCome finds an incident for somebody who is called to it, wherever that is; for others
// as always.
func toCome(ctx context.Context, env Env, c Call, example string) (incidents.Incident, Call, error) {
	i, rest, err := anyIncident(ctx, env, c, example)
	if err == nil && hidden(c, i) && !i.Calls(c.Request.Actor.User) {
		return incidents.Incident{}, rest, errPrivate(i)
	}
	return i, rest, err
}
