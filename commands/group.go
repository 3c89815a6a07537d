package commands

import (
	"context"
	"strings"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

// groupCommand is what is said where only a group was named, or no command of it.
func groupCommand(env Env, registry func() *Registry, c Command) Command {
	c.Needs = func(_ context.Context, call Call) ([]authz.Permission, error) {
		if len(call.Args) == 0 {
			return nil, nil
		}
		return nil, registry().noSuch(c.Name, call.Args)
	}
	c.Prepare = func(_ context.Context, call Call) (Prepared, error) {
		return Prepared{Reply: helpGroup(env, registry().under(c.Name), call)}, nil
	}
	return c
}

func eventsCommand(env Env, registry func() *Registry) Command {
	return groupCommand(env, registry, Command{
		Name: "events", Args: "lag | dlq | logs | export | replay | replay-aggregate",
		Summary:  "what consumers have not read, what they gave up on, and sending it on again",
		Examples: []string{"events dlq", "events lag", "help events"},
		General:  "check:any",
	})
}

func cacheCommand(env Env, registry func() *Registry) Command {
	return groupCommand(env, registry, Command{
		Name: "cache", Args: "check | get | ttl | scan | clear | flush",
		Summary:  "cached values beside their rows, and clearing what is stale",
		Examples: []string{"cache check", "cache get " + exampleKey, "help cache"},
		General:  "check:any",
	})
}

func dbCommand(env Env, registry func() *Registry) Command {
	return groupCommand(env, registry, Command{
		Name: "db", Args: "conflicts",
		Summary:  "what the databases count of conflicts, deadlocks and damaged pages",
		Examples: []string{"db conflicts", "help db"},
		General:  rightDatabase,
	})
}

func writesCommand(env Env, registry func() *Registry) Command {
	return groupCommand(env, registry, Command{
		Name: "writes", Args: "status | stop | resume",
		Summary:  "who writes, and stopping and resuming that",
		Examples: []string{"writes status", "help writes"},
		General:  "check:any",
	})
}

// noSuch answers words behind a group's name that are no command of it.
func (r *Registry) noSuch(group string, words []string) error {
	var names []string
	for _, one := range r.under(group) {
		if one.Hidden {
			continue
		}
		names = append(names, strings.TrimPrefix(one.Name, group+" "))
	}
	low := strings.ToLower(words[0])
	if says, instead := never(group, low); says != "" {
		return badInput("%s", says).try(r.byName[instead].example())
	}
	if meant, ok := r.meantBy(group+" "+low, words[1:]); ok {
		return badInput("%s has no \"%s\". Did you mean \"%s\"?", group, clip(words[0]), meant.name).try(meant.example)
	}
	if near := nearest(low, names); near != "" {
		return badInput("%s has no \"%s\". Did you mean \"%s %s\"?", group, clip(words[0]), group, near).try(r.byName[group+" "+near].example())
	}
	return badInput("%s has no \"%s\"; it has %s.", group, clip(words[0]), strings.Join(names, ", ")).try("help " + group)
}

// group is what a group's help lists: its commands, and first itself where it does
// something without them.
func (r *Registry) group(name string) []Command {
	of := r.under(name)
	if own := r.byName[name]; own.Alone && len(of) > 0 {
		of = append([]Command{own}, of...)
	}
	return of
}

// helpGroup lists the commands of a group.
func helpGroup(env Env, of []Command, c Call) *message.Message {
	m := &message.Message{Headline: message.Join("Look first: ", message.Mono(env.Word+" "+of[0].example()), ".")}
	may, missing := helpLines(env, of, c)
	m.Parts = append(m.Parts, message.Part{Lines: may})
	if len(missing) > 0 {
		m.Parts = append(m.Parts, message.Part{Lines: append([]message.Line{{message.Strong("Not for you here")}}, missing...)})
	}
	one := of[0]
	if one.Alone { // its help is this
		one = of[1]
	}
	m.Context = []message.Line{message.Join("More about one: ", message.Mono(env.Word+" help "+one.Name))}
	return m
}
