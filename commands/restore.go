package commands

import (
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// kindRestore is the kind of check that knows how a backup is restored.
const kindRestore = "restore"

// modeRestore is the way of its fix; its argument is the moment to restore to.
const modeRestore = "restore"

// restoreCommand asks for a plan that starts the job that restores a backup.
func restoreCommand(env Env) Command {
	read := func(c Call) (check.Check, fix.Order, error) {
		at, err := restoreTo(env, c)
		if err != nil {
			return check.Check{}, fix.Order{}, err
		}
		example := restorePlain(env)
		if at != "" {
			example = "restore --at " + at
		}
		one, err := checkFlag(env, c, kindRestore, example)
		if err == nil && at == "" && !timeless(env, one) {
			err = noMoment(env, one)
		}
		return one, fix.Order{Check: one.Name, Domain: one.Domain, Mode: modeRestore, Argument: at}, err
	}
	return Command{
		Name: "restore", Kind: kindRestore, Mode: modeRestore,
		Summary:  "preview restoring a backup as of a moment; a second person has to approve it",
		Examples: []string{restoreExample(env)},
		General:  "fix:any",
		Flags: func(set *pflag.FlagSet) {
			ofCheck(set)
			set.String("at", "", "2026-11-21T10:00:00Z")
		},
		Needs:   planNeeds(env, read),
		Prepare: planPrepare(env, read),
	}
}

// Timeless is a fix.Planner that may be told no moment: what it starts knows one
// backup.
type Timeless interface {
	Timeless() bool
}

func timeless(env Env, one check.Check) bool {
	p, ok := env.Fixes[one.Name].Planner.(Timeless)
	return ok && p.Timeless()
}

func noMoment(env Env, one check.Check) *InputError {
	return badInput("To which moment? Give one with --at, in UTC or with its zone.").try(restoreExample(env, one))
}

// restorePlain is an example with a moment that is over: the last whole hour but
// one. restoreExample also names a check where there are several, of which preferred
// is one.
func restorePlain(env Env) string {
	return "restore --at " + env.Now().UTC().Add(-time.Hour).Truncate(time.Hour).Format(time.RFC3339)
}

func restoreExample(env Env, preferred ...check.Check) string {
	return flagged(env, kindRestore, restorePlain(env), preferred...)
}

// restoreTo reads the moment, which may have been typed without quotes around its
// two words. It is given in UTC; empty if none was said.
func restoreTo(env Env, c Call) (string, error) {
	text, _ := c.Flags.GetString("at")
	example := restoreExample(env)
	if !c.Flags.Changed("at") {
		if len(c.Args) > 0 {
			return "", badInput("I do not understand \"%s\"; a moment is given with --at.", clip(strings.Join(c.Args, " "))).try(example)
		}
		return "", nil
	}
	text = strings.TrimSpace(strings.Join(append([]string{text}, c.Args...), " "))
	at, ok := moment(text)
	switch {
	case !ok:
		return "", badInput("--at: \"%s\" is not a time; write 2026-11-21T10:00:00Z, or 2026-11-21 for its midnight in UTC.", clip(text)).try(example)
	case at.After(env.Now()):
		return "", badInput("--at: %s is still to come; nothing can be restored from there.", at.Format(time.RFC3339)).try(example)
	}
	return at.Format(time.RFC3339), nil
}
