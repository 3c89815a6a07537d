package worker

import (
	"context"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
)

// rightsPause lies between two questions about somebody's rights.
const rightsPause = 2 * time.Second

// verdictError ends a run for good, with a sentence for people.
type verdictError struct {
	sentence string
	refused  bool
	rule     string
}

func (e *verdictError) Error() string { return e.sentence }

// mayStill asks again whether the asker may do this. Rights that cannot be
// read are no rights.
func (r *run) mayStill(ctx context.Context) error {
	if r.claim.Run.AskedBy == "" {
		return nil // a schedule, which the config allows
	}
	subject, err := r.subject(ctx, r.claim.Run.AskedBy)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		r.log.Error("rights not read", "user", r.claim.Run.AskedBy, "error", err)
		return &verdictError{refused: true, rule: "rights unknown", sentence: "Slack did not say what rights the asker has now, so nothing was read."}
	}
	if d, barred := r.w.opts.Policy.Barred(subject); barred {
		return refusedBy(d)
	}
	if right := r.claim.Run.Right; right != "" {
		if d := r.w.opts.Policy.Decide(subject, authz.Permission(right)); !d.Allowed {
			return refusedBy(d)
		}
	}
	right := "check:"
	if r.claim.Run.Step == check.StepExport {
		right = "export:"
	}
	for _, c := range r.w.declared(r.claim.Run.Checks) {
		if c.Domain == "" {
			continue // no longer declared: there is nothing to read
		}
		if d := r.w.opts.Policy.Decide(subject, authz.Permission(right+c.Domain)); !d.Allowed {
			return refusedBy(d)
		}
	}
	return nil
}

func refusedBy(d authz.Decision) error {
	return &verdictError{refused: true, rule: d.Rule, sentence: "The right to do this was taken away before it began. " + d.Reason}
}

// subject asks Slack, and again while it does not answer: who is in which group
// may be asked only 20 times a minute by all replicas together, and what was
// acknowledged must not be lost to that.
func (r *run) subject(ctx context.Context, user string) (s authz.Subject, err error) {
	actor := audit.Actor{Kind: audit.Person, User: user}
	giveUp := time.Now().Add(r.w.opts.RightsWithin)
	for {
		if s, err = r.w.opts.Directory.Subject(ctx, actor, true); err == nil || time.Now().After(giveUp) {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, err
		case <-time.After(rightsPause):
		}
	}
}
