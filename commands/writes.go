package commands

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// kindWriters is the kind of check that knows which deployments write.
const kindWriters = "writers"

// The ways of its fix.
const (
	modeReadOnly = "read-only"
	modeScale    = "scale"
	modeResume   = "resume"
)

// writesStatusCommand shows who writes, and what was stopped.
func writesStatusCommand(env Env) Command {
	return Command{
		Name: "writes status", Under: "writes", Kind: kindWriters, Args: "[check]",
		Summary:  "which deployments write, how they are set, and what would undo a stop",
		Examples: examplesOf(env, "writes status", kindWriters),
		General:  "check:any",
		Needs:    needsOf(env, kindWriters, "writes status", "check"),
		Prepare: func(_ context.Context, c Call) (Prepared, error) {
			one, err := oneCheck(env, c, kindWriters, "writes status")
			if err != nil {
				return Prepared{}, err
			}
			return runOne(env, c, one, check.Order{Options: check.Options{Overview: true}})
		},
	}
}

// writesStopCommand asks for a plan that keeps deployments from writing.
func writesStopCommand(env Env) Command {
	read := func(c Call) (check.Check, fix.Order, error) {
		one, o, err := writesOrder(env, c, "writes stop")
		if err != nil {
			return one, o, err
		}
		o.Mode, err = stopMode(env, c, one)
		return one, o, err
	}
	example := flagged(env, kindWriters, "writes stop")
	return Command{
		Name: "writes stop", Under: "writes", Kind: kindWriters, Mode: modeReadOnly, Args: "[deployment …]",
		Summary:  "preview stopping writers; a second person has to approve it",
		Examples: []string{example, flagged(env, kindWriters, "writes stop --mode "+modeScale+" ecommerce-backend")},
		General:  "fix:any",
		Flags: func(set *pflag.FlagSet) {
			ofCheck(set)
			set.String("mode", "", modeReadOnly+"|"+modeScale)
		},
		Needs:   planNeeds(env, read),
		Prepare: planPrepare(env, read),
	}
}

// writesResumeCommand asks for a plan that lets them write again.
func writesResumeCommand(env Env) Command {
	read := func(c Call) (check.Check, fix.Order, error) {
		one, o, err := writesOrder(env, c, "writes resume")
		o.Mode = modeResume
		return one, o, err
	}
	return Command{
		Name: "writes resume", Under: "writes", Kind: kindWriters, Mode: modeResume, Args: "[deployment …]",
		Summary:  "preview letting stopped writers write again, as they were before",
		Examples: []string{flagged(env, kindWriters, "writes resume")},
		General:  "fix:any",
		Flags:    ofCheck,
		Needs:    planNeeds(env, read),
		Prepare:  planPrepare(env, read),
	}
}

// deploymentForm is what Kubernetes allows as a name (a DNS-1123 subdomain).
var deploymentForm = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)

// writesOrder reads which check's deployments are meant, and which of them: all if
// none is named.
func writesOrder(env Env, c Call, command string) (check.Check, fix.Order, error) {
	var which, plain []string
	for _, typed := range c.Args {
		name := strings.TrimPrefix(strings.TrimPrefix(typed, "deployment/"), "deployments/")
		if !deploymentForm.MatchString(name) {
			return check.Check{}, fix.Order{}, badInput("\"%s\" is not the name of a deployment, which has small letters, digits and hyphens.", clip(typed)).try(flagged(env, kindWriters, command+" ecommerce-backend"))
		}
		if !slices.Contains(plain, name) {
			plain, which = append(plain, name), append(which, "deployment="+name)
		}
	}
	one, err := checkFlag(env, c, kindWriters, strings.TrimSpace(command+" "+strings.Join(plain, " ")))
	return one, fix.Order{Check: one.Name, Domain: one.Domain, Select: which}, err
}

// stopMode is how writers are to be stopped: as it was said, or else as the config
// says first.
func stopMode(env Env, c Call, one check.Check) (string, error) {
	ways, example := []string{modeReadOnly, modeScale}, flagged(env, kindWriters, "writes stop", one)
	if !c.Flags.Changed("mode") {
		if planner := env.Fixes[one.Name].Planner; planner != nil {
			if i := slices.IndexFunc(planner.Modes(), func(m string) bool { return slices.Contains(ways, m) }); i >= 0 {
				return planner.Modes()[i], nil
			}
		}
		return modeReadOnly, nil
	}
	mode, _ := c.Flags.GetString("mode")
	switch near := nearest(strings.ToLower(mode), ways); {
	case slices.Contains(ways, mode):
		return mode, nil
	case mode == modeResume:
		return "", badInput("To let them write again is a command of its own.").try(flagged(env, kindWriters, "writes resume", one))
	case near != "":
		return "", badInput("Writers cannot be stopped by \"%s\". Did you mean %s?", clip(mode), near).try(example + " --mode " + near)
	}
	return "", badInput("Writers cannot be stopped by \"%s\"; by %s.", clip(mode), strings.Join(ways, ", ")).try(example + " --mode " + modeReadOnly)
}
