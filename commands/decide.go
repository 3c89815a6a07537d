package commands

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// confirmCommand lets a plan pass: the other end of the buttons "Confirm" and
// "Approve". The click carries the plan's id and nothing else.
func confirmCommand(env Env) Command {
	return Command{
		Name: "confirm", Args: "<plan> [what has to be typed]", Summary: "let a plan that waits be carried out", Hidden: true,
		Examples: []string{"confirm P-1042"},
		Needs:    nothing, // who may is for the plan's own guard to say
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			c, typed := apart(c)
			p, now, v, err := judge(ctx, env, c, fix.Confirm, typed)
			if err != nil {
				return Prepared{}, err
			}
			if !v.Allowed {
				return refusedPlan(env, p, v, now), nil
			}
			if typed != "" && p.Draft.Typed == "" {
				return Prepared{}, badInput("%s is confirmed by itself; I do not understand \"%s\" behind it.", p.Ref(), clip(typed)).try("confirm " + p.Ref())
			}
			of, err := touched(ctx, env, p)
			if err != nil {
				return Prepared{}, err
			}
			return Prepared{
				Rule: v.Rule, Pending: true, Numbered: true,
				Build: func(run int64) Intent {
					to := decided(p, v.To, c, now)
					to.Run = run
					return Intent{
						Incidents: of, Decide: move(p, to, true), Run: planRun(p.Order, run, check.StepApply, c),
						Posts: []message.Post{env.Plans.Head(to, now)},
					}
				},
			}, nil
		},
	}
}

// touched is the incident that a plan belongs to, unchanged: it moves on with the plan,
// so that nobody ends it by what was true before the plan was let pass. Where it was just
// resolved nothing is changed: it would be called right while it is being repaired.
func touched(ctx context.Context, env Env, p fix.Plan) ([]incidents.Change, error) {
	i, err := incidentOf(ctx, env, p)
	switch {
	case errors.Is(err, incidents.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case !i.Held():
		return nil, nil
	case i.Status.Over():
		return nil, badInput("%s is resolved, and %s would change its data; open it again first.", i.Ref(), p.Ref()).
			try("incident reopen " + i.Ref() + " 'a repair is still to be made'").by("its incident is resolved")
	}
	return []incidents.Change{{Incident: i}}, nil
}

func incidentOf(ctx context.Context, env Env, p fix.Plan) (incidents.Incident, error) {
	if p.Incident > 0 {
		return env.Archive.Incident(ctx, p.Incident)
	}
	return env.Archive.IncidentIn(ctx, p.Channel)
}

// cancelCommand ends a plan that waits: the other end of the button "Cancel".
func cancelCommand(env Env) Command {
	return Command{
		Name: "cancel", Args: "<plan>", Summary: "end a plan that waits; nothing is changed", Hidden: true,
		Examples: []string{"cancel P-1042"},
		Needs:    nothing,
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			p, now, v, err := judge(ctx, env, c, fix.Cancel, "")
			if err != nil {
				return Prepared{}, err
			}
			if !v.Allowed {
				return refusedPlan(env, p, v, now), nil
			}
			to := decided(p, v.To, c, now)
			return Prepared{Rule: v.Rule, Build: func(int64) Intent {
				return Intent{Decide: move(p, to, true), Posts: []message.Post{env.Plans.Head(to, now)}}
			}}, nil
		},
	}
}

// apart takes from a confirmation what was typed to make sure that it is meant.
func apart(c Call) (Call, string) {
	if len(c.Args) < 2 {
		return c, ""
	}
	typed := strings.Join(c.Args[1:], " ")
	c.Args = c.Args[:1]
	return c, typed
}

// judge asks the guard about a wish, with the plan as it stands now and what was
// typed to it.
func judge(ctx context.Context, env Env, c Call, want fix.Wish, typed string) (fix.Plan, time.Time, fix.Verdict, error) {
	p, now, err := findPlan(ctx, env, c, string(want))
	if err != nil {
		return p, now, fix.Verdict{}, err
	}
	clicker := fix.Clicker{Subject: c.Subject, Shared: c.Place.Shared, Typed: typed}
	return p, now, fix.Decide(p, want, clicker, env.Policy, env.Fixes[p.Check].Digest, now), nil
}

// refusedPlan answers, and moves the plan on where it turned out to be over.
func refusedPlan(env Env, p fix.Plan, v fix.Verdict, now time.Time) Prepared {
	refused := Prepared{Target: p.Ref(), Rule: v.Rule, Refused: true, Reply: &message.Message{Headline: v.Says}}
	if v.To == "" {
		return refused
	}
	to := p
	to.State = v.To
	to.Reason = v.Reason
	refused.Build = func(int64) Intent {
		return Intent{Decide: move(p, to, false), Posts: []message.Post{env.Plans.Head(to, now)}}
	}
	return refused
}

// decided is the plan as it stands after somebody decided.
func decided(p fix.Plan, to fix.State, c Call, now time.Time) fix.Plan {
	p.State, p.DecidedBy, p.DecidedAt = to, c.Request.Actor.User, now
	return p
}

// move is the compare-and-set from one to the other.
func move(from, to fix.Plan, inTime bool) *fix.Transition {
	return &fix.Transition{
		Plan: from.ID, From: from.State, To: to.State, Hash: from.Hash, Digest: from.Digest,
		InTime: inTime, By: to.DecidedBy, Reason: to.Reason, Run: to.Run,
	}
}
