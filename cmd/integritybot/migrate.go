package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/integritybot/integritybot/internal/app"
)

func migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the bot's own database to this version's schema",
		Long: `Bring the bot's own database to this version's schema.

Uses STORE_OWNER_DSN (store.owner_dsn), and grants the role of STORE_DSN what it
needs: it may add to the audit, and neither change nor delete what is there.
Run it before the new version starts; running it twice does nothing.`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if err := app.Migrate(cmd.Context(), c); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "The store is up to date.")
			return nil
		},
	}
}
