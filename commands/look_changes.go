package commands

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/internal/check"
)

// changesCommand shows what was changed in all targets on one time line.
func changesCommand(env Env) Command {
	read := func(c Call) (check.Order, error) {
		o := check.Order{Look: lookChanges}
		if err := nothingBehind(c, "changes"); err != nil {
			return o, err
		}
		if bad := sinceFlag(c, &o.Options); bad != nil {
			return o, bad.try("changes --since 24h")
		}
		return o, nil
	}
	return Command{
		Name:     "changes",
		Summary:  "rollouts, config changes, scaling and migrations on one time line, with who made them",
		Examples: []string{"changes", "changes --since 7d"},
		General:  rightChanges,
		Flags:    func(set *pflag.FlagSet) { set.String("since", "", "24h") },
		Needs:    lookNeeds(env, read),
		Prepare:  lookPrepare(env, read),
	}
}

// conflictsCommand shows what databases count of conflicts.
func conflictsCommand(env Env) Command {
	read := func(c Call) (check.Order, error) {
		return check.Order{Look: lookConflicts}, nothingBehind(c, "db conflicts")
	}
	return Command{
		Name: "db conflicts", Under: "db",
		Summary:  "recovery conflicts, deadlocks, rollbacks and checksum failures since the counters began",
		Examples: []string{"db conflicts"},
		General:  rightDatabase,
		Needs:    lookNeeds(env, read),
		Prepare:  lookPrepare(env, read),
	}
}

// diagnoseCommand looks everywhere at once and weighs the causes.
func diagnoseCommand(env Env) Command {
	read := func(c Call) (check.Order, error) { return diagnoseOrder(env, c) }
	examples := []string{"diagnose"}
	if d := env.Catalog.Domains(); len(d) > 0 {
		examples = []string{"diagnose " + d[0], "diagnose"}
	}
	return Command{
		Name: "diagnose", Args: "[<domain>]",
		Summary:  "look everywhere at once: the likeliest cause with its evidence, and its fixes",
		Examples: examples,
		General:  "diagnose:any",
		Needs:    lookNeeds(env, read),
		Prepare:  lookPrepare(env, read),
	}
}

func diagnoseOrder(env Env, c Call) (check.Order, error) {
	o := check.Order{Look: lookDiagnose}
	all := env.Catalog.Domains()
	if len(c.Args) == 0 {
		return o, nil
	}
	if len(c.Args) > 1 {
		return o, badInput("One domain at a time, or none for everything; not \"%s\".", clip(strings.Join(c.Args, " "))).try("diagnose")
	}
	domain := strings.ToLower(c.Args[0])
	if one, ok := env.Catalog.ByName()[domain]; ok && !slices.Contains(all, domain) {
		return o, badInput("%s is a check; a diagnosis is of a domain.", one.Name).try("diagnose " + one.Domain)
	}
	switch near := nearest(domain, all); {
	case domain == "all":
	case slices.Contains(all, domain):
		o.Domain = domain
	case near != "":
		return o, badInput("There is no domain called \"%s\". Did you mean \"%s\"?", clip(c.Args[0]), near).try("diagnose " + near)
	default:
		return o, badInput("There is no domain called \"%s\". There are %s.", clip(c.Args[0]), strings.Join(all, ", ")).try("diagnose")
	}
	return o, nil
}
