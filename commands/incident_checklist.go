package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/message"
)

// checklistCommand shows what is to be done, with a button for each step.
func checklistCommand(env Env) Command {
	return Command{
		Name: "incident checklist", Under: "incident", Args: "[incident]", Summary: "what is to be done, and who does it",
		Examples: []string{"incident checklist"}, General: rightReadIncidents, Needs: needs(rightReadIncidents),
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			v, c, err := viewToRead(ctx, env, c, "incident checklist %s")
			if err != nil {
				return Prepared{}, err
			}
			i := v.Incident
			post := saidIn(c, i, incidents.ChecklistOf(v, env.Incidents))
			if c.Request.Channel != i.Where() {
				return Prepared{Target: i.Ref(), Incident: i.Ref(), Reply: &post.Message}, nil
			}
			return Prepared{Target: i.Ref(), Incident: i.Ref(), Build: func(int64) Intent { return hang(i, post) }}, nil
		},
	}
}

// hang makes a post the incident's board: it follows the checklist from now on, and the
// one before it no longer has buttons.
func hang(i incidents.Incident, post message.Post) Intent {
	if i.Status.Over() {
		return Intent{Posts: []message.Post{post}} // nothing will move
	}
	to := i.Clone()
	post.Final = false
	to.Board = incidents.Board{Key: post.Key, Thread: post.Thread}
	in := Intent{Incidents: []incidents.Change{{Incident: to}}, Posts: []message.Post{post}}
	if old := i.Board; old.Key != "" {
		in.Posts = append(in.Posts, message.Post{
			Key: old.Key, Channel: i.Where(), Thread: old.Thread, Final: true, Message: incidents.ChecklistMoved(i),
		})
	}
	return in
}

// skipCommand leaves a step out: the other end of a button, which asks why.
func skipCommand(env Env) Command {
	c := moveCommand(env, Command{
		Name: "incident skip", Args: "[incident] <step> <why>", Summary: "leave a step of the checklist out", Hidden: true,
		Examples: []string{"incident skip prevent 'the constraint is there already'"},
	}, "incident skip %s prevent 'the constraint is there already'", func(_ context.Context, c Call, i incidents.Incident) (moving, error) {
		step, err := stepWord(c.Args, i)
		if err != nil {
			return moving{}, err
		}
		return skipStep(env, c, i, step, strings.Join(c.Args[1:], " "))
	})
	c.Form = func(ctx context.Context, c Call) (*message.Form, error) {
		i, c, err := whichIncident(ctx, env, c, "incident skip %s prevent")
		if err != nil || len(c.Args) != 1 {
			return nil, err
		}
		step, err := stepWord(c.Args, i)
		if err != nil {
			return nil, err
		}
		return &message.Form{
			Title: "Leave a step out", Verb: "incident skip", Ref: i.Ref() + " " + step.Name, Submit: "Leave it out",
			Intro:  []message.Line{message.Text("%s", step.Title)},
			Fields: []message.Field{{Label: "Why?", Kind: message.FieldLines, Max: maxSaid}},
		}, nil
	}
	return c
}

// stepWord reads which step is meant.
func stepWord(args []string, i incidents.Incident) (incidents.Step, error) {
	var known []string
	for _, s := range i.Steps {
		known = append(known, s.Name)
	}
	if len(args) == 0 {
		return incidents.Step{}, badInput("Which step? There are %s.", strings.Join(known, ", ")).try("incident step " + i.Ref() + " measure")
	}
	word := strings.ToLower(args[0])
	if n := slices.Index(known, word); n >= 0 {
		return i.Steps[n], nil
	}
	if near := nearest(word, known); near != "" {
		return incidents.Step{}, badInput("There is no step \"%s\". Did you mean %s?", clip(args[0]), near).try("incident step " + i.Ref() + " " + near)
	}
	return incidents.Step{}, badInput("There is no step \"%s\"; there are %s.", clip(args[0]), strings.Join(known, ", ")).try("incident step " + i.Ref() + " measure")
}

func skipStep(env Env, c Call, i incidents.Incident, step incidents.Step, why string) (moving, error) {
	why = oneLine(why)
	moved, err := i.SkipStep(by(env, c), step.Name, why)
	return moving{
		to: []incidents.Incident{moved}, args: map[string]string{"step": step.Name, "did": "skip", "why": clip(why)},
		says: message.Join(byWhom(c), " leaves out “", step.Title, "”: ", why),
	}, err
}
