package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
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

// eventsCommand is what is said where only the group was named, or no command of
// it.
func eventsCommand(env Env, registry func() *Registry) Command {
	return Command{
		Name: "events", Args: "lag | dlq | export | replay | replay-aggregate",
		Summary:  "what consumers have not read, what they gave up on, and sending it on again",
		Examples: []string{"events dlq", "events lag", "help events"},
		General:  "check:any",
		Needs: func(_ context.Context, c Call) ([]authz.Permission, error) {
			if len(c.Args) == 0 {
				return nil, nil
			}
			return nil, noSuchEvents(registry().under("events"), c.Args[0])
		},
		Prepare: func(_ context.Context, c Call) (Prepared, error) {
			return Prepared{Reply: helpGroup(env, registry().under("events"), c)}, nil
		},
	}
}

func noSuchEvents(known []Command, word string) error {
	var names []string
	examples := map[string]string{}
	for _, one := range known {
		name := strings.TrimPrefix(one.Name, "events ")
		names, examples[name] = append(names, name), one.example()
	}
	low := strings.ToLower(word)
	for _, wish := range []string{"reset", "seek", "rewind", "offset", "commit", "skip"} {
		if strings.Contains(low, wish) {
			return badInput("I never move a consumer group's offsets: a group at work would read everything again, or miss some of it for ever. What failed can be sent on again one by one.").try(examples["replay"])
		}
	}
	if near := nearest(low, names); near != "" {
		return badInput("events has no \"%s\". Did you mean \"events %s\"?", clip(word), near).try(examples[near])
	}
	return badInput("events has no \"%s\"; it has %s.", clip(word), strings.Join(names, ", ")).try("help events")
}

// eventsLagCommand tells how far consumers are behind, also where that is well
// within limits.
func eventsLagCommand(env Env) Command {
	return Command{
		Name: "events lag", Under: "events", Args: "[check]",
		Summary:  "how far consumers are behind, partition by partition",
		Examples: eventsExamples(env, "events lag", kindLag),
		General:  "check:any",
		Needs:    needsOf(env, kindLag, "events lag", "check"),
		Prepare: func(_ context.Context, c Call) (Prepared, error) {
			one, err := eventsCheck(env, c, kindLag, "events lag")
			if err != nil {
				return Prepared{}, err
			}
			return eventsRun(env, c, one, check.Order{Options: check.Options{Overview: true}})
		},
	}
}

// eventsDLQCommand counts what consumers gave up on.
func eventsDLQCommand(env Env) Command {
	return Command{
		Name: "events dlq", Under: "events", Args: "[check]",
		Summary:  "what consumers gave up on (dead letters), counted; reading commits nothing",
		Examples: eventsExamples(env, "events dlq", kindLetters, "--group-by topic"),
		General:  "check:any",
		Flags: func(set *pflag.FlagSet) {
			set.String("group-by", "", "error|topic|key|age")
			set.String("since", "", "2h")
		},
		Needs: needsOf(env, kindLetters, "events dlq", "check"),
		Prepare: func(_ context.Context, c Call) (Prepared, error) {
			one, err := eventsCheck(env, c, kindLetters, "events dlq")
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
			return eventsRun(env, c, one, o)
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
		Name: "events export", Under: "events", Args: "[check]",
		Summary:  "dead letters as a file (NDJSON), unmasked, that imports back to the byte",
		Examples: eventsExamples(env, "events export", kindLetters, "--match error=NullPointer --limit 100"),
		General:  "export:any",
		Flags: func(set *pflag.FlagSet) {
			set.StringArray("match", nil, "key=o-17")
			set.String("since", "", "2h")
			set.Int("limit", 0, "1000")
		},
		Needs: needsOf(env, kindLetters, "events export", "export"),
		Prepare: func(_ context.Context, c Call) (Prepared, error) {
			one, err := eventsCheck(env, c, kindLetters, "events export")
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
			return eventsRun(env, c, one, o)
		},
	}
}

// exportOf is the right to be given a check's records as they are.
func exportOf(one check.Check) authz.Permission { return authz.Permission("export:" + one.Domain) }

func errSharedExport() *InputError {
	return badInput("This channel is shared with another organisation, so no records are given out here. Use a private channel.")
}

// eventsRun starts a run of one check.
func eventsRun(env Env, c Call, one check.Check, o check.Order) (Prepared, error) {
	if c.Request.Channel == "" {
		return Prepared{}, badInput("I do not know in which channel to answer; ask in a channel.").try("help events")
	}
	o.Title, o.Checks = one.Title, []string{one.Name}
	o.Words = strings.Join(append([]string{"events"}, quoted(c.Request.Text)...), " ")
	return startRun(env, c, o), nil
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

// helpGroup lists the commands of a group.
func helpGroup(env Env, of []Command, c Call) *message.Message {
	m := &message.Message{Headline: message.Join("Look first: ", message.Mono(env.Word+" "+of[0].example()), ".")}
	may, missing := helpLines(env, of, c)
	m.Parts = append(m.Parts, message.Part{Lines: may})
	if len(missing) > 0 {
		m.Parts = append(m.Parts, message.Part{Lines: append([]message.Line{{message.Strong("Not for you here")}}, missing...)})
	}
	m.Context = []message.Line{message.Join("More about one: ", message.Mono(env.Word+" help "+of[0].Name))}
	return m
}
