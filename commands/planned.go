package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// planReader reads from a call which check's fix is meant, and what of it.
type planReader func(c Call) (check.Check, fix.Order, error)

// planNeeds asks for what the plan takes that is wished for.
func planNeeds(env Env, read planReader) func(context.Context, Call) ([]authz.Permission, error) {
	return func(_ context.Context, c Call) ([]authz.Permission, error) {
		_, o, err := read(c)
		if err != nil {
			return nil, err
		}
		return planRights(env, o), nil
	}
}

// planRights are fix:<domain>, and what the plan's way asks for beside it.
func planRights(env Env, o fix.Order) []authz.Permission {
	needs := []authz.Permission{authz.Permission("fix:" + o.Domain)}
	if right := env.Fixes[o.Check].Way(o).Right; right != "" {
		needs = append(needs, right)
	}
	return needs
}

// planPrepare prepares the plan, if it can be asked for here and the config allows
// its way.
func planPrepare(env Env, read planReader) func(context.Context, Call) (Prepared, error) {
	return func(_ context.Context, c Call) (Prepared, error) {
		one, o, err := read(c)
		if err != nil {
			return Prepared{}, err
		}
		declared, err := fixable(env, c, one)
		if err != nil {
			return Prepared{}, err
		}
		if modes := declared.Planner.Modes(); !slices.Contains(modes, o.Mode) {
			return Prepared{}, badInput("The fix of %s does not allow %s; its config allows %s.", one.Name, o.Mode, strings.Join(modes, ", ")).try("fix " + one.Name)
		}
		return startPlan(env, c, o), nil
	}
}

// noFix says that a check has no fix, and what can be asked instead.
func noFix(env Env, one check.Check) *InputError {
	bad := badInput("The config declares no fix for %s.", one.Name)
	switch one.Kind {
	case kindLag:
		return noFixOfLag(env, one)
	case kindLetters: // there is nothing to prevent, either
		return badInput("The config declares no fix for %s, so none of them can be sent on; they can be counted and exported.", one.Name).try("events dlq " + one.Name)
	case kindCache:
		return bad.try("cache check " + one.Name)
	case kindLocks:
		return bad.try("locks " + one.Name)
	case kindWriters:
		return bad.try("writes status " + one.Name)
	case kindRestore:
		return bad.try("check " + one.Name)
	}
	return bad.try("prevent " + one.Name)
}
