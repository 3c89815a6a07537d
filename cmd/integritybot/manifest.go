package main

import (
	"github.com/spf13/cobra"

	"github.com/integritybot/integritybot/internal/app"
)

func manifestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "manifest",
		Short: "Print the Slack app manifest for this config",
		Long: `Print the Slack app manifest for this config. In Slack: Your Apps, Create New
App, From a manifest; then make an app-level token with connections:write.`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			manifest, err := app.Manifest(c)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(manifest)
			return err
		},
	}
}
