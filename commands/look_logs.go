package commands

import (
	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/internal/check"
)

// logsCommand looks for errors in the log lines of the deployments.
func logsCommand(env Env) Command {
	return linesCommand(env, lookLogs, Command{
		Name:     "logs",
		Summary:  "errors in the logs of all pods, grouped, with when each began",
		Examples: []string{"logs", "logs --since 2h", "logs --grep 'deadlock|timeout'"},
	})
}

// eventsLogsCommand does the same for lines about events.
func eventsLogsCommand(env Env) Command {
	return linesCommand(env, lookEventLogs, Command{
		Name: "events logs", Under: "events",
		Summary:  "errors about events in the logs of all pods, grouped",
		Examples: []string{"events logs", "events logs --grep OrderCreated --since 30m"},
	})
}

func linesCommand(env Env, name string, c Command) Command {
	read := func(call Call) (check.Order, error) { return linesOrder(call, name) }
	c.General = rightLogs
	c.Flags = func(set *pflag.FlagSet) {
		set.String("grep", "", "PATTERN")
		set.String("since", "", "1h")
	}
	c.Needs, c.Prepare = lookNeeds(env, read), lookPrepare(env, read)
	return c
}

func linesOrder(c Call, name string) (check.Order, error) {
	o := check.Order{Look: name}
	if len(c.Args) > 0 {
		pattern := c.Args[0]
		if compiles(pattern) != nil || matchesAnything(pattern) {
			pattern = "error"
		}
		return o, badInput("%s takes no words; say with --grep what lines must match.", name).try(name + " --grep " + spelled(pattern))
	}
	var err error
	if o.Grep, err = grepFlag(c, name); err != nil {
		return o, err
	}
	if bad := sinceFlag(c, &o.Options); bad != nil {
		return o, bad.try(name + " --since 1h")
	}
	return o, nil
}
