package commands

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

// Command is one thing that can be asked. Each lives in a file of its own.
type Command struct {
	Name    string
	Args    string // usage of the arguments: "[all | <domain> | <check>]"
	Summary string // one clause, lower case
	// Examples are words that work, without the command word.
	Examples []string
	// Hidden commands are the other end of a button; help does not list them.
	Hidden bool
	// Under is the group it belongs to, which is the first of the two words of its
	// Name. The help of the group lists it.
	Under string
	// Alone: it does something by itself, although there are commands under it.
	Alone bool
	// General is the permission that help asks about: may this person use it
	// at all? Empty: everybody who may act. fix:any is one of fix:<domain>.
	General authz.Permission
	// Kind is the kind of check that it is about: then the domains are those of such
	// checks. Mode is the way of their fixes that it asks for.
	Kind, Mode string
	Flags      func(*pflag.FlagSet)
	// Needs gives the permissions this very call needs. An InputError refuses it.
	Needs func(ctx context.Context, c Call) ([]authz.Permission, error)
	// Prepare says what to record. It is called after the call was allowed.
	Prepare func(ctx context.Context, c Call) (Prepared, error)
	// Form gives the form that such a call opens in Slack instead, after the call was
	// allowed; a nil form: none. nil: it never opens one.
	Form func(ctx context.Context, c Call) (*message.Form, error)
}

// Call is a request whose words were understood and whose asker is known.
type Call struct {
	Request Request
	ID      string // request id
	Args    []string
	Flags   *pflag.FlagSet
	Subject authz.Subject
	Place   Place
	// Incident is the one that it is carried out for; 0: that of the channel, if there is
	// one.
	Incident int64
}

// Prepared is what a call will record if the transaction succeeds.
type Prepared struct {
	// Target is what the call acts on, for the audit: a check, R-1042.
	Target string
	// Rule is what decided, where that was not the permission alone, and Refused
	// that it decided against it: the Reply says why, and what Build gives is
	// recorded all the same.
	Rule    string
	Refused bool
	// Incident is the one that the call is about, for the audit; empty: that of the
	// channel, if there is one. Before and After are what the call changes, in a word,
	// and Args are added to what was typed.
	Incident      string
	Before, After string
	Args          map[string]string
	// Action is what it is recorded as, where that is not the command's name.
	Action string
	// Pending: the outcome comes later and has audit events of its own.
	Pending bool
	// Numbered asks for a new run number, given to Build.
	Numbered bool
	// Build gives the rest of the intent; the runner adds the audit event. nil
	// if there is only a Reply.
	Build func(run int64) Intent
	// Reply is shown to the asker alone, and so is Answer, which knows the number.
	Reply  *message.Message
	Answer func(run int64) message.Message
}

// parse reads the words behind the command's name.
func (c Command) parse(words []string) (*pflag.FlagSet, []string, error) {
	set := pflag.NewFlagSet(c.Name, pflag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	if c.Flags != nil {
		c.Flags(set)
	}
	if err := set.Parse(words); err != nil {
		return nil, nil, c.flagError(set, words, err)
	}
	args, plain := set.Args(), set.ArgsLenAtDash() // what is behind -- is as it stands
	if plain < 0 {
		plain = len(args)
	}
	for _, a := range args[:plain] {
		if strings.HasPrefix(a, "-") && a != "-" {
			return nil, nil, badInput("I do not understand %q after %s.", a, c.Name).try(c.example())
		}
	}
	return set, args, nil
}

// flagError says which flag was meant.
func (c Command) flagError(set *pflag.FlagSet, words []string, err error) error {
	var known []string
	set.VisitAll(func(f *pflag.Flag) { known = append(known, "--"+f.Name) })
	for _, w := range words {
		name, _, _ := strings.Cut(w, "=")
		if !strings.HasPrefix(name, "-") || slices.Contains(known, name) {
			continue
		}
		if strings.ContainsAny(name, " \n") {
			return badInput("What begins with - is taken for a flag; put -- before a text that does.").try(c.Name + " -- " + Quote(clip(w)))
		}
		if near := nearest("--"+strings.TrimLeft(name, "-"), known); near != "" {
			return badInput("%s has no flag %s. Did you mean %s?", c.Name, name, near).try(c.example())
		}
		return badInput("%s has no flag %s.", c.Name, name).try(c.example())
	}
	if lacking, ok := strings.CutPrefix(err.Error(), "flag needs an argument: --"); ok && set.Lookup(lacking) != nil {
		return badInput("--%s has to be followed by what it is.", lacking).try(c.exampleOf(set.Lookup(lacking)))
	}
	return badInput("I could not read the flags: %s.", strings.TrimSuffix(err.Error(), ".")).try(c.example())
}

// exampleOf is an example with a flag.
func (c Command) exampleOf(f *pflag.Flag) string {
	for _, e := range c.Examples {
		if strings.Contains(e, "--"+f.Name+" ") {
			return e
		}
	}
	return c.example() + " --" + f.Name + " " + f.Usage
}

func (c Command) example() string {
	if len(c.Examples) > 0 {
		return c.Examples[0]
	}
	return c.Name
}

// Usage is the command's first line in help, without the command word.
func (c Command) Usage() string {
	usage := strings.TrimSpace(c.Name + " " + c.Args)
	if c.Flags != nil {
		set := pflag.NewFlagSet(c.Name, pflag.ContinueOnError)
		c.Flags(set)
		set.VisitAll(func(f *pflag.Flag) {
			switch {
			case f.Hidden: // belongs to a form
			case f.Value.Type() == "bool":
				usage += fmt.Sprintf(" [--%s]", f.Name)
			default:
				usage += fmt.Sprintf(" [--%s %s]", f.Name, f.Usage)
			}
		})
	}
	return usage
}

// Registry is all commands, looked up by name.
type Registry struct {
	commands []Command
	byName   map[string]Command
}

// NewRegistry fails if two commands have one name.
func NewRegistry(commands ...Command) (*Registry, error) {
	r := &Registry{byName: map[string]Command{}}
	for _, c := range commands {
		if _, twice := r.byName[c.Name]; twice {
			return nil, fmt.Errorf("two commands are called %q", c.Name)
		}
		if c.Name == "" || c.Prepare == nil || c.Needs == nil {
			return nil, fmt.Errorf("command %q is not complete", c.Name)
		}
		r.byName[c.Name] = c
		r.commands = append(r.commands, c)
	}
	return r, nil
}

// Find gives the command that the first word names. No word is help.
func (r *Registry) Find(words []string) (Command, []string, error) {
	if len(words) == 0 {
		words = []string{"help"}
	}
	name := strings.ToLower(words[0])
	if len(words) > 1 {
		if c, ok := r.byName[name+" "+strings.ToLower(words[1])]; ok {
			return c, words[2:], nil
		}
	}
	if len(words) > 2 && incidentForm.MatchString(words[1]) { // incident INC-12 severity P1
		if c, ok := r.byName[name+" "+strings.ToLower(words[2])]; ok {
			return c, append([]string{words[1]}, words[3:]...), nil
		}
	}
	if c, ok := r.byName[name]; ok {
		return c, words[1:], nil
	}
	return Command{}, nil, r.unknown(words)
}

// unknown says which command was probably meant.
func (r *Registry) unknown(words []string) error {
	name, rest := strings.ToLower(words[0]), words[1:]
	if meant, ok := r.meantBy(name, rest); ok {
		return badInput("There is no command called %q. Did you mean %q?", words[0], meant.name).try(meant.example)
	}
	near := nearest(name, r.names())
	if near == "" {
		return badInput("There is no command called %q.", words[0]).try("help")
	}
	example := r.byName[near].example()
	if len(rest) > 0 {
		if c, ok := r.byName[near+" "+strings.ToLower(rest[0])]; ok {
			example = c.example()
		}
	}
	return badInput("There is no command called %q. Did you mean %q?", words[0], near).try(example)
}

func (r *Registry) names() []string {
	var names []string
	for _, c := range r.commands {
		if !c.Hidden && c.Under == "" {
			names = append(names, c.Name)
		}
	}
	return names
}

// under gives the commands of a group.
func (r *Registry) under(group string) []Command {
	var out []Command
	for _, c := range r.commands {
		if c.Under == group {
			out = append(out, c)
		}
	}
	return out
}
