package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// kindLocks is the kind of check that looks for sessions that wait for others.
const kindLocks = "locks"

// The ways of its fix.
const (
	modeCancel    = "cancel"
	modeTerminate = "terminate"
)

// locksCommand shows who blocks whom, also where nobody waits too long.
func locksCommand(env Env, registry func() *Registry) Command {
	read := func(c Call) (check.Check, error) {
		if len(c.Args) > 0 && !isCheck(env, c.Args[0]) {
			return check.Check{}, notLocks(env, registry(), c.Args)
		}
		return oneCheck(env, c, kindLocks, "locks")
	}
	return Command{
		Name: "locks", Alone: true, Kind: kindLocks, Args: "[check | cancel | terminate]",
		Summary:  "who blocks whom as a tree, who else writes, and sessions left open",
		Examples: append(examplesOf(env, "locks", kindLocks), "help locks"),
		General:  "check:any",
		Needs: func(_ context.Context, c Call) ([]authz.Permission, error) {
			one, err := read(c)
			return permissions([]check.Check{one}), err
		},
		Prepare: func(_ context.Context, c Call) (Prepared, error) {
			one, err := read(c)
			if err != nil {
				return Prepared{}, err
			}
			return runOne(env, c, one, check.Order{Options: check.Options{Overview: true}})
		},
	}
}

func isCheck(env Env, word string) bool {
	_, ok := env.Catalog.ByName()[strings.ToLower(word)]
	return ok
}

// notLocks answers a word that is neither a check nor a command.
func notLocks(env Env, r *Registry, words []string) error {
	if isPID(words[0]) {
		return badInput("locks shows all sessions at once; one of them is ended by \"locks cancel\".").try(examplesOf(env, "locks", kindLocks)[0])
	}
	if near := nearest(strings.ToLower(words[0]), names(ofKind(env.Catalog, kindLocks))); near != "" {
		return badInput("There is no check called \"%s\". Did you mean \"%s\"?", clip(words[0]), near).try("locks " + near)
	}
	return r.noSuch("locks", words)
}

// locksCancelCommand asks for a plan that interrupts what sessions do now.
func locksCancelCommand(env Env) Command {
	return sessionsCommand(env, modeCancel,
		"preview interrupting the statement of sessions; they stay connected")
}

// locksTerminateCommand asks for a plan that ends sessions.
func locksTerminateCommand(env Env) Command {
	return sessionsCommand(env, modeTerminate,
		"preview ending sessions; a second person has to approve it")
}

func sessionsCommand(env Env, mode, summary string) Command {
	name := "locks " + mode
	read := func(c Call) (check.Check, fix.Order, error) {
		which, err := sessions(env, c, name)
		if err != nil {
			return check.Check{}, fix.Order{}, err
		}
		one, err := checkFlag(env, c, kindLocks, name+" "+spelledAll(c.Args))
		return one, fix.Order{Check: one.Name, Domain: one.Domain, Mode: mode, Select: which}, err
	}
	return Command{
		Name: name, Under: "locks", Kind: kindLocks, Mode: mode, Args: "<pid> …",
		Summary:  summary,
		Examples: []string{flagged(env, kindLocks, name+" 4711")},
		General:  "fix:any",
		Flags:    ofCheck,
		Needs:    planNeeds(env, read),
		Prepare:  planPrepare(env, read),
	}
}

// sessions are the server processes that are meant, in the words of a plan.
func sessions(env Env, c Call, name string) ([]string, error) {
	example := flagged(env, kindLocks, name+" 4711")
	switch {
	case len(c.Args) == 0:
		return nil, badInput("Which session? Give its process id, as \"locks\" shows it.").try(example)
	case len(c.Args) > mostKeys:
		return nil, badInput("That are %d sessions; name at most %d at a time.", len(c.Args), mostKeys).try(example)
	}
	var out []string
	for _, pid := range c.Args {
		if !isPID(pid) {
			return nil, badInput("\"%s\" is not a process id, which is a number above 0; \"locks\" shows them.", clip(pid)).try(example)
		}
		if p := "pid=" + strings.TrimLeft(strings.TrimPrefix(pid, "+"), "0"); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out, nil
}
