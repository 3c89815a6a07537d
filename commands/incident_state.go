package commands

import (
	"context"
	"strings"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

// severityCommand says how bad it is.
func severityCommand(env Env) Command {
	const example = "incident severity %s P1"
	c := moveFound(env, Command{
		Name: "incident severity", Args: "[incident] <P0 | P1 | P2 | P3>", Summary: "say how bad it is",
		Examples: []string{"incident severity P1"},
	}, refAnywhere(whichIncident), example, func(_ context.Context, c Call, i incidents.Incident) (moving, error) {
		to, err := severityWord(c.Args, "incident severity "+i.Ref()+" P1")
		if err != nil {
			return moving{}, err
		}
		moved, err := i.SetSeverity(by(env, c), to, env.Incidents.Rules)
		return moving{
			to: []incidents.Incident{moved}, before: string(i.Severity), after: string(to),
			says: message.Join(i.Ref(), ": severity ", string(i.Severity), " → ", message.Strong(string(to)), ", by ", byWhom(c), "."),
		}, err
	})
	c.Form = formOf(env, example, func(_ Call, i incidents.Incident) *message.Form {
		return &message.Form{
			Title: "Severity of " + i.Ref(), Verb: "incident severity", Ref: i.Ref(), Submit: "Set it",
			Fields: []message.Field{{Label: "How bad is it?", Kind: message.FieldChoice, Options: severityOptions(), Value: string(i.Severity)}},
		}
	})
	return c
}

func severityWord(args []string, example string) (incidents.Severity, error) {
	if len(args) > 1 {
		if _, err := severityWord(args[:1], example); err == nil {
			return "", badInput("I do not understand \"%s\" behind the severity.", clip(strings.Join(args[1:], " "))).try(example)
		}
	}
	if len(args) != 1 {
		return "", badInput("Which severity? It is one of P0, P1, P2, P3; P0 is the worst.").try(example)
	}
	switch s := incidents.Severity(strings.ToUpper(args[0])); s {
	case incidents.P0, incidents.P1, incidents.P2, incidents.P3:
		return s, nil
	}
	return "", badInput("\"%s\" is no severity; it is one of P0, P1, P2, P3; P0 is the worst.", clip(args[0])).try(example)
}

func severityOptions() []message.Option {
	return []message.Option{
		{Value: "P0", Label: "P0: customers lose money or orders"},
		{Value: "P1", Label: "P1: customers see wrong data"},
		{Value: "P2", Label: "P2: wrong inside, customers do not see it"},
		{Value: "P3", Label: "P3: can wait for working hours"},
	}
}

// statusCommand says where it stands, or sets it.
func statusCommand(env Env) Command {
	const example = "incident status %s identified"
	set := moveFound(env, Command{
		Name: "incident status", Args: "[incident] [investigating | identified | fixing | monitoring]",
		Summary:  "where it stands, or where it stands from now on",
		Examples: []string{"incident status", "incident status identified"},
	}, refAnywhere(whichIncident), example, func(_ context.Context, c Call, i incidents.Incident) (moving, error) {
		to, err := statusWord(c.Args, i)
		if err != nil {
			return moving{}, err
		}
		moved, err := i.SetStatus(by(env, c), to)
		return moving{
			to: []incidents.Incident{moved}, before: string(i.Status), after: string(to),
			says: message.Join(i.Ref(), ": ", string(i.Status), " → ", message.Strong(string(to)), ", by ", byWhom(c), "."),
		}, err
	})
	change, show := set.Prepare, showing(env, example, incidents.Summary)
	set.General = rightReadIncidents
	set.Needs = func(_ context.Context, c Call) ([]authz.Permission, error) {
		if onlyNamed(c) {
			return []authz.Permission{rightReadIncidents}, nil
		}
		return []authz.Permission{rightManage}, nil
	}
	set.Prepare = func(ctx context.Context, c Call) (Prepared, error) {
		if onlyNamed(c) {
			return show(ctx, c)
		}
		return change(ctx, c)
	}
	return set
}

// onlyNamed tells whether nothing but the incident is said.
func onlyNamed(c Call) bool {
	return len(c.Args) == 0 || len(c.Args) == 1 && incidentForm.MatchString(c.Args[0])
}

func statusWord(args []string, i incidents.Incident) (incidents.Status, error) {
	example := "incident status " + i.Ref() + " identified"
	known := []string{string(incidents.Investigating), string(incidents.Identified), string(incidents.Fixing), string(incidents.Monitoring)}
	if len(args) != 1 {
		return "", badInput("One status at a time: %s.", strings.Join(known, ", ")).try(example)
	}
	word := strings.ToLower(args[0])
	switch word {
	case "resolved", "resolve", "closed", "done":
		return "", badInput("An incident is resolved by its own command, which looks at the checks first.").try("incident resolve " + i.Ref())
	case "declined":
		return "", badInput("That it was none is said by its own command, with the reason.").try("incident decline " + i.Ref() + " 'the test data were wrong'")
	}
	for _, k := range known {
		if word == k {
			return incidents.Status(word), nil
		}
	}
	if near := nearest(word, known); near != "" {
		return "", badInput("There is no status \"%s\". Did you mean %s?", clip(args[0]), near).try("incident status " + i.Ref() + " " + near)
	}
	return "", badInput("There is no status \"%s\"; there are %s.", clip(args[0]), strings.Join(known, ", ")).try(example)
}

// leadCommand says who leads.
func leadCommand(env Env) Command {
	const example = "incident lead %s me"
	c := moveFound(env, Command{
		Name: "incident lead", Args: "[incident] <@person | me | nobody>", Summary: "say who leads it",
		Examples: []string{"incident lead @alice", "incident lead me"},
	}, refAnywhere(whichIncident), example, func(ctx context.Context, c Call, i incidents.Incident) (moving, error) {
		again := "incident lead " + i.Ref() + " me"
		if len(c.Args) != 1 {
			return moving{}, badInput("Who leads it? Mention one person.").try(again)
		}
		user := ""
		if !strings.EqualFold(c.Args[0], "nobody") {
			var err error
			if user, err = person(c, c.Args[0], again); err != nil {
				return moving{}, err
			}
			if err := mayLead(ctx, env, c, user, again); err != nil {
				return moving{}, err
			}
		}
		moved, err := i.SetLead(by(env, c), user)
		return moving{to: []incidents.Incident{moved}, before: i.Lead, after: user, says: leads(c, i, user)}, err
	})
	c.Form = formOf(env, example, func(_ Call, i incidents.Incident) *message.Form {
		return &message.Form{
			Title: "Who leads " + i.Ref() + "?", Verb: "incident lead", Ref: i.Ref(), Submit: "Make lead",
			Fields: []message.Field{{Label: "Lead", Kind: message.FieldPerson, Value: i.Lead, Hint: "decides what is done next, and sees to it that people are told"}},
		}
	})
	return c
}

func leads(c Call, i incidents.Incident, user string) message.Line {
	switch user {
	case "":
		return message.Join("Nobody leads ", i.Ref(), " any more, says ", byWhom(c), ".")
	case c.Request.Actor.User:
		return message.Join(byWhom(c), " leads ", i.Ref(), ".")
	}
	return message.Join(message.Mention(user), " leads ", i.Ref(), ", says ", byWhom(c), ".")
}

// claimCommand makes the asker the lead where nobody is: the other end of a button.
func claimCommand(env Env) Command {
	return moveFound(env, Command{
		Name: "incident claim", Args: "[incident]", Summary: "lead it, if nobody does", Hidden: true,
		Examples: []string{"incident claim"},
	}, toClaim, "incident claim %s", func(_ context.Context, c Call, i incidents.Incident) (moving, error) {
		if err := onlyIncident(c, "incident claim", i); err != nil {
			return moving{}, err
		}
		moved, err := i.Claim(by(env, c))
		return moving{to: []incidents.Incident{moved}, after: c.Request.Actor.User, says: leads(c, i, c.Request.Actor.User)}, err
	})
}

// toClaim finds a private incident anywhere while it has no channel: somebody has to be
// able to take care of it.
func toClaim(ctx context.Context, env Env, c Call, example string) (incidents.Incident, Call, error) {
	i, rest, err := anyIncident(ctx, env, c, example)
	if err == nil && i.Room.Channel != "" && hidden(c, i) {
		return incidents.Incident{}, rest, errPrivate(i)
	}
	return i, rest, err
}

// causeCommand says what the cause is.
func causeCommand(env Env) Command {
	return moveCommand(env, Command{
		Name: "incident cause", Args: "[incident] <text>", Summary: "say what the cause is; it is identified then",
		Examples: []string{"incident cause 'rollout 41 writes orders without customers'"},
	}, "incident cause %s 'rollout 41 writes orders without customers'", func(_ context.Context, c Call, i incidents.Incident) (moving, error) {
		text, err := sentence(c.Args, "What is the cause? Say it in a few words.", "incident cause "+i.Ref()+" 'rollout 41 writes orders without customers'")
		if err != nil {
			return moving{}, err
		}
		moved, err := i.SetCause(by(env, c), text)
		return moving{
			to: []incidents.Incident{moved}, before: clip(i.Cause), after: clip(text),
			says: message.Join("Cause of ", i.Ref(), ": ", text, " (", byWhom(c), ")"),
		}, err
	})
}

// maxSaid is how long a text may be that goes into the records of an incident.
const maxSaid = 1000

// oneLine is a text as it stands in one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// sentence is what is left of a call's words as one text.
func sentence(words []string, missing, example string) (string, error) {
	text := oneLine(strings.Join(words, " "))
	switch {
	case text == "":
		return "", badInput("%s", missing).try(example)
	case len([]rune(text)) > maxSaid:
		return "", badInput("That is %d characters long; at most %d are kept.", len([]rune(text)), maxSaid).try(example)
	}
	return text, nil
}

func onlyIncident(c Call, name string, i incidents.Incident) error {
	if len(c.Args) > 0 {
		return badInput("%s takes nothing behind the incident; I do not understand \"%s\".", name, clip(strings.Join(c.Args, " "))).try(name + " " + i.Ref())
	}
	return nil
}

// formOf opens a form where nothing was said but the incident.
func formOf(env Env, example string, form func(c Call, i incidents.Incident) *message.Form) func(context.Context, Call) (*message.Form, error) {
	return func(ctx context.Context, c Call) (*message.Form, error) {
		if !onlyNamed(c) {
			return nil, nil
		}
		i, rest, err := whichIncident(ctx, env, c, example)
		if err != nil || i.Status.Over() {
			return nil, err
		}
		return form(rest, i), nil
	}
}
