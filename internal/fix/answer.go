package fix

import (
	"fmt"
	"strings"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

func says(v Verdict, line message.Line) Verdict {
	v.Says, v.Sentence = line, line.String()
	return v
}

func refuse(rule, sentence string) Verdict {
	return says(Verdict{Rule: rule}, message.Text("%s", sentence))
}

// moved refuses, because the plan turned out to be over.
func moved(to State, rule string, line message.Line) Verdict {
	return says(Verdict{To: to, Rule: rule, New: true}, line)
}

func shared() Verdict {
	return refuse("shared channel", "This channel is shared with another organisation, so no row data and no fixes here. Use a private channel.")
}

// lacks says who may, where this person may not.
func (g guard) lacks(need authz.Permission) Verdict {
	d := g.may(need)
	what := "You may look but not fix here: "
	if need == g.plan.approve() {
		what = fmt.Sprintf("%s needs a second person (%s): ", g.plan.Ref(), g.plan.Why)
	}
	return says(Verdict{Rule: d.Rule}, message.Join(what, message.Mono(string(need)), whomToAsk(d.Holders)))
}

// Lacks refuses what takes a right that the person has not.
func Lacks(d authz.Decision, need authz.Permission) Verdict {
	return says(Verdict{Rule: d.Rule}, message.Join("You may not do that here: ", message.Mono(string(need)), whomToAsk(d.Holders)))
}

func whomToAsk(holders []string) string {
	if len(holders) == 0 {
		return " is granted by no role in the config; ask an admin of the bot."
	}
	return fmt.Sprintf(" is for %s. Ask one of them, or an admin to add you.", strings.Join(holders, ", "))
}

func someoneElse(holders []string) string {
	if len(holders) == 0 {
		return "someone else (the config grants no role the right to approve)"
	}
	return "someone else in " + strings.Join(holders, " or ")
}

// settled answers a click on a plan that was decided before: who, and when.
func (g guard) settled() Verdict {
	p := g.plan
	v := Verdict{Rule: "decided before: " + string(p.State)}
	switch p.State {
	case Planning:
		return refuse("not waiting", p.Ref()+" is still being worked out; there is nothing to decide yet.")
	case Approved, Applying:
		return says(v, append(decided(p, "confirmed", " already and is under way. To stop it: "), message.Mono("stop "+p.Ref())))
	case Applied:
		return says(v, decided(p, "confirmed", " already and has been applied; its message says what was done."))
	case PartlyApplied:
		return says(v, decided(p, "confirmed", " already and has been applied in part; its message says what was done."))
	case Undone:
		return says(v, message.Text("%s was applied and then taken back by %s.", p.Ref(), Ref(p.UndoneBy)))
	case Waiting, Failed, Expired, Cancelled, Refused:
	}
	v.New = true
	return says(v, gone(p))
}

// gone tells of a plan that was never carried out.
func gone(p Plan) message.Line {
	switch p.State {
	case Cancelled:
		return decided(p, "cancelled", "; nothing was done. Make a new preview if it is still wanted.")
	case Expired:
		return message.Join(p.Ref()+" expired ", message.At(p.Expires), "; nothing was done. Make a new preview.")
	case Refused:
		return message.Text("%s was refused and nothing was done. Make a new preview.", p.Ref())
	default:
		return message.Text("%s failed and changed nothing; its message says why. Make a new preview.", p.Ref())
	}
}

func decided(p Plan, did, rest string) message.Line {
	if p.DecidedBy == "" {
		return message.Text("%s was %s%s", p.Ref(), did, rest)
	}
	return message.Join(p.Ref()+" was "+did+" by ", message.Mention(p.DecidedBy), " ", message.At(p.DecidedAt), rest)
}
