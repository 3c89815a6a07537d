package commands

import (
	"time"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
)

// Env is what commands are made with.
type Env struct {
	Catalog check.Catalog
	Policy  authz.Policy
	Archive Archive
	Word    string // the command word: /integrity
	Now     func() time.Time
}

// All is the list of commands. A new command is one file and one line here.
func All(env Env) (*Registry, error) {
	var registry *Registry
	list := []Command{
		helpCommand(env, func() *Registry { return registry }),
		whoamiCommand(env),
		checkCommand(env),
		stopCommand(env),
		auditCommand(env),
		againCommand(env),
		detailsCommand(env),
	}
	var err error
	registry, err = NewRegistry(list...)
	return registry, err
}
