package commands

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

// escalateCommand calls people to an incident: a level, and those behind it while nobody
// comes.
func escalateCommand(env Env) Command {
	levels := levelNames(env)
	example := "escalate"
	if len(levels) > 0 {
		example = "escalate " + levels[0]
	}
	return Command{
		Name: "escalate", Args: "<" + orNone(strings.Join(levels, " | ")) + "> [incident]", Summary: "call people to an incident, level by level, until somebody comes",
		Examples: []string{example, example + " --reason 'nobody here may write to the database'"},
		General:  "escalate:any",
		Flags:    func(set *pflag.FlagSet) { set.String("reason", "", "'nobody here may write to the database'") },
		Needs: func(ctx context.Context, c Call) ([]authz.Permission, error) {
			_, level, err := escalated(ctx, env, c, example)
			return []authz.Permission{levelRight(level)}, err
		},
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			i, level, err := escalated(ctx, env, c, example)
			if err != nil {
				return Prepared{}, err
			}
			if e := i.Escalation; e != nil && e.Acked != "" && env.Now().Sub(e.Since) < calledJustNow {
				return Prepared{Incident: i.Ref()}, calledAlready(i)
			}
			reason, _ := c.Flags.GetString("reason")
			moved, effects, err := incidents.Escalate(i, env.Incidents, by(env, c), level, oneLine(reason), membersOf(ctx, env))
			if err != nil {
				return Prepared{Incident: i.Ref()}, notMoved(err)
			}
			return calling(c, i, moved, effects, map[string]string{"level": level, "reason": clip(reason)}), nil
		},
	}
}

// calledJustNow is how long after a call to which somebody came nobody is called again.
const calledJustNow = time.Minute

func calledAlready(i incidents.Incident) error {
	return &InputError{
		Sentence: "People were called for " + i.Ref() + " less than a minute ago, and somebody came; ask there first.",
		Who:      i.Escalation.Acked, Try: "incident status " + i.Ref(),
	}
}

func calling(c Call, i, moved incidents.Incident, effects incidents.Effects, args map[string]string) Prepared {
	p := Prepared{
		Target: i.Ref(), Incident: i.Ref(), Args: args,
		Build: func(int64) Intent {
			return Intent{
				Incidents: []incidents.Change{{Incident: moved}}, Posts: effects.Posts, Events: effects.Events, Entries: effects.Entries,
			}
		},
	}
	if c.Request.Channel != i.Where() {
		p.Reply = &message.Message{Headline: message.Join("They are called for ", i.Ref(), inPlace(i), ".")}
	}
	return p
}

// escalated reads which level is meant, and for which incident.
func escalated(ctx context.Context, env Env, c Call, example string) (incidents.Incident, string, error) {
	i, c, err := whichIncident(ctx, env, refFirst(c), strings.Replace(example, "escalate", "escalate %s", 1))
	if err != nil {
		return i, "", err
	}
	level, err := levelWord(env, c.Args)
	return i, level, err
}

func levelWord(env Env, args []string) (string, error) {
	known := levelNames(env)
	if len(known) == 0 {
		return "", badInput("The config names no levels of escalation, so there is nobody to call; see incidents.levels in config.example.yaml.").try("incident status")
	}
	if len(args) == 0 {
		return "", badInput("Who should be called? There are %s.", strings.Join(known, ", ")).try("escalate " + known[0])
	}
	word := strings.Join(args, " ") // a title may be two words
	for _, l := range env.Incidents.Rules.Levels {
		if strings.EqualFold(word, l.Name) || l.Title != "" && strings.EqualFold(word, l.Title) {
			return l.Name, nil
		}
	}
	return "", badInput("There is no level \"%s\"; there are %s.", clip(word), strings.Join(known, ", ")).try("escalate " + known[0])
}

func levelNames(env Env) []string {
	var names []string
	for _, l := range env.Incidents.Rules.Levels {
		names = append(names, l.Name)
	}
	return names
}

// levelRight is the right to call a level.
func levelRight(level string) authz.Permission {
	return authz.Permission("escalate:" + strings.ToLower(level))
}
