package commands

import (
	"context"
	"errors"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/authz"
)

// flagIncident names the incident for which something is run, where that is not the one
// that holds the channel.
const flagIncident = "incident"

// rightToNamed is what it takes to name one.
func rightToNamed(c Call) []authz.Permission {
	if !c.Flags.Changed(flagIncident) {
		return nil
	}
	return []authz.Permission{rightReadIncidents}
}

// forNamed is a call for the incident that it names.
func forNamed(ctx context.Context, env Env, c Call, command string) (Call, error) {
	word, _ := c.Flags.GetString(flagIncident)
	if word == "" {
		return c, nil
	}
	if !incidentForm.MatchString(word) {
		return c, badInput("--incident: \"%s\" is not an incident; incidents look like INC-12.", clip(word)).try(command + " --incident INC-12")
	}
	named := c
	named.Args = []string{word}
	i, _, err := whichIncident(ctx, env, named, command)
	if err != nil {
		return c, err
	}
	if !i.Held() {
		return c, badInput("%s is %s, so nothing is run for it any more.", i.Ref(), i.Status).try("incident list")
	}
	c.Incident = i.ID
	return c, nil
}

// heldFor is a call for the incident that a run or a plan belonged to, if it is held still:
// what follows from it belongs there, too.
func heldFor(ctx context.Context, env Env, c Call, id int64) (Call, error) {
	if id == 0 || c.Incident > 0 {
		return c, nil
	}
	i, err := env.Archive.Incident(ctx, id)
	switch {
	case errors.Is(err, incidents.ErrNotFound):
		return c, nil
	case err != nil:
		return c, err
	case i.Held():
		c.Incident = i.ID
	}
	return c, nil
}
