package commands

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/message"
)

// noteCommand writes a note, or a decision, on the timeline.
func noteCommand(env Env) Command {
	const example = "incident note %s 'orders were stopped at the gateway'"
	c := moveCommand(env, Command{
		Name: "incident note", Args: "[incident] <text>", Summary: "write on the timeline",
		Examples: []string{"incident note 'orders were stopped at the gateway'", "incident note --decision 'we do not restore the backup'"},
		Flags: func(set *pflag.FlagSet) {
			set.Bool("decision", false, "it is a decision, which the export lists apart")
		},
	}, example, func(_ context.Context, c Call, i incidents.Incident) (moving, error) {
		text, err := sentence(c.Args, "What should be noted?", "incident note "+i.Ref()+" 'orders were stopped at the gateway'")
		if err != nil {
			return moving{}, err
		}
		e := incidents.Entry{
			Incident: i.ID, Key: "note/" + c.ID, Revision: 1, Kind: incidents.Note, At: env.Now(), Noted: env.Now(),
			Author: c.Request.Actor.User, Text: text,
		}
		word := "Noted by "
		if decision, _ := c.Flags.GetBool("decision"); decision {
			e.Kind, word = incidents.Decision, "Decided by "
		}
		return moving{
			entries: []incidents.Entry{e}, args: map[string]string{"kind": string(e.Kind)},
			says: message.Join(word, byWhom(c), ": ", text),
		}, nil
	})
	c.Form = formOf(env, example, func(_ Call, i incidents.Incident) *message.Form {
		return &message.Form{
			Title: "Note for " + i.Ref(), Verb: "incident note", Ref: i.Ref(), Submit: "Note it",
			Fields: []message.Field{
				{Label: "What should be on the timeline?", Kind: message.FieldLines, Max: maxSaid},
				{Name: "decision", Label: "It is a decision", Kind: message.FieldFlag, Optional: true, Hint: "decisions are listed apart in the export"},
			},
		}
	})
	return c
}

// followUpCommand writes down what is to be done afterwards.
func followUpCommand(env Env) Command {
	return moveCommand(env, Command{
		Name: "incident followup", Args: "[incident] <text>", Summary: "write down what is to be done afterwards",
		Examples: []string{"incident followup 'add a foreign key to orders'"},
	}, "incident followup %s 'add a foreign key to orders'", func(_ context.Context, c Call, i incidents.Incident) (moving, error) {
		text, err := sentence(c.Args, "What is to be done afterwards?", "incident followup "+i.Ref()+" 'add a foreign key to orders'")
		if err != nil {
			return moving{}, err
		}
		moved, err := i.FollowUp(by(env, c), text)
		return moving{
			to: []incidents.Incident{moved}, after: clip(text),
			says: message.Join("To be done after ", i.Ref(), ": ", text, " (", byWhom(c), ")"),
		}, err
	})
}

// milestoneCommand says when it was what.
func milestoneCommand(env Env) Command {
	return moveFound(env, Command{
		Name: "incident milestone", Args: "[incident] <began | detected | contained | identified | fixed | verified>",
		Summary:  "say when it was what, where I could not see it myself",
		Examples: []string{"incident milestone contained", "incident milestone began --at 2026-11-21T10:02:00Z"},
		Flags:    func(set *pflag.FlagSet) { set.String("at", "", "2026-11-21T10:02:00Z") },
	}, refAnywhere(whichIncident), "incident milestone %s contained", func(_ context.Context, c Call, i incidents.Incident) (moving, error) {
		name, at, err := milestoneWords(env, c, "incident milestone "+i.Ref())
		if err != nil {
			return moving{}, err
		}
		moved, err := i.SetMilestone(by(env, c), name, at)
		return moving{
			to: []incidents.Incident{moved}, args: map[string]string{"milestone": name, "at": at.UTC().Format(time.RFC3339)},
			says: message.Join(i.Ref(), " ", milestoneVerb(name), " at ", message.At(at), ", says ", byWhom(c), "."),
		}, err
	})
}

func milestoneWords(env Env, c Call, command string) (string, time.Time, error) {
	known := []string{"began", "detected", "contained", "identified", "fixed", "verified"}
	if len(c.Args) == 0 {
		return "", time.Time{}, badInput("Which milestone? There are %s.", strings.Join(known, ", ")).try(command + " contained")
	}
	name, at := strings.ToLower(c.Args[0]), env.Now()
	text, _ := c.Flags.GetString("at")
	if c.Flags.Changed("at") { // a moment may be two words, and not in quotes
		text = strings.TrimSpace(strings.Join(append([]string{text}, c.Args[1:]...), " "))
		t, ok := moment(text)
		if clock, err := time.Parse("15:04", text); err == nil { // today
			y, m, d := at.UTC().Date()
			t, ok = time.Date(y, m, d, clock.Hour(), clock.Minute(), 0, 0, time.UTC), true
		}
		if !ok {
			return "", at, badInput("--at: \"%s\" is not a time; write 10:02 for today, in UTC, or 2026-11-21T10:02:00Z.", clip(text)).try(command + " " + orContained(known, name) + " --at 2026-11-21T10:02:00Z")
		}
		at = t
	} else if len(c.Args) > 1 {
		return "", at, badInput("I do not understand \"%s\"; a moment is given with --at.", clip(strings.Join(c.Args[1:], " "))).try(command + " contained --at 2026-11-21T10:02:00Z")
	}
	for _, k := range known {
		if name == k {
			return name, at, nil
		}
	}
	if near := nearest(name, known); near != "" {
		return "", at, badInput("There is no milestone \"%s\". Did you mean %s?", clip(c.Args[0]), near).try(command + " " + near)
	}
	return "", at, badInput("There is no milestone \"%s\"; there are %s.", clip(c.Args[0]), strings.Join(known, ", ")).try(command + " contained")
}

func orContained(known []string, name string) string {
	if slices.Contains(known, name) {
		return name
	}
	return "contained"
}

func milestoneVerb(name string) string {
	if name == "began" {
		return name
	}
	return "was " + name
}
