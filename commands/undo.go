package commands

import (
	"context"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/fix/report"
)

// undoCommand asks for a plan that takes an applied one back. It takes the same
// road: preview, decision, compare-and-set, check.
func undoCommand(env Env) Command {
	return Command{
		Name:     "undo",
		Args:     "<plan>",
		Summary:  "preview taking an applied plan back",
		Examples: []string{"undo P-1042"},
		General:  "fix:any",
		Needs:    nothing, // who may is for the plan's own guard to say
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			p, now, v, err := judge(ctx, env, c, fix.Undo, "")
			if err != nil {
				return Prepared{}, err
			}
			if !v.Allowed {
				return refusedPlan(env, p, v, now), nil
			}
			if declared := env.Fixes[p.Check]; declared.Applier == nil {
				return Prepared{}, badInput("Fixes are off for %s: %s, so nothing can be taken back.", p.Draft.Place, off(declared))
			}
			o := fix.Order{Check: p.Check, Domain: p.Domain, Undoes: p.ID}
			if right := env.Fixes[p.Check].Way(o).Right; right != "" {
				if d := env.Policy.Decide(c.Subject, right); !d.Allowed {
					return refusedPlan(env, p, fix.Lacks(d, right), now), nil
				}
			}
			if p.Channel == c.Request.Channel {
				o.Under = report.HeadKey(p.ID)
			}
			if c, err = heldFor(ctx, env, c, p.Incident); err != nil {
				return Prepared{}, err
			}
			prepared := startPlan(env, c, o)
			prepared.Rule = v.Rule
			return prepared, nil
		},
	}
}
