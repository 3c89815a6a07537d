package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/integritybot/integritybot/internal/app"
)

func runCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the bot",
		Long: `Run the bot until SIGTERM or Ctrl-C.

Several replicas may run with one config and one store; each takes its share.
At stop it finishes what it has acknowledged and gives back the rest.`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			return app.Run(cmd.Context(), c, app.RunOptions{Log: newLogger(os.Stderr), Version: version})
		},
	}
}
