package commands

import (
	"context"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
)

// The ways of looking that are no checks, as the config's catalog names them.
const (
	lookLogs      = "logs"
	lookEventLogs = "events logs"
	lookChanges   = "changes"
	lookConflicts = "db conflicts"
	lookGet       = "cache get"
	lookTTL       = "cache ttl"
	lookScan      = "cache scan"
	lookDiagnose  = "diagnose"
)

// The rights to look. They are no domains: who may see cached values may not for that
// have a domain diagnosed that is called cache.
const (
	rightLogs     authz.Permission = "look:logs"
	rightChanges  authz.Permission = "look:changes"
	rightDatabase authz.Permission = "look:database"
	rightCache    authz.Permission = "look:cache"
)

// rightDiagnose is the right to look at everything that belongs to a domain, or at
// all there is.
func rightDiagnose(domain string) authz.Permission {
	if domain == "" {
		domain = "all"
	}
	return authz.Permission("diagnose:" + domain)
}

// lookRight is the right that an order to look takes. What is not known is for
// those who may look at everything.
func lookRight(o check.Order) authz.Permission {
	switch o.Look {
	case lookLogs, lookEventLogs:
		return rightLogs
	case lookChanges:
		return rightChanges
	case lookConflicts:
		return rightDatabase
	case lookGet, lookTTL, lookScan:
		return rightCache
	case lookDiagnose:
		return rightDiagnose(o.Domain)
	}
	return rightDiagnose("")
}

// reader reads from a call what is to be looked at.
type reader func(c Call) (check.Order, error)

// lookNeeds asks for the right to look, and for that to the check that is named.
func lookNeeds(env Env, read reader) func(context.Context, Call) ([]authz.Permission, error) {
	return func(_ context.Context, c Call) ([]authz.Permission, error) {
		o, err := read(c)
		if err != nil {
			return nil, err
		}
		return lookRights(env.Catalog, o), nil
	}
}

// lookRights are the right to look and that to the checks that it is about. A look
// into caches that names none may be about any of them.
func lookRights(catalog check.Catalog, o check.Order) []authz.Permission {
	rights := []authz.Permission{lookRight(o)}
	if lookRight(o) == rightCache && len(o.Checks) == 0 {
		return append(rights, permissions(ofKind(catalog, kindCache))...)
	}
	return append(rights, domains(catalog, check.Run{Order: o})...)
}

func lookPrepare(env Env, read reader) func(context.Context, Call) (Prepared, error) {
	return func(_ context.Context, c Call) (Prepared, error) {
		o, err := read(c)
		if err != nil {
			return Prepared{}, err
		}
		o.Words = said(c)
		return startLook(env, c, o)
	}
}

// startLook prepares a run that looks at something that is no check, if that is
// possible here.
func startLook(env Env, c Call, o check.Order) (Prepared, error) {
	one, known := env.Looks[o.Look]
	switch {
	case c.Place.Shared && o.Look == lookGet:
		return Prepared{}, badInput("This channel is shared with another organisation, so no cached values are shown here. Use a private channel.")
	case c.Request.Channel == "":
		return Prepared{}, badInput("I do not know in which channel to answer; ask in a channel.").try("help " + o.Look)
	case !known:
		return Prepared{}, badInput("The config names nothing that \"%s\" could look at; config.example.yaml shows how.", o.Look).try("help")
	case one.Looker == nil:
		return Prepared{}, badInput("%s", one.Off)
	}
	o.Step, o.Title, o.Right = check.StepLook, one.Title, string(lookRight(o))
	return startRun(env, c, o), nil
}

// lookAgain is the order of an earlier look once more.
func lookAgain(run check.Run) check.Order {
	return check.Order{
		Step: run.Step, Look: run.Look, Words: run.Words, Select: run.Select, Checks: run.Checks,
		Domain: run.Domain, Grep: run.Grep, Options: run.Options, Incident: run.Incident,
	}
}

// nothingBehind refuses words where none are understood.
func nothingBehind(c Call, command string) error {
	if len(c.Args) == 0 {
		return nil
	}
	return badInput("%s takes nothing behind it, and I do not understand \"%s\".", command, clip(c.Args[0])).try(command)
}
