// Command integritybot is the bot and its tools. It holds flags, signals and
// the one exit; what it does is wired in internal/app. It must never print a
// secret, and every error it prints is a sentence with what to do next.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set at build time: -ldflags "-X main.version=…".
var version = "dev"

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	cancel()
	os.Exit(code)
}

// Exit codes of `check` and `audit verify`. Elsewhere 1 is whatever failed, and
// everywhere 2 is a command line that makes no sense.
const (
	exitOK      = 0
	exitFail    = 1
	exitUnknown = 2
)

// exitError carries an exit code to the one exit. Without an error it is silent.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func run(ctx context.Context, args []string, stdout, stderr *os.File) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitFail
	var exit *exitError
	if errors.As(err, &exit) {
		code = exit.code
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(stderr, "integritybot:", text)
	}
	return code
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "integritybot",
		Short:         "A Slack bot for the people who are paged when data is wrong",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(badFlag)
	root.PersistentFlags().StringP("config", "c", "config.yaml", "the config file")
	root.AddCommand(
		runCommand(),
		demoCommand(),
		checkCommand(),
		configCommand(),
		migrateCommand(),
		manifestCommand(),
		auditCommand(),
		planCommand(),
		incidentCommand(),
		eventsCommand(),
		versionCommand(),
	)
	return group(root)
}
