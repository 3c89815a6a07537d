package main

import (
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/integritybot/integritybot/internal/app"
)

func demoCommand() *cobra.Command {
	o := app.DemoOptions{Version: version}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Everything on this machine, no accounts: a broken shop and a workspace in the browser",
		Long: `Start a shop with planted defects in a Postgres of its own, a simulated Slack
workspace with a web page, a mail server, and the bot between them. Nothing leaves this machine
and nothing is left behind.`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Out = cmd.OutOrStdout()
			o.Log = newLogger(os.Stderr)
			return app.Demo(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:8090", "address of the page; port 0 takes a free one")
	cmd.Flags().StringVar(&o.Story, "story", "", "what has happened: "+strings.Join(app.DemoStories(), ", ")+"; default: everything")
	cmd.Flags().IntVar(&o.Orders, "orders", 20000, "how many orders the shop has, at least 1000")
	cmd.Flags().BoolVar(&o.Transcript, "transcript", false, "type the things to try, print the conversation and end")
	cmd.Flags().StringArrayVar(&o.Tries, "try", nil, "with --transcript: type this instead, such as '/integrity diagnose orders'; may be repeated")
	cmd.Flags().DurationVar(&o.Alert, "alert", 20*time.Second, "after how long an alert fires that opens an incident; 0s: never. A transcript has none")
	cmd.Flags().BoolVar(&o.Verbose, "verbose", false, "show the bot's log")
	return cmd
}
