package commands

import (
	"context"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/check/report"
	"github.com/integritybot/integritybot/internal/message"
)

// detailsCommand tells in the run's thread how it was read: the other end of
// the button "Details". Pressed twice, the answer still stands there once.
func detailsCommand(env Env) Command {
	return Command{
		Name: "details", Args: "<run>", Summary: "say how a run was read", Hidden: true,
		Examples: []string{"details R-1042"},
		Needs: func(ctx context.Context, c Call) ([]authz.Permission, error) {
			run, _, err := findRun(ctx, env.Archive, c, "details")
			if err != nil {
				return nil, err
			}
			return rightsTo(env.Catalog, run), nil
		},
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			run, only, err := findRun(ctx, env.Archive, c, "details")
			if err != nil {
				return Prepared{}, err
			}
			if run.Channel != c.Request.Channel {
				return Prepared{}, badInput("%s was asked for in another channel; look there.", run.Ref()).try("check all")
			}
			if run.Step == check.StepExport {
				return Prepared{}, badInput("%s gave out records and judged none, so there is nothing to tell about it; its message says it all.", run.Ref()).try("again " + run.Ref())
			}
			if run.Step == check.StepLook {
				return Prepared{}, badInput("%s looked at something and judged nothing, so there is nothing to tell about it; its message says it all.", run.Ref()).try("again " + run.Ref())
			}
			if len(run.Findings) == 0 {
				return Prepared{}, badInput("%s has no finished check yet; wait for it.", run.Ref()).try("details " + run.Ref())
			}
			post := report.Details(run, env.Catalog.ByName(), only)
			return Prepared{
				Target: run.Ref(),
				Build:  func(int64) Intent { return Intent{Posts: []message.Post{post}} },
			}, nil
		},
	}
}
