package commands

import (
	"context"
	"errors"
	"time"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// planCommand shows how a plan stands now. The message with the buttons stays
// the one that was there: a second one could not be kept true.
func planCommand(env Env) Command {
	return Command{
		Name:     "plan",
		Args:     "<plan>",
		Summary:  "show a plan and how it stands",
		Examples: []string{"plan P-1042"},
		General:  "check:any",
		Needs: func(ctx context.Context, c Call) ([]authz.Permission, error) {
			p, _, err := findPlan(ctx, env, c, "plan")
			return []authz.Permission{authz.Permission("check:" + p.Domain)}, err
		},
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			p, now, err := findPlan(ctx, env, c, "plan")
			if err != nil {
				return Prepared{}, err
			}
			if c.Place.Shared {
				return Prepared{}, badInput("This channel is shared with another organisation, so plans are not shown here. Ask in a private channel.")
			}
			m := withoutButtons(env.Plans.Head(p, now).Message)
			if c.Request.Channel != p.Channel {
				return Prepared{Target: p.Ref(), Reply: &m}, nil
			}
			post := message.Post{
				Key: "plan/shown/" + c.ID, Channel: c.Request.Channel, Thread: c.Request.Thread, ResponseURL: c.Request.ResponseURL,
				Final: true, Message: m,
			}
			return Prepared{Target: p.Ref(), Build: func(int64) Intent { return Intent{Posts: []message.Post{post}} }}, nil
		},
	}
}

// withoutButtons is a message to look at. Its file stands beside the original.
func withoutButtons(m message.Message) message.Message {
	if len(m.Actions) > 0 {
		m.Context = append(m.Context, message.Text("its buttons are on the plan's own message"))
	}
	m.Actions, m.Files = nil, nil
	return m
}

// findPlan reads the one argument of a command as a plan, and gives the time by
// which it expires.
func findPlan(ctx context.Context, env Env, c Call, command string) (fix.Plan, time.Time, error) {
	example := command + " P-1042"
	if len(c.Args) != 1 {
		return fix.Plan{}, time.Time{}, badInput("Which plan? Name one.").try(example)
	}
	id, err := fix.ParseRef(c.Args[0])
	if err != nil {
		return fix.Plan{}, time.Time{}, badInput("\"%s\" is not a plan; plans look like P-1042.", clip(c.Args[0])).try(example)
	}
	p, now, err := env.Archive.Plan(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return fix.Plan{}, time.Time{}, badInput("There is no plan %s.", fix.Ref(id)).try(fixExamples(env)[0])
	}
	return p, now, err
}
