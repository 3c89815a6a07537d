package commands

import (
	"context"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
)

// stopCommand stops a run. Whoever may start its checks may stop it.
func stopCommand(env Env) Command {
	return Command{
		Name:     "stop",
		Args:     "<run>",
		Summary:  "stop a run after the piece it is reading",
		Examples: []string{"stop R-1042"},
		General:  "check:any",
		Needs: func(ctx context.Context, c Call) ([]authz.Permission, error) {
			run, _, err := findRun(ctx, env.Archive, c, "stop")
			if err != nil {
				return nil, err
			}
			return domains(env.Catalog, run), nil
		},
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			run, _, err := findRun(ctx, env.Archive, c, "stop")
			if err != nil {
				return Prepared{}, err
			}
			if run.State != check.Queued && run.State != check.Running {
				return Prepared{}, badInput("%s is already over.", run.Ref()).try("again " + run.Ref())
			}
			reply := message.Message{Headline: message.Text("%s stops after the piece it is reading; its message will say so.", run.Ref())}
			return Prepared{
				Target: run.Ref(), Pending: true, Reply: &reply,
				Build: func(int64) Intent {
					return Intent{Stop: &Stop{Run: run.ID, By: c.Request.Actor.User}}
				},
			}, nil
		},
	}
}
