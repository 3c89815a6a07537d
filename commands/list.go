package commands

import (
	"context"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/fix/report"
	"github.com/integritybot/integritybot/internal/look"
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
	// Looks are the ways of looking that the config makes possible.
	Looks look.Catalog
	// Incidents words incidents, and holds their rules.
	Incidents incidents.Wording
	// Directory says who is in a user group.
	Directory Directory
	// NameOf gives the name of a person, for those who are told in letters; empty: it is
	// not known. nil: nobody is named.
	NameOf func(ctx context.Context, user string) string
}

func (e Env) nameOf(ctx context.Context) func(string) string {
	if e.NameOf == nil {
		return nil
	}
	return func(user string) string { return e.NameOf(ctx, user) }
}

// All is the list of commands. A new command is one file and one line here.
func All(env Env) (*Registry, error) {
	var registry *Registry
	all := func() *Registry { return registry }
	list := []Command{
		helpCommand(env, all),
		whoamiCommand(env),
		checkCommand(env),
		verifyCommand(env),
		diagnoseCommand(env),
		logsCommand(env),
		changesCommand(env),
		dbCommand(env, all),
		conflictsCommand(env),
		eventsCommand(env, all),
		eventsLagCommand(env),
		eventsDLQCommand(env),
		eventsLogsCommand(env),
		eventsExportCommand(env),
		eventsReplayCommand(env),
		eventsAggregateCommand(env),
		cacheCommand(env, all),
		cacheCheckCommand(env),
		cacheGetCommand(env),
		cacheTTLCommand(env),
		cacheScanCommand(env),
		cacheClearCommand(env),
		cacheFlushCommand(env),
		locksCommand(env, all),
		locksCancelCommand(env),
		locksTerminateCommand(env),
		writesCommand(env, all),
		writesStatusCommand(env),
		writesStopCommand(env),
		writesResumeCommand(env),
		restoreCommand(env),
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
	list = append(list, aboutIncidents(env, all)...)
	var err error
	registry, err = NewRegistry(list...)
	return registry, err
}

func aboutIncidents(env Env, all func() *Registry) []Command {
	return []Command{
		incidentCommand(env, all),
		declareCommand(env),
		bindCommand(env),
		incidentListCommand(env),
		statusCommand(env),
		severityCommand(env),
		leadCommand(env),
		claimCommand(env),
		noteCommand(env),
		causeCommand(env),
		milestoneCommand(env),
		followUpCommand(env),
		summaryCommand(env),
		timelineCommand(env),
		checklistCommand(env),
		stepCommand(env, all),
		skipCommand(env),
		incidentUpdateCommand(env),
		noChangeCommand(env),
		snoozeCommand(env),
		retryCommand(env),
		ackCommand(env),
		mergeCommand(env),
		declineCommand(env),
		resolveCommand(env),
		reopenCommand(env),
		exportCommand(env),
		notifyCommand(env),
		sendCommand(env),
		discardCommand(env),
		resendCommand(env),
		escalateCommand(env),
	}
}
