package fix

import (
	"fmt"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

// Wish is what a person wants with a plan.
type Wish string

// The wishes.
const (
	Confirm Wish = "confirm" // or approve, where a second person has to
	Cancel  Wish = "cancel"
	Stop    Wish = "stop"
	Undo    Wish = "undo"
)

// Clicker is who wants it, as Slack describes them at this moment, and where.
type Clicker struct {
	Subject authz.Subject
	Shared  bool // the channel is shared with another organisation
	// Typed is what they typed to confirm; see Draft.Typed.
	Typed string
}

// Verdict is the answer to a wish.
type Verdict struct {
	Allowed bool
	// To is the state that the plan goes to, empty if it stays. A refusal may
	// move a plan, too: it turned out to be expired or stale.
	To State
	// Rule names what decided, for the audit.
	Rule string
	// Says is the answer for the person, complete, and what to do; empty if the
	// plan's own message says it all. Sentence is the same as plain text.
	Says     message.Line
	Sentence string
	// Reason is why a plan becomes refused, to be kept with it; a sentence.
	Reason string
	// New: offer to make the plan anew.
	New bool
}

// Decide is the guard of every click on a plan. It looks nothing up: digest is
// that of the check's declaration now, empty if the check or its fix is gone
// from the config. That the plan's content is what it was is for the store's
// compare-and-set to see to.
func Decide(p Plan, want Wish, c Clicker, policy authz.Policy, digest string, now time.Time) Verdict {
	if d, barred := policy.Barred(c.Subject); barred {
		return refuse(d.Rule, d.Reason)
	}
	g := guard{plan: p, clicker: c, policy: policy, digest: digest, now: now}
	switch want {
	case Confirm:
		return g.confirm()
	case Cancel:
		return g.cancel()
	case Stop:
		return g.stop()
	case Undo:
		return g.undo()
	}
	return refuse("unknown wish", fmt.Sprintf("I do not know how to %q a plan.", string(want)))
}

// Needs is the permission that confirming the plan takes.
func (p Plan) Needs() authz.Permission {
	if p.Second {
		return p.approve()
	}
	return p.fix()
}

func (p Plan) fix() authz.Permission     { return authz.Permission("fix:" + p.Domain) }
func (p Plan) approve() authz.Permission { return authz.Permission("approve:" + p.Domain) }

// guard is one decision in the making.
type guard struct {
	plan    Plan
	clicker Clicker
	policy  authz.Policy
	digest  string
	now     time.Time
}

func (g guard) may(need authz.Permission) authz.Decision {
	return g.policy.Decide(g.clicker.Subject, need)
}

func (g guard) asker() bool { return g.clicker.Subject.User == g.plan.AskedBy }

// confirm refuses first what the person may not know or do, then what nobody may
// do any more, and last what somebody else may.
func (g guard) confirm() Verdict {
	p := g.plan
	if g.clicker.Shared {
		return shared()
	}
	mayFix, mayApprove := g.may(p.fix()), g.may(p.approve())
	if !mayFix.Allowed && (!p.Second || !mayApprove.Allowed) {
		return g.lacks(p.Needs())
	}
	if p.State != Waiting {
		return g.settled()
	}
	if !g.now.Before(p.Expires) {
		return moved(Expired, "expired", message.Join(p.Ref()+" expired ", message.At(p.Expires), " and nothing was done: what it would change may have changed since. Make a new preview."))
	}
	if v, stale := g.stale(); stale {
		return v
	}
	switch {
	case !p.Second:
		return g.typed(Verdict{Allowed: true, To: Approved, Rule: mayFix.Rule})
	case g.asker():
		return refuse("self-approval", fmt.Sprintf("You asked for %s yourself; %s has to approve it.", p.Ref(), someoneElse(g.policy.Holders(p.approve()))))
	case !mayApprove.Allowed:
		return g.lacks(p.approve())
	}
	return g.typed(Verdict{Allowed: true, To: Approved, Rule: mayApprove.Rule})
}

// typed lets a verdict stand if what has to be typed was.
func (g guard) typed(v Verdict) Verdict {
	want := g.plan.Draft.Typed
	if want == "" || strings.TrimSpace(g.clicker.Typed) == want {
		return v
	}
	what := "you typed something else"
	if strings.TrimSpace(g.clicker.Typed) == "" {
		what = "you typed nothing"
	}
	return says(Verdict{Rule: "not typed"}, message.Join(g.plan.Ref()+" was not confirmed and nothing was done: to make sure that it is meant, type ",
		message.Mono(want), ", and "+what+". Press the button again, or type ", message.Mono("confirm "+g.plan.Ref()+" "+want), "."))
}

// stale: the check is no longer what it was when the plan was made.
func (g guard) stale() (Verdict, bool) {
	p := g.plan
	rule, why, next := p.stale(g.digest)
	if rule == "" {
		return Verdict{}, false
	}
	v := moved(Refused, rule, message.Text("%s was not carried out and nothing was done. %s %s", p.Ref(), why, next))
	v.Reason, v.New = why, g.digest != ""
	return v, true
}

// stale compares the check's declaration with that under which the plan was
// made. rule is empty if they are the same.
func (p Plan) stale(digest string) (rule, why, next string) {
	switch {
	case digest == "":
		return "check gone", fmt.Sprintf("The check %s, or its fix, is no longer in the config.", p.Check), "Without it there is nothing to preview."
	case digest != p.Digest:
		return "declared differently since", fmt.Sprintf("The check %s was declared differently since.", p.Check), "Make a new preview."
	}
	return "", "", ""
}

// cancel is for whoever asked, and for whoever could have confirmed.
func (g guard) cancel() Verdict {
	v := g.involved()
	switch {
	case !v.Allowed:
		return v
	case g.plan.State == Planning:
		return refuse("not waiting", g.plan.Ref()+" is still being worked out and changes nothing by that. Cancel it when its preview is there.")
	case g.plan.State != Waiting:
		return g.settled()
	case !g.now.Before(g.plan.Expires):
		return moved(Expired, "expired", message.Join(g.plan.Ref()+" expired ", message.At(g.plan.Expires), " already; nothing was done."))
	}
	v.To = Cancelled
	return v
}

// stop is for whoever asked or confirmed, and for whoever could have. It moves
// nothing by itself: whoever applies the plan looks for it between two batches.
func (g guard) stop() Verdict {
	v := g.involved()
	switch {
	case !v.Allowed:
		return v
	case g.plan.State == Approved || g.plan.State == Applying:
		return says(v, message.Text("%s stops after the batch it is making; its message will say what is done and what is not.", g.plan.Ref()))
	case g.plan.State == Planning || g.plan.State == Waiting:
		return refuse("not under way", g.plan.Ref()+" is not being applied, so there is nothing to stop. Cancel it if it should not be.")
	}
	return g.settled()
}

// involved also lets people act in a channel that became shared meanwhile: what
// they want is that less is changed.
func (g guard) involved() Verdict {
	p := g.plan
	for _, need := range []authz.Permission{p.fix(), p.approve()} {
		if d := g.may(need); d.Allowed && (need == p.fix() || p.Second) {
			return Verdict{Allowed: true, Rule: d.Rule}
		}
	}
	switch g.clicker.Subject.User {
	case p.AskedBy:
		return Verdict{Allowed: true, Rule: "asked for it"}
	case p.DecidedBy:
		return Verdict{Allowed: true, Rule: "decided it"}
	}
	return g.lacks(p.fix())
}

// undo asks for a new plan, which takes the same road as every plan.
func (g guard) undo() Verdict {
	p := g.plan
	if g.clicker.Shared {
		return shared()
	}
	d := g.may(p.fix())
	switch {
	case !d.Allowed:
		return g.lacks(p.fix())
	case p.State == Undone || p.UndoneBy != 0:
		return refuse("undone before", fmt.Sprintf("%s was taken back by %s already. To have its changes again, undo %s or make a new preview.", p.Ref(), Ref(p.UndoneBy), Ref(p.UndoneBy)))
	case p.State == Approved || p.State == Applying:
		return says(Verdict{Rule: "not applied yet"}, message.Join(p.Ref()+" is being applied. Stop it first (", message.Mono("stop "+p.Ref()), "), then undo what it did."))
	case p.State != Applied && p.State != PartlyApplied:
		return refuse("not applied", p.Ref()+" has changed nothing, so there is nothing to take back.")
	case p.Draft.Irreversible != "":
		return refuse("irreversible", fmt.Sprintf("%s cannot be undone: %s.", p.Ref(), strings.TrimSuffix(p.Draft.Irreversible, ".")))
	case g.digest == "":
		return refuse("check gone", fmt.Sprintf("%s cannot be undone by the bot: the check %s or its fix is no longer in the config. Put the check back, or undo by hand from the records in its target.", p.Ref(), p.Check))
	}
	return Verdict{Allowed: true, Rule: d.Rule}
}
