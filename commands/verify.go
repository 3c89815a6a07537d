package commands

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
)

// verifyCommand goes through the runbook's verification list: each item is run,
// and ticked or not, with its number.
func verifyCommand(env Env) Command {
	all := func() []check.Check {
		checks, _, _ := env.Catalog.Select("all") // "all" is always known
		return checks
	}
	return Command{
		Name:     "verify",
		Summary:  "go through the verification list: is everything right again?",
		Examples: []string{"verify"},
		Flags:    func(set *pflag.FlagSet) { set.String(flagIncident, "", "INC-12") },
		General:  "check:any",
		Needs: func(_ context.Context, c Call) ([]authz.Permission, error) {
			if len(c.Args) > 0 {
				return nil, badInput("verify takes nothing behind it; one check alone is run by check.").try("verify")
			}
			return append(permissions(all()), rightToNamed(c)...), nil
		},
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			c, err := forNamed(ctx, env, c, "verify")
			if err != nil {
				return Prepared{}, err
			}
			checks := all()
			if len(checks) == 0 {
				return Prepared{}, badInput("The config declares no checks yet; see config.example.yaml.")
			}
			if c.Request.Channel == "" {
				return Prepared{}, badInput("I do not know in which channel to answer; ask in a channel.").try("verify")
			}
			return startRun(env, c, check.Order{
				Title: "Verification", Words: "verify", Checks: names(checks), Off: env.Catalog.Off("all"), Step: check.StepVerify,
			}), nil
		},
	}
}
