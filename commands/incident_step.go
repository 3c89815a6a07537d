package commands

import (
	"context"
	"maps"
	"strings"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

const stepExample = "incident step %s measure"

// stepCommand carries a step of the checklist out, or says that it is done, left out or
// somebody's.
func stepCommand(env Env, registry func() *Registry) Command {
	s := stepper{env: env, registry: registry}
	return Command{
		Name: "incident step", Under: "incident", Args: "[incident] <step>",
		Summary:  "carry out a step of the checklist, or say that it is done",
		Examples: []string{"incident step measure", "incident step contain --done", "incident step prevent --skip 'the constraint is there already'"},
		General:  rightManage,
		Flags: func(set *pflag.FlagSet) {
			set.Bool("done", false, "it is done, by hand or elsewhere")
			set.Bool("own", false, "you do it")
			set.Bool("reopen", false, "it has to be done again")
			set.String("skip", "", "'nothing writes to it any more'")
		},
		Needs:   s.needs,
		Prepare: s.prepare,
		Form:    s.form,
	}
}

// stepper knows the commands that carry steps out.
type stepper struct {
	env      Env
	registry func() *Registry
}

// read gives the incident, the step, and what is said about it: one flag at most.
func (s stepper) read(ctx context.Context, c Call) (incidents.Incident, incidents.Step, string, error) {
	i, c, err := whichIncident(ctx, s.env, refFirst(c), stepExample)
	if err != nil {
		return i, incidents.Step{}, "", err
	}
	step, err := stepWord(c.Args, i)
	if err != nil {
		return i, step, "", err
	}
	command := "incident step " + i.Ref() + " " + step.Name
	if len(c.Args) > 1 {
		return i, step, "", badInput("One step at a time; I do not understand \"%s\".", clip(strings.Join(c.Args[1:], " "))).try(command)
	}
	did := ""
	for _, flag := range []string{"done", "own", "reopen", "skip"} {
		if !c.Flags.Changed(flag) {
			continue
		}
		if did != "" {
			return i, step, "", badInput("--%s and --%s do not go together.", did, flag).try(command + " --done")
		}
		did = flag
	}
	return i, step, did, nil
}

func (s stepper) needs(ctx context.Context, c Call) ([]authz.Permission, error) {
	i, step, did, err := s.read(ctx, c)
	if err != nil || did != "" {
		return []authz.Permission{rightManage}, err
	}
	inner, command, err := s.carriedOutBy(ctx, c, i, step)
	if err != nil {
		return nil, err
	}
	more, err := command.Needs(ctx, inner)
	return append([]authz.Permission{rightManage}, more...), err
}

func (s stepper) prepare(ctx context.Context, c Call) (Prepared, error) {
	i, step, did, err := s.read(ctx, c)
	if err != nil {
		return Prepared{}, err
	}
	if did == "" {
		return s.begin(ctx, c, i, step)
	}
	m, err := s.say(c, i, step, did)
	if err != nil {
		return Prepared{Incident: i.Ref()}, notMoved(err)
	}
	return movedOn(s.env, c, i, m), nil
}

// form is that of the command that carries the step out, if it has one.
func (s stepper) form(ctx context.Context, c Call) (*message.Form, error) {
	i, step, did, err := s.read(ctx, c)
	if err != nil || did != "" {
		return nil, err
	}
	inner, command, err := s.carriedOutBy(ctx, c, i, step)
	if err != nil || command.Form == nil {
		return nil, err
	}
	return command.Form(ctx, inner)
}

// say moves a step without carrying it out.
func (s stepper) say(c Call, i incidents.Incident, step incidents.Step, did string) (moving, error) {
	m := moving{args: map[string]string{"step": step.Name, "did": did}}
	var err error
	switch did {
	case "skip":
		why, _ := c.Flags.GetString("skip")
		return skipStep(s.env, c, i, step, why)
	case "done":
		i, err = i.TickStep(by(s.env, c), step.Name)
		m.says = message.Join(byWhom(c), " did “", step.Title, "”.")
	case "own":
		i, err = i.OwnStep(by(s.env, c), step.Name, c.Request.Actor.User)
		m.says, m.args["owner"] = message.Join(byWhom(c), " does “", step.Title, "”."), c.Request.Actor.User
	case "reopen":
		i, err = i.ReopenStep(by(s.env, c), step.Name)
		m.says = message.Join("“", step.Title, "” is to be done again, says ", byWhom(c), ".")
	}
	m.to = []incidents.Incident{i}
	return m, err
}

// carriedOutBy is the call that carries a step out, in the incident's channel.
func (s stepper) carriedOutBy(ctx context.Context, c Call, i incidents.Incident, step incidents.Step) (Call, Command, error) {
	words, err := Split(i.StepWords(step.Name))
	if err != nil || len(words) == 0 {
		return c, Command{}, badInput("“%s” is done by people; tell me when it is done.", step.Title).try("incident step " + i.Ref() + " " + step.Name + " --done")
	}
	command, rest, err := s.registry().Find(words)
	if err != nil {
		return c, command, err
	}
	inner := c
	inner.Request.Text, inner.Incident = i.StepWords(step.Name), i.ID
	if where := i.Where(); where != c.Request.Channel {
		inner.Request.Channel, inner.Request.Thread = where, ""
		if inner.Place, err = s.env.Directory.Place(ctx, where); err != nil {
			return c, command, err
		}
	}
	inner.Flags, inner.Args, err = command.parse(rest)
	return inner, command, err
}

// begin joins the step's command: the run and the step begin together or not at all, so
// that two people who press the same button begin it once.
func (s stepper) begin(ctx context.Context, c Call, i incidents.Incident, step incidents.Step) (Prepared, error) {
	refused := Prepared{Incident: i.Ref()}
	inner, command, err := s.carriedOutBy(ctx, c, i, step)
	if err != nil {
		return refused, err
	}
	if _, err := i.BeginStep(by(s.env, c), step.Name, 0); err != nil {
		return refused, notMoved(err)
	}
	p, err := command.Prepare(ctx, inner)
	if err != nil {
		return refused, err
	}
	own := audit.Event{
		Action: strings.ReplaceAll(command.Name, " ", "."), Args: map[string]string{"words": clip(inner.Request.Text)},
		Target: p.Target, Incident: i.Ref(), Decision: "allowed", Outcome: audit.Done, Channel: inner.Request.Channel,
	}
	maps.Copy(own.Args, p.Args)
	if p.Pending {
		own.Outcome = audit.Intended
	}
	build, numbered := p.Build, p.Numbered
	p.Incident, p.Target, p.Pending = i.Ref(), i.Ref(), false
	p.Args = map[string]string{"step": step.Name, "did": "begin"}
	p.Build = func(run int64) Intent {
		var in Intent
		if build != nil {
			in = build(run)
		}
		about(&own, in)
		in.Events = append(in.Events, own)
		if begun, err := i.BeginStep(by(s.env, c), step.Name, run); err == nil && numbered {
			in.Incidents = append(in.Incidents, incidents.Change{Incident: begun})
		}
		return in
	}
	return p, nil
}
