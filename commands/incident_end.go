package commands

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// declineCommand ends what was no incident. While a check says something else that takes
// what it takes to resolve it all the same.
func declineCommand(env Env) Command {
	return moveCommand(env, Command{
		Name: "incident decline", Args: "[incident] <why>", Summary: "end it: it was none",
		Examples: []string{"incident decline 'the test data were wrong'", "incident decline 'the test data were wrong' --because 'those rows are test orders'"},
		Flags:    func(set *pflag.FlagSet) { set.String(flagBecause, "", "'those rows are test orders'") },
		Needs:    overrideNeeds,
	}, "incident decline %s 'the test data were wrong'", func(ctx context.Context, c Call, i incidents.Incident) (moving, error) {
		why, err := sentence(c.Args, "Why was it none? Say it in a few words.", "incident decline "+i.Ref()+" 'the test data were wrong'")
		if err != nil {
			return moving{}, err
		}
		v, err := viewOf(ctx, env, i.ID)
		if err != nil {
			return moving{}, err
		}
		because, _ := c.Flags.GetString(flagBecause)
		moved, err := incidents.Decline(v, env.Incidents, by(env, c), why, oneLine(because))
		if err != nil {
			return moving{}, notDeclined(env, v, because, err)
		}
		m := moving{
			to: []incidents.Incident{moved}, before: string(i.Status), after: string(incidents.Declined), args: map[string]string{"why": clip(why)},
			says: message.Join(i.Ref(), " was no incident, says ", byWhom(c), ": ", why),
		}
		if override := moved.End.Override; override != "" {
			m.rule, m.args["override"] = overridden, clip(override)
			m.parts = []message.Part{{Lines: []message.Line{message.Text("Not all of its checks have passed; it ends all the same: %s", override)}}}
		}
		return m, nil
	})
}

// notDeclined says how it can end all the same, where a reason would do.
func notDeclined(env Env, v incidents.View, because string, err error) error {
	err = notMoved(err)
	var bad *InputError
	if !errors.As(err, &bad) || because != "" {
		return err
	}
	if _, err := incidents.Decline(v, env.Incidents, incidents.Move{}, "it was none", "a reason that is long enough"); err != nil {
		return bad
	}
	bad.Sentence += " If it was none all the same, say why with --because" + whoOverrides(env) + "."
	return bad.by("checks have not passed")
}

// mergeCommand ends one that goes on as another one.
func mergeCommand(env Env) Command {
	const example = "incident merge %s INC-13"
	c := moveCommand(env, Command{
		Name: "incident merge", Args: "[incident] <incident>", Summary: "end it: it goes on as another one",
		Examples: []string{"incident merge INC-13", "incident merge INC-12 INC-13"},
	}, example, func(ctx context.Context, c Call, i incidents.Incident) (moving, error) {
		again := "incident merge " + i.Ref() + " INC-13"
		if len(c.Args) != 1 {
			return moving{}, badInput("Into which incident? Name one, or two: the one that ends and the one that goes on.").try(again)
		}
		other, err := incidentNamed(ctx, env, c.Args[0])
		if err != nil {
			return moving{}, err
		}
		v, err := viewOf(ctx, env, i.ID)
		if err != nil {
			return moving{}, err
		}
		if hidden(c, other) {
			return moving{}, errPrivate(other)
		}
		from, into, err := incidents.Merge(v, by(env, c), other)
		return merged(env, c, i, from, into), err
	})
	prepare := c.Prepare
	c.Prepare = func(ctx context.Context, c Call) (Prepared, error) {
		return prepare(ctx, fromHere(ctx, env, c))
	}
	return c
}

// merged says it in both channels. Of a private one the other channel reads its name alone.
func merged(env Env, c Call, i, from, into incidents.Incident) moving {
	return moving{
		to: []incidents.Incident{from, into}, before: string(i.Status), after: string(incidents.Merged), args: map[string]string{"into": into.Ref()},
		says:  message.Join(i.Ref(), " goes on as ", calledTo(into), ", says ", byWhom(c), "."),
		posts: []message.Post{incidents.MergedPost(from, into, by(env, c))},
		events: []audit.Event{{
			Action: "incident.merge", Incident: into.Ref(), Target: into.Ref(), Decision: "allowed", Outcome: audit.Done,
			Args: map[string]string{"from": from.Ref(), "into": into.Ref()},
		}},
	}
}

// calledTo is an incident to those who deal with another one.
func calledTo(i incidents.Incident) message.Line {
	if i.Private {
		return message.Text("%s", i.Ref())
	}
	return message.Join(i.Ref(), " (", i.Title, ")", inPlace(i))
}

// fromHere puts the channel's incident before the only one that is named: that is the one
// into which it goes.
func fromHere(ctx context.Context, env Env, c Call) Call {
	if len(c.Args) != 1 {
		return c
	}
	if here, err := env.Archive.IncidentIn(ctx, c.Request.Channel); err == nil {
		c.Args = []string{here.Ref(), c.Args[0]}
	}
	return c
}

// reopenCommand opens one again that was resolved and is still watched.
func reopenCommand(env Env) Command {
	return moveCommand(env, Command{
		Name: "incident reopen", Args: "[incident] <why>", Summary: "open one again that was just resolved",
		Examples: []string{"incident reopen 'totals are wrong again'"},
	}, "incident reopen %s 'totals are wrong again'", func(_ context.Context, c Call, i incidents.Incident) (moving, error) {
		why, err := sentence(c.Args, "Why is it open again? Say it in a few words.", "incident reopen "+i.Ref()+" 'totals are wrong again'")
		if err != nil {
			return moving{}, err
		}
		moved, err := i.Reopen(by(env, c), why, env.Incidents.Rules)
		return moving{
			to: []incidents.Incident{moved}, before: string(i.Status), after: string(moved.Status), args: map[string]string{"why": clip(why)},
			says: message.Join(i.Ref(), " is open again, says ", byWhom(c), ": ", why),
		}, err
	})
}
