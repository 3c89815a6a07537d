package commands

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

// mostListed is how many incidents one message lists.
const mostListed = 30

// incidentCommand shows how the channel's incident stands, or lists those that are open.
func incidentCommand(env Env, registry func() *Registry) Command {
	return Command{
		Name: "incident", Alone: true, Args: "[declare | status | lead | resolve | …]",
		Summary:  "how the incident of this channel stands, or which are open",
		Examples: []string{"incident", declareExample(env), "help incident"},
		General:  rightReadIncidents,
		Needs: func(_ context.Context, c Call) ([]authz.Permission, error) {
			if onlyNamed(c) {
				return []authz.Permission{rightReadIncidents}, nil
			}
			return nil, registry().noSuch("incident", c.Args)
		},
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			_, err := env.Archive.IncidentIn(ctx, c.Request.Channel)
			if len(c.Args) == 0 && err != nil {
				return listed(ctx, env, c, false)
			}
			return showing(env, "incident status %s", incidents.Summary)(ctx, c)
		},
	}
}

// incidentListCommand lists incidents.
func incidentListCommand(env Env) Command {
	return Command{
		Name: "incident list", Under: "incident", Summary: "which incidents are open, the newest first",
		Examples: []string{"incident list", "incident list --all"}, General: rightReadIncidents, Needs: needs(rightReadIncidents),
		Flags: func(set *pflag.FlagSet) { set.Bool("all", false, "those that are over, too") },
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			if len(c.Args) > 0 {
				return Prepared{}, badInput("I do not understand \"%s\" after incident list.", clip(strings.Join(c.Args, " "))).try("incident list --all")
			}
			all, _ := c.Flags.GetBool("all")
			return listed(ctx, env, c, all)
		},
	}
}

func listed(ctx context.Context, env Env, c Call, all bool) (Prepared, error) {
	if c.Place.Shared {
		return Prepared{}, errSharedIncident()
	}
	open, err := env.Archive.Incidents(ctx, all, mostListed)
	if err != nil {
		return Prepared{}, err
	}
	m := incidents.List(open, env.Incidents)
	return Prepared{Reply: &m}, nil
}

func errSharedIncident() error {
	return badInput("This channel is shared with another organisation, so incidents are not shown here. Ask in a private channel.")
}

// summaryCommand is for people who join late.
func summaryCommand(env Env) Command {
	return shown(env, Command{
		Name: "incident summary", Summary: "what happened so far, in a few lines", Examples: []string{"incident summary"},
	}, incidents.Recap)
}

// timelineCommand is all that happened.
func timelineCommand(env Env) Command {
	return shown(env, Command{
		Name: "incident timeline", Summary: "what happened when, and who did it", Examples: []string{"incident timeline"},
	}, incidents.TimelineMessage)
}

type wordedView func(incidents.View, incidents.Wording) message.Message

// shown is a command that only shows something of an incident.
func shown(env Env, c Command, words wordedView) Command {
	c.Under, c.Args, c.General, c.Needs = "incident", "[incident]", rightReadIncidents, needs(rightReadIncidents)
	c.Prepare = showing(env, c.Name+" %s", words)
	return c
}

// showing shows it to the asker alone.
func showing(env Env, example string, words wordedView) func(context.Context, Call) (Prepared, error) {
	return func(ctx context.Context, c Call) (Prepared, error) {
		v, _, err := viewToRead(ctx, env, c, example)
		if err != nil {
			return Prepared{}, err
		}
		m := words(v, env.Incidents)
		return Prepared{Target: v.Incident.Ref(), Incident: v.Incident.Ref(), Reply: &m}, nil
	}
}

// viewToRead is everything about the incident that is to be shown, also of one that is
// over.
func viewToRead(ctx context.Context, env Env, c Call, example string) (incidents.View, Call, error) {
	i, c, err := whichEver(ctx, env, c, example)
	if err != nil {
		return incidents.View{}, c, err
	}
	if len(c.Args) > 0 {
		command := strings.TrimSuffix(example, " %s")
		return incidents.View{}, c, badInput("I do not understand \"%s\" after %s.", clip(strings.Join(c.Args, " ")), command).try(command + " " + i.Ref())
	}
	v, err := viewOf(ctx, env, i.ID)
	return v, c, err
}

// exportCommand gives the whole of an incident as two files.
func exportCommand(env Env) Command {
	return Command{
		Name: "incident export", Under: "incident", Args: "[incident]", Summary: "all of it as a document, and for programs",
		Examples: []string{"incident export", "incident export INC-12"}, General: rightReadIncidents, Needs: needs(rightReadIncidents),
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			v, c, err := viewToRead(ctx, env, c, "incident export %s")
			if err != nil {
				return Prepared{}, err
			}
			if c.Request.Channel == "" {
				return Prepared{}, badInput("I do not know in which channel to answer; ask in a channel.").try("incident export " + v.Incident.Ref())
			}
			post, err := exported(env, c, v)
			return Prepared{
				Target: v.Incident.Ref(), Incident: v.Incident.Ref(),
				Build: func(int64) Intent { return Intent{Posts: []message.Post{post}} },
			}, err
		},
	}
}

func exported(env Env, c Call, v incidents.View) (message.Post, error) {
	ref := v.Incident.Ref()
	data, err := incidents.JSON(v, env.Incidents)
	if err != nil {
		return message.Post{}, err
	}
	return message.Post{
		Key: "incident/" + ref + "/export/" + c.ID, Channel: c.Request.Channel, Thread: c.Request.Thread, ResponseURL: c.Request.ResponseURL, Final: true,
		Message: message.Message{
			Headline: message.Join(ref, " as it is recorded: what happened, what was done, who was told. Asked by ", byWhom(c), "."),
			Context:  []message.Line{message.Text("The same records give the same files, to the byte; they end with the place and the hash of the last audit event.")},
			Files: []message.File{
				{Name: ref + ".md", Title: ref + " as a document", Inline: incidents.Markdown(v, env.Incidents)},
				{Name: ref + ".json", Title: ref + " for programs", Inline: data},
			},
		},
	}, nil
}
