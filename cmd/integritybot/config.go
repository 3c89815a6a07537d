package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/integritybot/integritybot/internal/config"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Look at the config"}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "validate",
			Short: "Name everything that is wrong with the config, with lines",
			Args:  noWords,
			RunE: func(cmd *cobra.Command, _ []string) error {
				c, err := loadConfig(cmd)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "The config is valid. Checks: %d, targets: %d, roles: %d.\n",
					len(c.Declared()), len(c.Targets), len(c.Roles))
				return nil
			},
		},
		&cobra.Command{
			Use:   "schema",
			Short: "Print the JSON Schema of the config, for editors",
			Args:  noWords,
			RunE: func(cmd *cobra.Command, _ []string) error {
				_, err := cmd.OutOrStdout().Write(config.Schema())
				return err
			},
		},
	)
	return group(cmd)
}

func loadConfig(cmd *cobra.Command) (*config.Config, error) {
	path, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	return config.Load(path, config.System())
}

// newLogger writes JSON lines: what people read goes to stdout or Slack.
func newLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, nil))
}
