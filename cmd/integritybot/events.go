package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/app"
)

func eventsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "events", Short: "Take dead letters out as a file, and put records back"}
	cmd.AddCommand(eventsExport(), eventsImport())
	return group(cmd)
}

func eventsExport() *cobra.Command {
	o := app.ExportOptions{Version: version}
	var since, file string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write dead letters as NDJSON, unmasked, so that they import back to the byte",
		Long: `Write the dead letters that a check looks at, one line of JSON a record: key,
value and headers in base64, in their order, with nulls, duplicates and times.
Reading joins no group and commits nothing. Records that a plan has sent on
already are left out.`,
		Example: "  integritybot events export --check failed-events -o letters.ndjson\n  integritybot events export --match error=NullPointer --since 2h >letters.ndjson",
		Args:    noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("limit") && o.Limit < 1 {
				return badLine("--limit is %d; it must be at least 1, or left out for all", o.Limit)
			}
			if since != "" {
				span, err := commands.Span(since)
				if err != nil {
					return badLine("--since: %w", err)
				}
				o.Since = span
			}
			return runExport(cmd, o, file)
		},
	}
	cmd.Flags().StringVar(&o.Check, "check", "", "a check of kind dead-letters; may be left out if there is only one")
	cmd.Flags().StringArrayVar(&o.Select, "match", nil, "only records that fit, such as key=o-17 or error=NullPointer; may be given several times")
	cmd.Flags().StringVar(&since, "since", "", "only what is younger: 30m, 2h, 7d")
	cmd.Flags().IntVar(&o.Limit, "limit", 0, "so many records at most")
	cmd.Flags().StringVarP(&file, "output", "o", "", "the file to write; empty: stdout")
	return cmd
}

func runExport(cmd *cobra.Command, o app.ExportOptions, file string) error {
	c, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	o.Log = newLogger(os.Stderr)
	return into(file, cmd.OutOrStdout(), func(out io.Writer) error {
		o.Out = out
		done, err := app.ExportEvents(cmd.Context(), c, o)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%d records\n", done.Lines)
		for _, note := range done.Notes {
			fmt.Fprintln(cmd.ErrOrStderr(), note)
		}
		return nil
	})
}

// into gives a file to write to, which only its owner may read: records are
// written as they are. What stood there stays until the whole of it is written, so
// that no half export is taken for one.
func into(file string, stdout io.Writer, write func(io.Writer) error) error {
	if file == "" || file == "-" {
		return write(stdout)
	}
	if resolved, err := filepath.EvalSymlinks(file); err == nil {
		file = resolved
	}
	if at, err := os.Stat(file); err == nil && !at.Mode().IsRegular() { // a pipe, /dev/stdout
		return through(file, write)
	}
	out, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("the file cannot be written: %w", err)
	}
	defer os.Remove(out.Name()) // unless it was moved
	if err := write(out); err != nil {
		out.Close()
		return err
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("the file could not be written: %w", err)
	}
	if err := os.Rename(out.Name(), file); err != nil {
		return fmt.Errorf("the file could not be written: %w", err)
	}
	return nil
}

// through writes to what is no file, and keeps nothing.
func through(pipe string, write func(io.Writer) error) error {
	out, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("the file cannot be written: %w", err)
	}
	return errors.Join(write(out), out.Close())
}

func eventsImport() *cobra.Command {
	o := app.ImportOptions{Version: version}
	cmd := &cobra.Command{
		Use:   "import <FILE",
		Short: "Produce what an export wrote, equal to the byte, in transactions",
		Long: `Produce the records of an export, read from stdin, to a topic: in the order of
the lines, to the partition that each line names, with their times. The target
must allow it (replay: on). It stops at the first line that is no record, and says
how much was sent before.`,
		Example: "  integritybot events import --target events --topic ecommerce-dlq-copy <letters.ndjson",
		Args:    noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Topic == "" {
				return badLine("into which topic? Write --topic: integritybot events import --topic ecommerce-dlq-copy <letters.ndjson")
			}
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			o.In, o.Log, o.Progress = cmd.InOrStdin(), newLogger(os.Stderr), cmd.ErrOrStderr()
			done, err := app.ImportEvents(cmd.Context(), c, o)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%d records\n", done.Sent)
			for _, note := range done.Notes {
				fmt.Fprintln(cmd.ErrOrStderr(), note)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&o.Target, "target", "", "a Kafka target of the config; may be left out if there is only one")
	cmd.Flags().StringVar(&o.Topic, "topic", "", "the topic to produce to")
	cmd.Flags().BoolVar(&o.ByKey, "by-key", false, "let the key decide on the partition, as Kafka's own producers do")
	return cmd
}
