package fix

import (
	"fmt"

	"github.com/integritybot/integritybot/internal/authz"
)

// StillMay is asked by whoever applies a plan, right before its first change:
// rights may have been taken away since the click, and the check may have been
// declared differently. rule is for the audit; sentence says for people why not.
// With a second person both must still be allowed, and they must be two. way is what
// the plan's mode asks its asker for.
func StillMay(p Plan, asker, decider authz.Subject, policy authz.Policy, digest string, way Way) (rule, sentence string, ok bool) {
	d := policy.Decide(decider, p.Needs())
	stale, why, _ := p.stale(digest)
	switch {
	case decider.User != p.DecidedBy:
		return "somebody else decided", fmt.Sprintf("Who confirmed %s could not be found out.", p.Ref()), false
	case stale != "":
		return stale, why, false
	case p.Second && decider.User == p.AskedBy:
		return "self-approval", fmt.Sprintf("Whoever asked for %s approved it, too; it takes two people.", p.Ref()), false
	case !d.Allowed:
		return d.Rule, fmt.Sprintf("Whoever confirmed %s lost the right to (%s) before it began.", p.Ref(), p.Needs()), false
	case way.Right != "" && (asker.User != p.AskedBy || !policy.Decide(asker, way.Right).Allowed):
		return policy.Decide(asker, way.Right).Rule, fmt.Sprintf("Whoever asked for %s lost the right to (%s) before it began.", p.Ref(), way.Right), false
	case !p.Second:
		return d.Rule, "", true
	}
	if asker.User != p.AskedBy {
		return "somebody else asked", fmt.Sprintf("Who asked for %s could not be found out, and it takes two people.", p.Ref()), false
	}
	if a := policy.Decide(asker, p.fix()); !a.Allowed {
		return a.Rule, fmt.Sprintf("Whoever asked for %s lost the right to (%s) before it began, and it takes two people.", p.Ref(), p.fix()), false
	}
	return d.Rule, "", true
}
