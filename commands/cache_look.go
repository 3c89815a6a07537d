package commands

import (
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
)

// cacheGetCommand shows a cached value beside its row.
func cacheGetCommand(env Env) Command {
	return cacheLookCommand(env, Command{
		Name: lookGet, Args: "<key> …",
		Summary:  "a cached value beside its row, field by field",
		Examples: []string{"cache get " + exampleKey, "cache get " + exampleKey + " customer:2"},
	}, someKeys)
}

// cacheTTLCommand shows when a key expires.
func cacheTTLCommand(env Env) Command {
	return cacheLookCommand(env, Command{
		Name: lookTTL, Args: "<key> …",
		Summary:  "when a key expires, and when it should have",
		Examples: []string{"cache ttl " + exampleKey},
	}, someKeys)
}

// cacheScanCommand counts keys and finds those that should have expired.
func cacheScanCommand(env Env) Command {
	return cacheLookCommand(env, Command{
		Name: lookScan, Args: "[pattern]",
		Summary:  "count keys, and find those that never expire or should have",
		Examples: []string{lookScan, "cache scan '" + examplePattern + "'"},
	}, onePattern)
}

// cacheLookCommand looks at keys. It may be told by which check's rules.
func cacheLookCommand(env Env, c Command, keys func(c Call, name string) error) Command {
	read := func(call Call) (check.Order, error) {
		o := check.Order{Look: c.Name, Select: call.Args}
		if err := keys(call, c.Name); err != nil {
			return o, err
		}
		if name, _ := call.Flags.GetString("check"); name != "" {
			one, err := checkOfKind(env.Catalog, kindCache, c.example()+" --check", name)
			if err != nil {
				return o, err
			}
			o.Checks = []string{one.Name}
		}
		return o, nil
	}
	c.Under, c.General, c.Flags = "cache", rightCache, ofCheck
	c.Needs, c.Prepare = lookNeeds(env, read), lookPrepare(env, read)
	return c
}

func someKeys(c Call, command string) error {
	example := command + " " + exampleKey
	switch {
	case len(c.Args) == 0 || slices.Contains(c.Args, ""):
		return badInput("Which key? Give one or more.").try(example)
	case len(c.Args) > mostKeys:
		return badInput("That are %d keys; give at most %d at a time, or scan by a pattern.", len(c.Args), mostKeys).try("cache scan '" + examplePattern + "'")
	}
	if i := slices.IndexFunc(c.Args, isPattern); i >= 0 {
		if choosesNothing(c.Args[i]) {
			return badInput("\"%s\" is a pattern that matches every key; this shows single keys.", clip(c.Args[i])).try(example)
		}
		return badInput("\"%s\" is a pattern of many keys, and this shows single ones; a pattern can be scanned.", clip(c.Args[i])).try("cache scan " + spelled(c.Args[i]))
	}
	return nil
}

func onePattern(c Call, command string) error {
	switch {
	case len(c.Args) == 0:
		return nil
	case len(c.Args) > 1:
		return badInput("One pattern at a time, not \"%s\".", clip(strings.Join(c.Args, " "))).try("cache scan " + spelled(c.Args[0]))
	case strings.HasSuffix(c.Args[0], ":"):
		return badInput("\"%s\" is how keys begin; a pattern goes on with a star.", clip(c.Args[0])).try("cache scan '" + c.Args[0] + "*'")
	case c.Args[0] == "":
		return badInput("The pattern is empty; leave it out to scan the keys that the checks are about.").try(command)
	case !isPattern(c.Args[0]):
		return badInput("\"%s\" is one key and no pattern; one key can be looked at.", clip(c.Args[0])).try("cache get " + spelled(c.Args[0]))
	case choosesNothing(c.Args[0]):
		return badInput("The pattern \"%s\" matches every key; leave it out to scan the keys that the checks are about.", clip(c.Args[0])).try(command)
	}
	return nil
}
