package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
)

// The kinds of check that the events commands are about.
const (
	kindLag     = "lag"
	kindLetters = "dead-letters"
)

// exportLimit is how many records fit one exported file.
const exportLimit = 50_000

// groupings are by what dead letters can be counted.
func groupings() []string { return []string{"error", "topic", "key", "age"} }

// eventsLagCommand tells how far consumers are behind, also where that is well
// within limits.
func eventsLagCommand(env Env) Command {
	return Command{
		Name: "events lag", Under: "events", Kind: kindLag, Args: "[check]",
		Summary:  "how far consumers are behind, partition by partition",
		Examples: examplesOf(env, "events lag", kindLag),
		General:  "check:any",
		Needs:    needsOf(env, kindLag, "events lag", "check"),
		Prepare: func(_ context.Context, c Call) (Prepared, error) {
			one, err := oneCheck(env, c, kindLag, "events lag")
			if err != nil {
				return Prepared{}, err
			}
			return runOne(env, c, one, check.Order{Options: check.Options{Overview: true}})
		},
	}
}

// eventsDLQCommand counts what consumers gave up on.
func eventsDLQCommand(env Env) Command {
	return Command{
		Name: "events dlq", Under: "events", Kind: kindLetters, Args: "[check]",
		Summary:  "what consumers gave up on (dead letters), counted; reading commits nothing",
		Examples: examplesOf(env, "events dlq", kindLetters, "--group-by topic"),
		General:  "check:any",
		Flags: func(set *pflag.FlagSet) {
			set.String("group-by", "", "error|topic|key|age")
			set.String("since", "", "2h")
		},
		Needs: needsOf(env, kindLetters, "events dlq", "check"),
		Prepare: func(_ context.Context, c Call) (Prepared, error) {
			one, err := oneCheck(env, c, kindLetters, "events dlq")
			if err != nil {
				return Prepared{}, err
			}
			o, example := check.Order{Options: check.Options{Overview: true}}, naming(env, one, "events dlq")
			if o.Options.GroupBy, err = groupBy(c, example); err != nil {
				return Prepared{}, err
			}
			if err := sinceFlag(c, &o.Options); err != nil {
				return Prepared{}, err.try(example + " --since 2h")
			}
			return runOne(env, c, one, o)
		},
	}
}

func groupBy(c Call, example string) (string, error) {
	word, _ := c.Flags.GetString("group-by")
	if word == "" && !c.Flags.Changed("group-by") || slices.Contains(groupings(), word) {
		return word, nil
	}
	bad := badInput("Dead letters cannot be counted by \"%s\"; by %s.", clip(word), strings.Join(groupings(), ", "))
	if near := nearest(strings.ToLower(word), groupings()); near != "" {
		return "", bad.try(example + " --group-by " + near)
	}
	return "", bad.try(example + " --group-by error")
}

// eventsExportCommand gives dead letters as they are, to the byte: for whoever has
// to look into them, and for importing them elsewhere.
func eventsExportCommand(env Env) Command {
	return Command{
		Name: "events export", Under: "events", Kind: kindLetters, Args: "[check]",
		Summary:  "dead letters as a file (NDJSON), unmasked, that imports back to the byte",
		Examples: examplesOf(env, "events export", kindLetters, "--match error=NullPointer --limit 100"),
		General:  "export:any",
		Flags: func(set *pflag.FlagSet) {
			set.StringArray("match", nil, "key=o-17")
			set.String("since", "", "2h")
			set.Int("limit", 0, "1000")
		},
		Needs: needsOf(env, kindLetters, "events export", "export"),
		Prepare: func(_ context.Context, c Call) (Prepared, error) {
			one, err := oneCheck(env, c, kindLetters, "events export")
			if err != nil {
				return Prepared{}, err
			}
			if c.Place.Shared {
				return Prepared{}, errSharedExport()
			}
			o, example := check.Order{Step: check.StepExport}, naming(env, one, "events export")
			if o.Select, err = selecting(env, c, example); err != nil {
				return Prepared{}, err
			}
			if err := sinceFlag(c, &o.Options); err != nil {
				return Prepared{}, err.try(example + " --since 2h")
			}
			if o.Limit, err = numberFlag(c, "limit", exportLimit, example+" --limit 1000"); err != nil {
				return Prepared{}, err
			}
			return runOne(env, c, one, o)
		},
	}
}

// exportOf is the right to be given a check's records as they are.
func exportOf(one check.Check) authz.Permission { return authz.Permission("export:" + one.Domain) }

func errSharedExport() *InputError {
	return badInput("This channel is shared with another organisation, so no records are given out here. Use a private channel.")
}

// selecting reads which records are meant, and lets the target say what it does
// not understand.
func selecting(env Env, c Call, command string) ([]string, error) {
	words, err := c.Flags.GetStringArray("match")
	if err != nil || len(words) == 0 {
		return nil, err
	}
	if env.Selection != nil {
		if err := env.Selection(words); err != nil {
			return nil, inWords(err).try(command + " --match error=NullPointerException")
		}
	}
	return words, nil
}

func sinceFlag(c Call, o *check.Options) *InputError {
	since, _ := c.Flags.GetString("since")
	if !c.Flags.Changed("since") {
		return nil
	}
	ago, bad := span(since)
	o.Since = ago
	return bad
}

// numberFlag reads a flag that is a number from 1 to most; 0 if it is not given.
func numberFlag(c Call, name string, most int, example string) (int, error) {
	if !c.Flags.Changed(name) {
		return 0, nil
	}
	n, _ := c.Flags.GetInt(name)
	if n < 1 || n > most {
		return 0, badInput("--%s is %d; give a number from 1 to %d.", name, n, most).try(example)
	}
	return n, nil
}
