package app

import (
	"context"
	"fmt"
	"log/slog"
	"os/user"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/config"
)

// shell is what a command at a shell is carried out with.
type shell struct {
	log     *slog.Logger
	version string
}

// record writes what was done at a shell into the audit, where a store is
// configured: that it is meant before, what came of it after.
type record struct {
	ledger  commands.Ledger
	memory  memory
	done    func()
	request string
	actor   audit.Actor
	version string
}

func openRecord(ctx context.Context, c *config.Config, at shell) (*record, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("request id: %w", err)
	}
	r := &record{request: id.String(), version: at.version, done: func() {}, actor: atShell()}
	if c.Store.DSN == "" {
		at.log.Warn("no store is configured, so this run is not recorded")
		return r, nil
	}
	s, err := OpenStore(ctx, c, at.log, at.version)
	if err != nil {
		return nil, fmt.Errorf("I could not record this, so I did nothing: %w", err) //nolint:staticcheck // a sentence for people
	}
	r.ledger, r.done, r.memory.ledger = s, s.Close, s
	if r.memory.id, err = s.ID(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("I could not record this, so I did nothing: %w", err) //nolint:staticcheck // a sentence for people
	}
	return r, nil
}

// atShell is whoever sits at the shell.
func atShell() audit.Actor {
	actor := audit.Actor{Kind: audit.CLI}
	if u, err := user.Current(); err == nil {
		actor.User = u.Username
	}
	return actor
}

func (r *record) close() { r.done() }

// warn says what a run without a store cannot know.
func (r *record) warn(checks []check.Check, log *slog.Logger) {
	if r.ledger != nil {
		return
	}
	for _, one := range checks {
		if one.Kind == "dead-letters" {
			log.Warn("without a store I cannot know which dead letters plans have sent on already: all of them count", "check", one.Name)
		}
	}
}

func (r *record) intend(ctx context.Context, action string, on ...string) error {
	return r.write(ctx, "intend", audit.Event{
		Request: r.request, Action: action, Target: strings.Join(on, ","), Outcome: audit.Intended,
		Decision: "allowed", Rule: "the person has the target's own rights",
	})
}

// conclude records the outcome of checks, also when the person has given up
// waiting.
func (r *record) conclude(run check.Run, failure error) error {
	event := audit.Event{Action: "check.run", Target: strings.Join(run.Checks, ","), Duration: run.Finished.Sub(run.Started)}
	if failure == nil { // half a run has no verdict
		event.After = string(worst(run.Findings))
	}
	return r.end(event, failure, "the run did not finish")
}

// end records an outcome, also when the person has given up waiting. unfinished is
// the error where there was a failure.
func (r *record) end(event audit.Event, failure error, unfinished string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	event.Request, event.Outcome = r.request, audit.Done
	if failure != nil {
		event.Outcome, event.Error = audit.Failed, unfinished
	}
	return r.write(ctx, "conclude", event)
}

func (r *record) write(ctx context.Context, step string, e audit.Event) error {
	if r.ledger == nil {
		return nil
	}
	e.Actor, e.Source, e.Version = r.actor, audit.FromCLI, r.version
	_, err := r.ledger.Record(ctx, "cli/"+r.request+"/"+step, false, func(int64) commands.Intent {
		return commands.Intent{Events: []audit.Event{e}}
	})
	if err != nil {
		return fmt.Errorf("I could not record this: %w", err) //nolint:staticcheck // a sentence for people
	}
	return nil
}
