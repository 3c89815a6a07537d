package commands

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// helpCommand lists what this person may do here, and why the rest is missing.
func helpCommand(env Env, registry func() *Registry) Command {
	return Command{
		Name:     "help",
		Args:     "[command]",
		Summary:  "what you may do here",
		Examples: []string{"help", "help check"},
		Needs:    nothing,
		Prepare: func(_ context.Context, c Call) (Prepared, error) {
			if len(c.Args) == 0 {
				return Prepared{Reply: helpList(env, registry(), c)}, nil
			}
			command, _, err := registry().Find(c.Args)
			if err != nil {
				return Prepared{}, err
			}
			if of := registry().group(command.Name); len(of) > 0 {
				if len(c.Args) > 1 {
					return Prepared{}, registry().noSuch(command.Name, c.Args[1:])
				}
				return Prepared{Target: command.Name, Reply: helpGroup(env, of, c)}, nil
			}
			return Prepared{Target: command.Name, Reply: helpOne(env, command, c)}, nil
		},
	}
}

func helpList(env Env, r *Registry, c Call) *message.Message {
	m := &message.Message{Headline: message.Join("Type ", message.Mono(env.Word+" check all"), " to see whether the data is right.")}
	may, missing := helpLines(env, r.under(""), c)
	m.Parts = append(m.Parts, message.Part{Lines: may})
	if len(missing) > 0 {
		m.Parts = append(m.Parts, message.Part{Lines: append([]message.Line{{message.Strong("Not for you here")}}, missing...)})
	}
	m.Parts = append(m.Parts, message.Part{Lines: checkList(env)})
	m.Context = []message.Line{message.Text("In a thread, mention me instead: Slack knows no slash commands there.")}
	return m
}

// helpLines is a line for each command, those that the person may not use apart.
func helpLines(env Env, of []Command, c Call) (may, missing []message.Line) {
	for _, command := range of {
		if command.Hidden {
			continue
		}
		line := message.Join(message.Mono(env.Word+" "+command.Usage()), "  "+command.Summary)
		if why := missingBecause(env, command, c); why != "" {
			missing = append(missing, append(line, message.Span{Text: " — " + why}))
		} else {
			may = append(may, line)
		}
	}
	return may, missing
}

// missingBecause says why a person may not use a command at all; empty if they
// may, at least for some domain.
func missingBecause(env Env, command Command, c Call) string {
	if command.General == "" {
		return ""
	}
	reason := nothingDeclared(command)
	if command.Kind != "" {
		reason += " of kind " + command.Kind
	}
	for _, needs := range ways(env, command) {
		why := ""
		for _, need := range needs {
			if d := env.Policy.Decide(c.Subject, need); !d.Allowed {
				why = "needs " + string(need) + "." + whomToAsk(d.Holders)
				break
			}
		}
		if why == "" {
			return ""
		}
		reason = why
	}
	return reason
}

// nothingDeclared is why nobody may use a command that is about what the config names.
func nothingDeclared(command Command) string {
	switch command.General {
	case "notify:any":
		return "the config names no audiences"
	case "escalate:any":
		return "the config names no levels of escalation"
	}
	return "the config declares no checks"
}

// ways are the sets of permissions each of which is enough to use a command for
// something.
func ways(env Env, command Command) [][]authz.Permission {
	verb, anyDomain := strings.CutSuffix(string(command.General), ":any")
	switch {
	case !anyDomain:
		return [][]authz.Permission{{command.General}}
	case command.Kind != "":
		return waysOfKind(env, command, verb)
	}
	var out [][]authz.Permission
	switch verb {
	case "notify":
		for _, a := range env.Incidents.Rules.Audiences {
			out = append(out, []authz.Permission{notifies(a.Name)})
		}
		return out
	case "escalate":
		for _, level := range levelNames(env) {
			out = append(out, []authz.Permission{levelRight(level)})
		}
		return out
	case "diagnose": // everything is a right of its own
		out = append(out, []authz.Permission{rightDiagnose("")})
	}
	for _, d := range env.Catalog.Domains() {
		out = append(out, []authz.Permission{authz.Permission(verb + ":" + d)})
	}
	return out
}

func waysOfKind(env Env, command Command, verb string) [][]authz.Permission {
	var out [][]authz.Permission
	for _, one := range ofKind(env.Catalog, command.Kind) {
		needs := []authz.Permission{authz.Permission(verb + ":" + one.Domain)}
		if command.Mode != "" {
			needs = planRights(env, fix.Order{Check: one.Name, Domain: one.Domain, Mode: command.Mode})
		}
		out = append(out, needs)
	}
	return out
}

func checkList(env Env) []message.Line {
	lines := []message.Line{{message.Strong("Checks by domain")}}
	for _, d := range env.Catalog.Domains() {
		checks, _, err := env.Catalog.Select(d)
		if err != nil {
			continue
		}
		lines = append(lines, message.Join(message.Mono(d), "  "+strings.Join(names(checks), ", ")))
	}
	return lines
}

func helpOne(env Env, command Command, c Call) *message.Message {
	m := &message.Message{Headline: message.Join(message.Mono(env.Word+" "+command.Usage()), "  "+command.Summary)}
	var lines []message.Line
	if command.Flags != nil {
		set := pflag.NewFlagSet(command.Name, pflag.ContinueOnError)
		command.Flags(set)
		set.VisitAll(func(f *pflag.Flag) {
			if f.Hidden {
				return
			}
			lines = append(lines, message.Join(message.Mono("--"+f.Name), "  "+flagHelp(f)))
		})
	}
	for _, e := range command.Examples {
		lines = append(lines, message.Join("Example: ", message.Mono(env.Word+" "+e)))
	}
	if why := missingBecause(env, command, c); why != "" {
		lines = append(lines, message.Text("Not for you here: %s", why))
	}
	m.Parts = []message.Part{{Lines: lines}}
	return m
}

// flagHelp: for a flag with a value the usage is an example of the value.
func flagHelp(f *pflag.Flag) string {
	if f.Value.Type() == "bool" {
		return f.Usage
	}
	return "with a value, such as " + f.Usage
}
