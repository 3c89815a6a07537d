package main

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/check"
)

func checkCommand() *cobra.Command {
	o := app.CheckOptions{Version: version}
	var since string
	cmd := &cobra.Command{
		Use:   "check [all | <domain> | <check>]",
		Short: "Run checks from a shell; exit 0 pass, 1 fail, 2 unknown",
		Long: `Run the same checks as in Slack from a shell or a CronJob.

Exit status: 0 every check passes, 1 a check fails, 2 a check did not answer
(or nothing could be run). The output goes to stdout, progress and the log to
stderr.`,
		Example: "  integritybot check orders --config config.yaml\n  integritybot check order-totals --output csv >wrong.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return badLine("check takes one word (all, a domain or a check), not %d: %s", len(args), strings.Join(args, " "))
			}
			if len(args) == 1 {
				o.Word = args[0]
			}
			if !slices.Contains([]string{"text", "json", "csv"}, o.Output) {
				return badLine("there is no output %q; write --output text, json or csv", o.Output)
			}
			if since != "" {
				span, err := commands.Span(since)
				if err != nil {
					return badLine("--since: %w", err)
				}
				o.Since = span
			}
			return runCheck(cmd, o)
		},
	}
	cmd.Flags().StringVarP(&o.Output, "output", "o", "text", "text, json or csv (every failing row)")
	cmd.Flags().BoolVar(&o.Full, "full", false, "read at full speed, without holding back for the database")
	cmd.Flags().StringVar(&since, "since", "", "only rows younger than this: 30m, 2h, 7d")
	cmd.Flags().BoolVar(&o.Unmasked, "unmasked", false, "show row data as it is")
	return cmd
}

func runCheck(cmd *cobra.Command, o app.CheckOptions) error {
	c, err := loadConfig(cmd)
	if err != nil {
		return &exitError{exitUnknown, err}
	}
	o.Out, o.Log = cmd.OutOrStdout(), newLogger(os.Stderr)
	if o.Output == "text" {
		o.Progress = os.Stderr
	}
	verdict, err := app.Check(cmd.Context(), c, o)
	if err != nil {
		return &exitError{exitUnknown, err}
	}
	switch verdict {
	case check.Pass:
		return nil
	case check.Fail:
		return &exitError{code: exitFail}
	default:
		return &exitError{code: exitUnknown}
	}
}
