package commands

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// modeAttach is the way of a fix that takes a parent.
const modeAttach = "attach"

// fixFlags reads how much, and judges the way. before is the way of the plan that is
// asked for again.
func fixFlags(o *fix.Order, c Call, declared fix.Declared, before string) error {
	if err := limitFlag(o, c, declared); err != nil {
		return err.try("fix " + o.Check + " --limit 100")
	}
	modes := declared.Planner.Modes()
	if o.Mode == "" || slices.Contains(modes, o.Mode) {
		return argument(o, c, modes, before)
	}
	if near := nearest(o.Mode, modes); near != "" {
		return badInput("%s cannot be repaired by \"%s\". Did you mean %s?", o.Check, clip(o.Mode), near).try("fix " + o.Check + " --mode " + near)
	}
	return badInput("%s cannot be repaired by \"%s\"; its config allows %s.", o.Check, clip(o.Mode), strings.Join(modes, ", ")).try("fix " + o.Check)
}

// argument reads what the way needs. What was said with another way than this one
// means nothing here, and is not taken along: a range of an aggregate's events is
// none of dead letters. before is the way of the plan that is asked for again.
func argument(o *fix.Order, c Call, modes []string, before string) error {
	usual := modes[0]
	mode, example := cmp.Or(o.Mode, usual), "fix "+o.Check
	switch {
	case cmp.Or(before, usual) == mode:
	case before == modeAggregate:
		return badInput("That plan sends one aggregate's events again, which %s does not: ask for it on its own.", mode).try(example + " --mode " + mode)
	case mode == modeFlush && len(o.Select) > 0:
		return badInput("That plan clears some keys, and a flush empties the whole cache: ask for it on its own.").try("cache flush --check " + o.Check)
	default:
		o.Argument = ""
	}
	takes := mode == modeAttach || mode == modeAggregate
	switch {
	case !c.Flags.Changed("parent"):
	case !takes && slices.Contains(modes, modeAttach):
		return badInput("--parent names the row to attach to, and %s attaches nothing.", mode).try(example + " --mode " + modeAttach + " --parent c-1")
	case !takes:
		return badInput("--parent names the row to attach to, and %s attaches nothing.", mode).try(example)
	default:
		o.Argument, _ = c.Flags.GetString("parent")
	}
	if mode == modeAggregate && o.Argument == "" {
		return badInput("Which aggregate? Give one id.").try("events replay-aggregate o-17 --check " + o.Check)
	}
	return nil
}

// limitFlag reads how many failing rows are meant at most.
func limitFlag(o *fix.Order, c Call, declared fix.Declared) *InputError {
	if !c.Flags.Changed("limit") {
		return nil
	}
	o.Limit, _ = c.Flags.GetInt("limit")
	if err := declared.Rules.Caps.Limit(o.Limit); err != nil {
		return inWords(err)
	}
	return nil
}

// inWords makes bad input of a problem that has a sentence for people.
func inWords(err error) *InputError {
	var p *check.Problem
	if errors.As(err, &p) {
		return badInput("%s", p.Sentence)
	}
	return badInput("%s.", strings.TrimSuffix(err.Error(), "."))
}
