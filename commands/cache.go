package commands

import (
	"context"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
)

// kindCache is the kind of check that compares a cache with its rows.
const kindCache = "cache"

// exampleKey and examplePattern stand in examples.
const (
	exampleKey     = "customer:1"
	examplePattern = "customer:1*"
)

// mostKeys is how many keys one look or one plan takes by name.
const mostKeys = 50

// checkForm is what may be the name of a check. Everything else where a check or a
// pattern is meant is a pattern.
var checkForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)

// cacheCheckCommand compares cached values with their rows.
func cacheCheckCommand(env Env) Command {
	examples := examplesOf(env, "cache check", kindCache)
	return Command{
		Name: "cache check", Under: "cache", Kind: kindCache, Args: "[check | pattern]",
		Summary:  "compare cached values with their rows: stale, without a row, without an expiry",
		Examples: append(examples, flagged(env, kindCache, "cache check '"+examplePattern+"'")),
		General:  "check:any",
		Flags:    ofCheck,
		Needs: func(_ context.Context, c Call) ([]authz.Permission, error) {
			one, _, err := cacheToCheck(env, c)
			return permissions([]check.Check{one}), err
		},
		Prepare: func(_ context.Context, c Call) (Prepared, error) {
			one, match, err := cacheToCheck(env, c)
			if err != nil {
				return Prepared{}, err
			}
			return runOne(env, c, one, check.Order{Options: check.Options{Overview: true, Match: match}})
		},
	}
}

// ofCheck is the flag that names the check that is meant.
func ofCheck(set *pflag.FlagSet) { set.String("check", "", "NAME") }

// cacheToCheck reads which check is meant, and which of its keys: all of them if
// match is empty.
func cacheToCheck(env Env, c Call) (one check.Check, match string, err error) {
	named, _ := c.Flags.GetString("check")
	switch {
	case len(c.Args) == 0 && named == "":
		one, err = oneCheck(env, c, kindCache, "cache check")
		return one, "", err
	case len(c.Args) > 1:
		return one, "", badInput("One check or one pattern at a time, not \"%s\".", clip(strings.Join(c.Args, " "))).try(examplesOf(env, "cache check", kindCache)[0])
	case len(c.Args) == 1 && checkForm.MatchString(c.Args[0]) && named == "":
		one, err = checkOfKind(env.Catalog, kindCache, "cache check", c.Args[0])
		return one, "", err
	case len(c.Args) == 1:
		match = c.Args[0]
	}
	if match != "" && choosesNothing(match) {
		return one, "", badInput("The pattern \"%s\" matches every key; leave it out to compare all keys of the check.", clip(match)).try(examplesOf(env, "cache check", kindCache)[0])
	}
	one, err = checkFlag(env, c, kindCache, strings.TrimSpace("cache check "+spelledAll(c.Args)))
	return one, match, err
}

// isPattern tells whether a word stands for many keys.
func isPattern(s string) bool { return strings.ContainsAny(s, "*?[") }

var wildcards = regexp.MustCompile(`\[[^\]]*\]?|[*?]`)

// choosesNothing tells whether a pattern of keys names no part of a key, so that it
// matches all of them, or any that are long enough.
func choosesNothing(pattern string) bool { return wildcards.ReplaceAllString(pattern, "") == "" }
