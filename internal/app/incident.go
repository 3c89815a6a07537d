package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/google/uuid"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/config"
)

// IncidentOptions are what `integritybot incident export` was asked for.
type IncidentOptions struct {
	Incident int64
	Output   string // md or json
	Out      io.Writer
	Log      *slog.Logger
	Version  string
}

// ExportIncident prints an incident as the store has it, private ones too: whoever may
// read the store may read it. It asks neither Slack nor any target, and is recorded
// before anything is printed.
func ExportIncident(ctx context.Context, c *config.Config, o IncidentOptions) error {
	s, err := OpenStore(ctx, c, o.Log, "")
	if err != nil {
		return err
	}
	defer s.Close()
	view, err := s.IncidentView(ctx, o.Incident)
	if errors.Is(err, incidents.ErrNotFound) {
		return fmt.Errorf("there is no incident %s in this store", incidents.Ref(o.Incident))
	}
	if err != nil {
		return storeError{"the incident could not be read", err}
	}
	words := incidentWords(c, new(Targets).Catalog(c))
	document := incidents.Markdown(view, words)
	if o.Output == "json" {
		if document, err = incidents.JSON(view, words); err != nil {
			return err
		}
	}
	// The event names no incident: the same facts give the same bytes afterwards.
	request := uuid.Must(uuid.NewV7()).String()
	err = (&record{ledger: s, request: request, actor: atShell(), version: o.Version}).write(ctx, "export", audit.Event{
		Request: request, Action: "incident.export", Target: view.Incident.Ref(), Args: map[string]string{"output": o.Output},
		Decision: "allowed", Rule: "the person has the store's own rights", Outcome: audit.Done,
	})
	if err != nil {
		return err
	}
	_, err = o.Out.Write(document)
	return err
}
