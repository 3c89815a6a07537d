package commands

import (
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// The ways of a cache's fix.
const (
	modeClear = "clear"
	modeFlush = "flush"
)

// cacheClearCommand asks for a plan that removes keys. It removes nothing itself.
func cacheClearCommand(env Env) Command {
	read := func(c Call) (check.Check, fix.Order, error) { return clearOrder(env, c) }
	return Command{
		Name: "cache clear", Under: "cache", Kind: kindCache, Mode: modeClear, Args: "<key> … | <pattern>",
		Summary: "preview removing keys that are stale; nothing is removed before somebody confirms it",
		Examples: []string{
			flagged(env, kindCache, "cache clear "+exampleKey),
			flagged(env, kindCache, "cache clear '"+examplePattern+"'"),
		},
		General: "fix:any",
		Flags:   ofCheck,
		Needs:   planNeeds(env, read),
		Prepare: planPrepare(env, read),
	}
}

func clearOrder(env Env, c Call) (check.Check, fix.Order, error) {
	which, err := toClear(env, c)
	if err != nil {
		return check.Check{}, fix.Order{}, err
	}
	one, err := checkFlag(env, c, kindCache, "cache clear "+spelledAll(c.Args))
	return one, fix.Order{Check: one.Name, Domain: one.Domain, Mode: modeClear, Select: which}, err
}

// toClear are the keys, or the one pattern, in the words of a plan.
func toClear(env Env, c Call) ([]string, error) {
	example := flagged(env, kindCache, "cache clear "+exampleKey)
	pattern := slices.IndexFunc(c.Args, isPattern)
	switch {
	case len(c.Args) == 0 || slices.Contains(c.Args, ""):
		return nil, badInput("Which keys? Give some, or one pattern.").try(example)
	case len(c.Args) > mostKeys:
		return nil, badInput("That are %d keys; give at most %d at a time, or a pattern.", len(c.Args), mostKeys).try(flagged(env, kindCache, "cache clear '"+examplePattern+"'"))
	case pattern < 0:
		var keys []string
		for _, key := range c.Args {
			if k := "key=" + key; !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
		return keys, nil
	case choosesNothing(c.Args[pattern]):
		return nil, badInput("The pattern \"%s\" matches every key; that is a flush, which asks for more.", clip(c.Args[pattern])).try(flagged(env, kindCache, "cache flush"))
	case len(c.Args) > 1:
		return nil, badInput("Give keys, or one pattern, and not both: \"%s\".", clip(strings.Join(c.Args, " "))).try(flagged(env, kindCache, "cache clear "+spelled(c.Args[pattern])))
	}
	return []string{"pattern=" + c.Args[0]}, nil
}

// spelledAll are several words as they have to be typed.
func spelledAll(of []string) string {
	typed := make([]string, len(of))
	for i, w := range of {
		typed[i] = spelled(w)
	}
	return strings.Join(typed, " ")
}

// cacheFlushCommand asks for a plan that empties a cache.
func cacheFlushCommand(env Env) Command {
	example := flagged(env, kindCache, "cache flush")
	read := func(c Call) (check.Check, fix.Order, error) {
		if len(c.Args) > 0 {
			return check.Check{}, fix.Order{}, badInput("A flush empties the whole cache and takes no keys; some keys are cleared.").try(flagged(env, kindCache, "cache clear "+spelledAll(c.Args[:1])))
		}
		one, err := checkFlag(env, c, kindCache, "cache flush")
		return one, fix.Order{Check: one.Name, Domain: one.Domain, Mode: modeFlush}, err
	}
	return Command{
		Name: "cache flush", Under: "cache", Kind: kindCache, Mode: modeFlush,
		Summary:  "preview emptying a whole cache; a second person has to approve it and type its name",
		Examples: []string{example},
		General:  "fix:any",
		Flags:    ofCheck,
		Needs:    planNeeds(env, read),
		Prepare:  planPrepare(env, read),
	}
}
