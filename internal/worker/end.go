package worker

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
)

const (
	endTries = 8
	endPause = time.Second
)

// end records how a run ended: state, findings, messages and audit events
// together. If the store does not take it, the run is offered again and ends
// then, from what the journal holds.
func (r *run) end(ctx context.Context, state check.RunState, reason string, findings []check.Finding) error {
	run := r.ended(state, reason, findings)
	return r.record(ctx, run, append(r.findingEvents(run), r.runEvent(run)))
}

// refuse ends a run that may not or cannot be carried out.
func (r *run) refuse(ctx context.Context, why *verdictError, findings []check.Finding) error {
	run := r.ended(check.Failed, why.sentence, findings)
	event := r.runEvent(run)
	if why.refused {
		event.Decision, event.Rule, event.Outcome = "refused", why.rule, audit.Refused
	}
	return r.record(ctx, run, append(r.findingEvents(run), event))
}

func (r *run) ended(state check.RunState, reason string, findings []check.Finding) check.Run {
	run := r.claim.Run
	run.State, run.Reason, run.Findings, run.Finished = state, reason, findings, r.w.opts.Now().UTC()
	if state == check.Stopped {
		r.mu.Lock()
		run.StoppedBy = r.stopBy
		r.mu.Unlock()
	}
	return run
}

func (r *run) record(ctx context.Context, run check.Run, events []audit.Event) error {
	posts := r.posts(run)
	return r.persist(ctx, func(ctx context.Context) error {
		return r.w.store.Conclude(ctx, r.claim.Epoch, run, posts, events)
	}, func() { r.log.Info("run ended", "state", run.State, "took", run.Finished.Sub(run.Started)) })
}

// posts are the messages of a run that is over.
func (r *run) posts(run check.Run) []message.Post {
	switch {
	case run.State != check.Done:
	case r.exported != nil:
		return []message.Post{r.w.opts.Report.Exported(run, *r.exported)}
	case r.looked != nil:
		return r.w.opts.Report.Looked(run, *r.looked)
	}
	return r.w.opts.Report.Finished(run)
}

// persist writes an end, and again while the store does not take it.
func (r *run) persist(ctx context.Context, write func(context.Context) error, written func()) error {
	for try := 1; ; try++ {
		// Also while the process ends: what is finished need not be done again.
		err := write(context.WithoutCancel(ctx))
		switch {
		case err == nil:
			written()
			return nil
		case errors.Is(err, check.ErrFenced):
			// Another process has it, or the answer to our own commit was lost.
			r.log.Warn("run ended elsewhere", "error", err)
			return nil
		case try == endTries || ctx.Err() != nil:
			return err
		}
		r.log.Warn("end of run not recorded yet", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(endPause):
		}
	}
}

func (r *run) event(action, target string) audit.Event {
	o := r.claim.Run.Order
	actor := audit.Actor{Kind: audit.Person, User: o.AskedBy}
	if o.AskedBy == "" {
		actor = audit.Actor{Kind: audit.Schedule}
	}
	return audit.Event{
		Request: o.Request, Actor: actor, Source: audit.FromSystem, Channel: o.Channel, Thread: o.Thread,
		Action: action, Target: target, Outcome: audit.Done, Version: r.w.opts.Version,
	}
}

func (r *run) runEvent(run check.Run) audit.Event {
	e := r.event("check.run", run.Ref())
	switch run.Step {
	case check.StepExport:
		e.Action = "events.export"
	case check.StepLook:
		e.Action = strings.ReplaceAll(run.Look, " ", ".")
	case check.StepPlan, check.StepApply, check.StepVerify:
	}
	e.Duration = run.Finished.Sub(run.Started)
	e.Args = map[string]string{"state": string(run.State), "epoch": strconv.FormatInt(r.claim.Epoch, 10)}
	maps.Copy(e.Args, r.outcome(run))
	if run.StoppedBy != "" {
		e.Args["stopped_by"] = run.StoppedBy
	}
	if run.State == check.Failed {
		e.Outcome, e.Error = audit.Failed, run.Reason
	}
	if r.exported != nil && run.State == check.Done {
		e.After = strconv.FormatInt(r.exported.Lines, 10)
	}
	return e
}

// findingEvents are one for each check that has a finding. They hold numbers
// and no row data.
func (r *run) findingEvents(run check.Run) []audit.Event {
	events := make([]audit.Event, 0, len(run.Findings)+1)
	for _, f := range run.Findings {
		e := r.event("check.finding", f.Check)
		e.Duration = f.Duration
		e.Args = map[string]string{
			"run": run.Ref(), "verdict": string(f.Verdict), "rows": strconv.FormatInt(f.Tally.Rows, 10),
			"scanned": strconv.FormatInt(f.Result.Scanned, 10), "position": f.Result.Position,
		}
		for currency, amount := range f.Tally.Money {
			e.Args["money_"+currency] = amount.String()
		}
		if f.Verdict == check.Unknown {
			e.Outcome, e.Error = audit.Failed, f.Reason
		}
		events = append(events, e)
	}
	return events
}
