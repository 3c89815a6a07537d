package main

import (
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/fix"
)

func planCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "plan", Short: "Look at plans of repairs"}
	cmd.AddCommand(planShow())
	return group(cmd)
}

func planShow() *cobra.Command {
	var o app.PlanOptions
	cmd := &cobra.Command{
		Use:   "show PLAN",
		Short: "Print a plan and how it stands, from the store",
		Long: `Print a plan and how it stands: what it was to change, who asked and decided, and
what came of it. It reads the bot's own store and decides nothing; plans are
confirmed, cancelled and undone in Slack alone.`,
		Example: "  integritybot plan show P-1043\n  integritybot plan show P-1043 --output json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return badLine("plan show takes one plan: integritybot plan show P-1043")
			}
			id, err := fix.ParseRef(args[0])
			if err != nil {
				return badLine("%w", err)
			}
			if !slices.Contains([]string{"text", "json"}, o.Output) {
				return badLine("there is no output %q; write --output text or json", o.Output)
			}
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			o.Plan, o.Out, o.Log = id, cmd.OutOrStdout(), newLogger(os.Stderr)
			return app.ShowPlan(cmd.Context(), c, o)
		},
	}
	cmd.Flags().StringVarP(&o.Output, "output", "o", "text", "text or json")
	return cmd
}
