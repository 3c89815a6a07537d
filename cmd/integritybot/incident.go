package main

import (
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/app"
)

func incidentCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "incident", Short: "Look at incidents"}
	cmd.AddCommand(incidentExport())
	return group(cmd)
}

func incidentExport() *cobra.Command {
	o := app.IncidentOptions{Version: version}
	cmd := &cobra.Command{
		Use:   "export INCIDENT",
		Short: "Print everything about an incident, from the store",
		Long: `Print an incident as a document: impact, timeline, checks, repairs and who let
them pass, notices, what is to be done afterwards, and how long it took. It is made
from the bot's own store alone: the same facts give the same bytes. Private ones are
printed as well, and the audit tells that they were.`,
		Example: "  integritybot incident export INC-1042 > INC-1042.md\n  integritybot incident export INC-1042 --output json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return badLine("incident export takes one incident: integritybot incident export INC-1042")
			}
			id, err := incidents.ParseRef(args[0])
			if err != nil {
				return badLine("%w; incidents look like INC-1042", err)
			}
			if !slices.Contains([]string{"md", "json"}, o.Output) {
				return badLine("there is no output %q; write --output md or json", o.Output)
			}
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			o.Incident, o.Out, o.Log = id, cmd.OutOrStdout(), newLogger(os.Stderr)
			return app.ExportIncident(cmd.Context(), c, o)
		},
	}
	cmd.Flags().StringVarP(&o.Output, "output", "o", "md", "md (Markdown) or json")
	return cmd
}
