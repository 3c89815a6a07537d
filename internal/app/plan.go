package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/fix"
)

// PlanOptions are what `integritybot plan show` was asked for.
type PlanOptions struct {
	Plan   int64
	Output string // text or json
	Out    io.Writer
	Log    *slog.Logger
}

// ShowPlan prints a plan as the store has it. It reads no target and decides
// nothing.
func ShowPlan(ctx context.Context, c *config.Config, o PlanOptions) error {
	s, err := OpenStore(ctx, c, o.Log, "")
	if err != nil {
		return err
	}
	defer s.Close()
	p, now, err := s.Plan(ctx, o.Plan)
	if errors.Is(err, commands.ErrNotFound) {
		return fmt.Errorf("there is no plan %s in this store", fix.Ref(o.Plan))
	}
	if err != nil {
		return storeError{"the plan could not be read", err}
	}
	if o.Output == "json" {
		encoder := json.NewEncoder(o.Out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(planDocument(p))
	}
	var catalog check.Catalog
	for _, d := range c.Declared() {
		catalog = append(catalog, d.Check)
	}
	_, err = io.WriteString(o.Out, inShell(plans(c, catalog).Head(p, now).Message).PlainText())
	return err
}

// documentedPlan is a plan as `plan show --output json` prints it: a shape of its
// own, because scripts read it. Numbers are exact.
type documentedPlan struct {
	Plan      string    `json:"plan"`
	State     fix.State `json:"state"`
	Check     string    `json:"check"`
	Domain    string    `json:"domain"`
	Target    string    `json:"target,omitempty"`
	Place     string    `json:"place,omitempty"`
	Mode      string    `json:"mode,omitempty"`
	Argument  string    `json:"argument,omitempty"` // of the mode: a parent, an aggregate
	Limit     int       `json:"limit,omitempty"`
	Select    []string  `json:"select,omitempty"` // what narrowed it down: key=o-17
	From      time.Time `json:"from,omitzero"`
	To        time.Time `json:"to,omitzero"`
	Rate      int       `json:"rate,omitempty"` // changes a second
	Undoes    string    `json:"undoes,omitempty"`
	UndoneBy  string    `json:"undone_by,omitempty"`
	AskedBy   string    `json:"asked_by,omitempty"`
	AskedAt   time.Time `json:"asked_at,omitzero"`
	DecidedBy string    `json:"decided_by,omitempty"`
	DecidedAt time.Time `json:"decided_at,omitzero"`
	Expires   time.Time `json:"expires,omitzero"`
	Finished  time.Time `json:"finished,omitzero"`
	// Second: a second person has to approve, because of Why.
	Second bool   `json:"second_person"`
	Why    string `json:"why,omitempty"`
	Reason string `json:"reason,omitempty"`
	Hash   string `json:"hash,omitempty"` // SHA-256 over what is carried out
	Run    string `json:"run,omitempty"`  // that applies it

	Does         string                     `json:"does,omitempty"`
	Rows         int64                      `json:"rows"`    // failing rows that it repairs
	Found        int64                      `json:"found"`   // failing rows when it was made
	Of           int64                      `json:"of"`      // rows of their table
	Changes      int64                      `json:"changes"` // in all
	Batches      int                        `json:"batches"`
	Money        map[string]decimal.Decimal `json:"money,omitempty"`
	Dependants   []fix.Dependant            `json:"dependants,omitempty"`
	Left         []fix.Left                 `json:"left,omitempty"`
	Samples      []fix.Sample               `json:"samples,omitempty"` // masked
	Irreversible string                     `json:"irreversible,omitempty"`
	Outcome      *documentedOutcome         `json:"outcome,omitempty"`
}

// documentedOutcome is what an apply did.
type documentedOutcome struct {
	Repaired int64         `json:"repaired"` // failing rows
	Changes  int64         `json:"changes"`  // in all
	Skipped  []fix.Skip    `json:"skipped,omitempty"`
	NotTried int64         `json:"not_tried"`
	Unknown  bool          `json:"unknown,omitempty"` // the target did not tell what became of the last batch
	Seconds  float64       `json:"seconds"`
	Taken    int           `json:"taken_over,omitempty"` // how often another process went on with it
	Verdict  check.Verdict `json:"verdict"`
	Before   int64         `json:"before"` // failing rows
	After    int64         `json:"after"`
}

func planDocument(p fix.Plan) documentedPlan {
	d := documentedPlan{
		Plan: p.Ref(), State: p.State, Check: p.Check, Domain: p.Domain, Target: p.Draft.Target, Place: p.Draft.Place, Mode: p.Mode,
		AskedBy: p.AskedBy, AskedAt: p.AskedAt, DecidedBy: p.DecidedBy, DecidedAt: p.DecidedAt, Expires: p.Expires, Finished: p.Finished,
		Argument: p.Argument, Limit: p.Limit, Select: p.Select, From: p.From, To: p.To, Rate: p.Rate,
		Second: p.Second, Why: p.Why, Reason: p.Reason, Hash: p.Hash,
		Does: p.Draft.Does, Rows: p.Draft.Rows, Found: p.Draft.Found, Of: p.Draft.Of, Changes: p.Draft.Total, Batches: p.Batches,
		Money: p.Draft.Money, Dependants: p.Draft.Dependants, Left: p.Draft.Left, Samples: p.Draft.Samples, Irreversible: p.Draft.Irreversible,
	}
	if p.Undoes > 0 {
		d.Undoes = fix.Ref(p.Undoes)
	}
	if p.UndoneBy > 0 {
		d.UndoneBy = fix.Ref(p.UndoneBy)
	}
	if p.Run > 0 {
		d.Run = check.Ref(p.Run)
	}
	if o := p.Outcome; o.Verdict != "" {
		d.Outcome = &documentedOutcome{
			Repaired: o.Changed, Changes: o.Total, Skipped: o.Skipped, NotTried: o.Left, Unknown: o.Unknown,
			Seconds: o.Took.Seconds(), Taken: o.Taken, Verdict: o.Verdict, Before: o.Before, After: o.After,
		}
	}
	return d
}
