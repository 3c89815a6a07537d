package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/audit"
)

func auditCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Prove, export and sign what was recorded"}
	cmd.AddCommand(auditVerify(), auditExport(), auditKeygen())
	return group(cmd)
}

func auditVerify() *cobra.Command {
	var o app.VerifyOptions
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove that nothing recorded was changed, removed, reordered or cut off",
		Long: `Read the whole audit, recompute its hash chain, and compare it with every signed
checkpoint that can be read: those in the store, in the configured file, and in
the files given. Exit 0: it holds. Exit 1: it does not, and where. Exit 2: it
could not be read.`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd)
			if err != nil {
				return &exitError{exitUnknown, err}
			}
			o.Log = newLogger(os.Stderr)
			report, err := app.VerifyAudit(cmd.Context(), c, o)
			if err != nil {
				return &exitError{exitUnknown, err}
			}
			return printReport(cmd.OutOrStdout(), report)
		},
	}
	cmd.Flags().StringArrayVar(&o.Keys, "key", nil, "a public key of checkpoints, as audit keygen prints it")
	cmd.Flags().StringArrayVar(&o.Files, "checkpoints", nil, "a file with checkpoints kept elsewhere")
	return cmd
}

func printReport(out io.Writer, r audit.Report) error {
	for _, c := range r.Agreed {
		fmt.Fprintf(out, "agrees with the checkpoint of %s over %d events (%s)\n", c.At.UTC().Format(time.RFC3339), c.Size, c.Place)
	}
	for _, text := range r.Unusable {
		fmt.Fprintln(out, "not usable:", text)
	}
	for _, text := range r.Warnings {
		fmt.Fprintln(out, "warning:", text)
	}
	if r.Fault != nil {
		return &exitError{exitFail, fmt.Errorf("the audit does NOT hold: %w", r.Fault)}
	}
	fmt.Fprintf(out, "The audit holds: %d events, head %x.\n", r.Head.Size, r.Head.Hash)
	return nil
}

func auditExport() *cobra.Command {
	var since, actor, incident, action string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print what was recorded, oldest first, as NDJSON with the exact hashed bytes",
		Args:  noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f := commands.EventFilter{Actor: actor, Incident: incident, Action: action}
			if since != "" {
				span, err := commands.Span(since)
				if err != nil {
					return badLine("--since: %w", err)
				}
				f.Since = time.Now().Add(-span)
			}
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			n, err := app.ExportAudit(cmd.Context(), c, f, cmd.OutOrStdout(), newLogger(os.Stderr))
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%d events\n", n)
			return nil
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "only what is younger: 24h, 7d")
	cmd.Flags().StringVar(&actor, "actor", "", "only what this Slack user id did")
	cmd.Flags().StringVar(&incident, "incident", "", "only what belongs to this incident")
	cmd.Flags().StringVar(&action, "action", "", "only this action")
	return cmd
}

func auditKeygen() *cobra.Command {
	return &cobra.Command{
		Use:   "keygen NAME",
		Short: "Make a key pair for signed checkpoints",
		Long: `Make a key pair for signed checkpoints. The private key goes into the secret that
AUDIT_SIGNING_KEY comes from; the public one to whoever verifies.`,
		Example: "  integritybot audit keygen integrity.example.com",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return badLine("audit keygen takes one name for the key: integritybot audit keygen integrity.example.com")
			}
			// The library that reads keys refuses these, the one that makes them does not.
			if strings.ContainsFunc(args[0], func(r rune) bool { return r == '+' || unicode.IsSpace(r) }) {
				return badLine("%q cannot name a key: a name holds neither spaces nor +", args[0])
			}
			private, public, err := audit.NewKey(rand.Reader, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "private: %s\npublic:  %s\n", private, public)
			return nil
		},
	}
}
