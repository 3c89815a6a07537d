package commands

import (
	"context"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// stopCommand stops a run, or a plan that is being worked out or applied.
// Whoever may start a run's checks may stop it; about a plan its own guard says.
func stopCommand(env Env) Command {
	return Command{
		Name:     "stop",
		Args:     "<run or plan>",
		Summary:  "stop a run after the piece it is reading, or a plan after the batch it is making",
		Examples: []string{"stop R-1042", "stop P-1043"},
		General:  "check:any",
		Needs: func(ctx context.Context, c Call) ([]authz.Permission, error) {
			if isPlan(c) {
				return nil, nil
			}
			run, _, err := findRun(ctx, env.Archive, c, "stop")
			if err != nil || run.Plan > 0 {
				return nil, err
			}
			return rightsTo(env.Catalog, run), nil
		},
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			if isPlan(c) {
				return stopPlan(ctx, env, c)
			}
			run, _, err := findRun(ctx, env.Archive, c, "stop")
			if err != nil {
				return Prepared{}, err
			}
			if run.Plan > 0 {
				c.Args = []string{fix.Ref(run.Plan)}
				return stopPlan(ctx, env, c)
			}
			if run.State != check.Queued && run.State != check.Running {
				return Prepared{}, badInput("%s is already over.", run.Ref()).try("again " + run.Ref())
			}
			reply := message.Message{Headline: message.Text("%s stops after the piece it is reading; its message will say so.", run.Ref())}
			return stopping(run.Ref(), run.ID, "", reply, c), nil
		},
	}
}

func isPlan(c Call) bool { return len(c.Args) == 1 && fix.IsRef(c.Args[0]) }

func stopPlan(ctx context.Context, env Env, c Call) (Prepared, error) {
	p, now, v, err := judge(ctx, env, c, fix.Stop, "")
	if err != nil {
		return Prepared{}, err
	}
	if p.State == fix.Planning {
		return stopPlanning(env, p, c), nil
	}
	if !v.Allowed {
		return refusedPlan(env, p, v, now), nil
	}
	return stopping(p.Ref(), p.Run, v.Rule, message.Message{Headline: v.Says}, c), nil
}

// stopPlanning ends the working out of a plan, which changes nothing: for whoever
// asked for it, and for whoever could have.
func stopPlanning(env Env, p fix.Plan, c Call) Prepared {
	d := env.Policy.Decide(c.Subject, authz.Permission("fix:"+p.Domain))
	if c.Subject.User == p.AskedBy {
		d.Allowed, d.Rule = true, "asked for it"
	}
	if !d.Allowed {
		return Prepared{
			Target: p.Ref(), Rule: d.Rule, Refused: true,
			Reply: &message.Message{Headline: message.Text("%s%s", d.Reason, whomToAsk(d.Holders))},
		}
	}
	return stopping(p.Ref(), p.ID, d.Rule, message.Message{Headline: message.Text("%s is no longer worked out; its message will say so.", p.Ref())}, c)
}

func stopping(target string, run int64, rule string, reply message.Message, c Call) Prepared {
	return Prepared{
		Target: target, Rule: rule, Pending: true, Reply: &reply,
		Build: func(int64) Intent { return Intent{Stop: &Stop{Run: run, By: c.Request.Actor.User}} },
	}
}
