package commands

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
)

// The rights about incidents that are not made of a name.
const (
	rightReadIncidents authz.Permission = "incident:read"
	rightDeclare       authz.Permission = "incident:declare"
	rightManage        authz.Permission = "incident:manage"
	rightOverride      authz.Permission = "resolve:override"
)

// needs asks always for the same.
func needs(rights ...authz.Permission) func(context.Context, Call) ([]authz.Permission, error) {
	return func(context.Context, Call) ([]authz.Permission, error) { return rights, nil }
}

// incidentForm is what a reference to an incident looks like. A number alone is none:
// it may begin a sentence.
var incidentForm = regexp.MustCompile(`^(?i)inc-[0-9]+$`)

// refFirst puts the one word that names an incident before all others, for commands
// whose words are no sentence.
func refFirst(c Call) Call {
	if i := slices.IndexFunc(c.Args, incidentForm.MatchString); i > 0 {
		args := slices.Delete(slices.Clone(c.Args), i, i+1)
		c.Args = append([]string{c.Args[i]}, args...)
	}
	return c
}

// whichIncident gives the incident that a call is about: the one that its first word
// names, which is taken from the call, or the one that holds the channel. A private one is
// nobody's business outside of its channel, and none is in a channel that is shared.
// example is a command that works, with %s where an incident is named.
func whichIncident(ctx context.Context, env Env, c Call, example string) (incidents.Incident, Call, error) {
	i, rest, err := anyIncident(ctx, env, c, example)
	if err == nil && hidden(c, i) {
		return incidents.Incident{}, rest, errPrivate(i)
	}
	return i, rest, err
}

// anyIncident is the same for what shows nothing of a private one.
func anyIncident(ctx context.Context, env Env, c Call, example string) (incidents.Incident, Call, error) {
	if c.Place.Shared {
		return incidents.Incident{}, c, errSharedIncident()
	}
	if len(c.Args) > 0 && incidentForm.MatchString(c.Args[0]) {
		i, err := incidentNamed(ctx, env, c.Args[0])
		c.Args = c.Args[1:]
		return i, c, err
	}
	i, err := env.Archive.IncidentIn(ctx, c.Request.Channel)
	if !errors.Is(err, incidents.ErrNotFound) {
		return i, c, err
	}
	return incidents.Incident{}, c, noIncidentHere(ctx, env, c, example)
}

// whichEver is the same for commands that only read: they know incidents that are over
// by their channel, too.
func whichEver(ctx context.Context, env Env, c Call, example string) (incidents.Incident, Call, error) {
	i, rest, err := whichIncident(ctx, env, c, example)
	var bad *InputError
	if !errors.As(err, &bad) || c.Request.Channel == "" || len(rest.Args) < len(c.Args) {
		return i, rest, err
	}
	all, failed := env.Archive.Incidents(ctx, true, rememberedIncidents)
	if failed != nil {
		return i, rest, failed
	}
	for _, o := range all {
		if o.Incident.Room.Channel == c.Request.Channel {
			return o.Incident, rest, nil
		}
	}
	return i, rest, err
}

// rememberedIncidents is among how many of the newest one is looked for by its channel.
const rememberedIncidents = 200

func incidentNamed(ctx context.Context, env Env, word string) (incidents.Incident, error) {
	id, err := incidents.ParseRef(word)
	if err != nil {
		return incidents.Incident{}, badInput("\"%s\" is not an incident; incidents look like INC-12.", clip(word)).try("incident list")
	}
	i, err := env.Archive.Incident(ctx, id)
	if errors.Is(err, incidents.ErrNotFound) {
		return i, badInput("There is no incident %s.", incidents.Ref(id)).try("incident list --all")
	}
	return i, err
}

// noIncidentHere asks which one is meant. It gives an example only where one alone is
// open: what is copied must not move another one.
func noIncidentHere(ctx context.Context, env Env, c Call, example string) error {
	open, err := env.Archive.Incidents(ctx, false, mostListed)
	if err != nil {
		return err
	}
	var refs []string
	for _, o := range open {
		if !hidden(c, o.Incident) {
			refs = append(refs, o.Incident.Ref())
		}
	}
	switch len(refs) {
	case 0:
		return badInput("No incident is open, neither here nor elsewhere.").try(declareExample(env))
	case 1:
		return badInput("This is not the channel of an open incident. Name the incident.").try(fmt.Sprintf(example, refs[0]))
	}
	return badInput("This is not the channel of an open incident. Name the one that is meant behind the command: %s.", strings.Join(refs, ", ")).try("incident list")
}

// viewOf is everything about an incident, as of now.
func viewOf(ctx context.Context, env Env, id int64) (incidents.View, error) {
	v, err := env.Archive.IncidentView(ctx, id)
	if errors.Is(err, incidents.ErrNotFound) {
		return v, badInput("There is no incident %s.", incidents.Ref(id)).try("incident list --all")
	}
	return v, err
}

// notMoved makes bad input of an incident's refusal to move.
func notMoved(err error) error {
	var r *incidents.Refusal
	if errors.As(err, &r) {
		return &InputError{Sentence: r.Sentence, Try: r.Try, Who: r.Who}
	}
	return err
}

// person reads who is meant: a mention, a Slack user id, or "me".
func person(c Call, word, example string) (string, error) {
	if m := mentionForm.FindStringSubmatch(word); m != nil {
		return m[1], nil
	}
	switch {
	case strings.EqualFold(word, "me"):
		return c.Request.Actor.User, nil
	case userID.MatchString(word):
		return word, nil
	}
	return "", badInput("\"%s\" is not a person; mention one, or give the Slack user id.", clip(word)).try(example)
}

// mayLead refuses a person who may not act, or not move incidents: such a one can lead
// nothing.
func mayLead(ctx context.Context, env Env, c Call, user, example string) error {
	if user == c.Request.Actor.User {
		return nil
	}
	actor := audit.Actor{Kind: audit.Person, Enterprise: c.Request.Actor.Enterprise, Team: c.Request.Actor.Team, User: user}
	s, err := env.Directory.Subject(ctx, actor, false)
	if err != nil {
		return badInput("I could not find out from Slack who that is, so I did nothing.").try(example)
	}
	if d, barred := env.Policy.Barred(s); barred {
		return badInput("That account cannot do this (%s).", d.Rule).try(example)
	}
	if d := env.Policy.Decide(s, rightManage); !d.Allowed {
		return &InputError{Sentence: "Who leads has to move it on, and that person may not: it takes the permission " + string(rightManage) + ".", Who: user, Try: example}
	}
	return nil
}

// membersOf asks who is in a user group.
func membersOf(ctx context.Context, env Env) func(string) ([]string, error) {
	return func(group string) ([]string, error) { return env.Directory.Members(ctx, group) }
}
