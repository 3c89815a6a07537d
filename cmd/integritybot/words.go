package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// badLine is a command line that makes no sense. It must not look like a check
// that fails, which is exit code 1.
func badLine(format string, args ...any) error {
	return &exitError{exitUnknown, fmt.Errorf(format, args...)}
}

// badFlag is what is wrong with a flag, and where all of them are listed.
func badFlag(cmd *cobra.Command, err error) error {
	return badLine("%w; %s --help lists the flags", err, cmd.CommandPath())
}

// noWords is for commands that take flags only.
func noWords(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return badLine("%s takes no further words, so what is %q meant to be?", cmd.CommandPath(), args[0])
	}
	return nil
}

// group makes a command that only holds others: alone it prints its help, with
// a word that names none of them it suggests the nearest.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.SuggestionsMinimumDistance = 2
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return badLine("there is no command %q; did you mean %s %s?", args[0], cmd.CommandPath(), strings.Join(near, " or "))
		}
		var names []string
		for _, one := range cmd.Commands() {
			if one.IsAvailableCommand() {
				names = append(names, one.Name())
			}
		}
		return badLine("there is no command %q; %s has %s", args[0], cmd.CommandPath(), strings.Join(names, ", "))
	}
	return cmd
}
