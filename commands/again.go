package commands

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
)

// againCommand runs the checks of an earlier run once more: the other end of
// the button "Run again". The rights are those of today's declarations.
func againCommand(env Env) Command {
	return Command{
		Name: "again", Args: "<run>", Summary: "run the checks of a run again", Hidden: true,
		Examples: []string{"again R-1042"},
		Needs: func(ctx context.Context, c Call) ([]authz.Permission, error) {
			o, checks, err := onceMore(ctx, env, c)
			switch {
			case err != nil:
				return nil, err
			case o.Step == check.StepExport:
				return []authz.Permission{exportOf(checks[0])}, nil
			case o.Step == check.StepLook:
				return lookRights(env.Catalog, o), nil
			}
			return permissions(checks), nil
		},
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			o, _, err := onceMore(ctx, env, c)
			if err != nil {
				return Prepared{}, err
			}
			if c, err = heldFor(ctx, env, c, o.Incident); err != nil {
				return Prepared{}, err
			}
			if o.Step == check.StepExport && c.Place.Shared {
				return Prepared{}, errSharedExport()
			}
			c.Request.Thread = "" // a new run is a message of its own in the channel
			if o.Step == check.StepLook {
				return startLook(env, c, o)
			}
			return startRun(env, c, o), nil
		},
	}
}

// onceMore is the order of an earlier run again. An export stays one: what gives
// records out is never begun, nor allowed, as a check.
func onceMore(ctx context.Context, env Env, c Call) (check.Order, []check.Check, error) {
	run, only, err := findRun(ctx, env.Archive, c, "again")
	if err != nil {
		return check.Order{}, nil, err
	}
	if run.Step == check.StepLook {
		return lookAgain(run), nil, nil
	}
	o := check.Order{Title: run.Title, Words: run.Words, Options: run.Options, Incident: run.Incident}
	switch {
	case run.Step == check.StepExport:
		o.Step, o.Select, o.Limit = run.Step, run.Select, run.Limit
	case run.Step == check.StepVerify && only == "":
		o.Step = run.Step
	}
	var checks []check.Check
	for _, one := range env.Catalog {
		was := only == "" && slices.Contains(run.Off, one.Name)
		switch {
		case was && one.Off: // left out still, and said so
			o.Off = append(o.Off, one.Name)
		case was, slices.Contains(run.Checks, one.Name) && (only == "" || only == one.Name):
			checks = append(checks, one)
		}
	}
	if len(checks) == 0 {
		return check.Order{}, nil, badInput("The checks of %s are no longer in the config.", run.Ref()).try("check all")
	}
	if only != "" && o.Step != check.StepExport {
		o.Title, o.Words = checks[0].Title, "check "+only
	}
	o.Checks = names(checks)
	return o, checks, nil
}

// findRun reads the one argument of a command as a run, or as one check of a
// run: R-1042 or R-1042/order-totals.
func findRun(ctx context.Context, archive Archive, c Call, command string) (check.Run, string, error) {
	example := command + " R-1042"
	if len(c.Args) != 1 {
		return check.Run{}, "", badInput("Which run? Name one.").try(example)
	}
	ref, only, _ := strings.Cut(c.Args[0], "/")
	id, err := check.ParseRef(ref)
	if err != nil {
		return check.Run{}, "", badInput("\"%s\" is not a run; runs look like R-1042.", clip(c.Args[0])).try(example)
	}
	run, err := archive.Run(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return check.Run{}, "", badInput("There is no run %s.", check.Ref(id)).try("check all")
	}
	if err != nil {
		return check.Run{}, "", err
	}
	if only != "" && !slices.Contains(run.Checks, only) {
		return check.Run{}, "", badInput("%s has no check called \"%s\".", run.Ref(), clip(only)).try(command + " " + run.Ref())
	}
	return run, only, nil
}

// rightsTo are what it takes to act on a run.
func rightsTo(catalog check.Catalog, run check.Run) []authz.Permission {
	if run.Step == check.StepLook {
		return lookRights(catalog, run.Order)
	}
	return domains(catalog, run)
}

// domains of a run's checks as declared today, for deciding who may act on it.
// A check that is gone counts as a domain that nobody is granted by name.
func domains(catalog check.Catalog, run check.Run) []authz.Permission {
	known := catalog.ByName()
	var checks []check.Check
	for _, name := range run.Checks {
		c, ok := known[name]
		if !ok {
			c = check.Check{Domain: "removed"}
		}
		checks = append(checks, c)
	}
	return permissions(checks)
}
