package commands

import (
	"time"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/fix/report"
)

// Env is what commands are made with.
type Env struct {
	Catalog check.Catalog
	Policy  authz.Policy
	Archive Archive
	Word    string // the command word: /integrity
	Now     func() time.Time
	// Fixes are what the config declares, Plans their words.
	Fixes fix.Catalog
	Plans report.Wording
	// Preventer proposes migrations; nil: nothing can be proposed.
	Preventer Preventer
	// Selection judges the words that narrow records down, such as key=o-17; its
	// errors are check.Problems. nil: they are judged when they are used.
	Selection func(words []string) error
}

// All is the list of commands. A new command is one file and one line here.
func All(env Env) (*Registry, error) {
	var registry *Registry
	list := []Command{
		helpCommand(env, func() *Registry { return registry }),
		whoamiCommand(env),
		checkCommand(env),
		verifyCommand(env),
		eventsCommand(env, func() *Registry { return registry }),
		eventsLagCommand(env),
		eventsDLQCommand(env),
		eventsExportCommand(env),
		eventsReplayCommand(env),
		eventsAggregateCommand(env),
		fixCommand(env),
		planCommand(env),
		confirmCommand(env),
		cancelCommand(env),
		undoCommand(env),
		stopCommand(env),
		preventCommand(env),
		auditCommand(env),
		againCommand(env),
		detailsCommand(env),
	}
	var err error
	registry, err = NewRegistry(list...)
	return registry, err
}
