package diagnose

import (
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
)

// Step is one of the runbook's ways of investigating.
type Step string

// The steps, as the runbook numbers them.
const (
	Scope   Step = "scope"   // 1: what the logs and the database's counters say
	Data    Step = "data"    // 2: data checks
	Events  Step = "events"  // 3: consumer lag, dead letters
	Cache   Step = "cache"   // 4: cached values against their rows
	Changes Step = "changes" // 5: what was changed recently
	Races   Step = "races"   // 6: locks and concurrent writers
)

// Steps are all of them, in order.
func Steps() []Step { return []Step{Scope, Data, Events, Cache, Changes, Races} }

// title is a step as people read it.
func (s Step) title() string {
	switch s {
	case Scope:
		return "Logs and conflicts"
	case Data:
		return "Data checks"
	case Events:
		return "Events"
	case Cache:
		return "Cache"
	case Changes:
		return "Recent changes"
	case Races:
		return "Locks and races"
	}
	return string(s)
}

// outcome is what a step came to. It is no verdict on data alone: changes are
// neither right nor wrong.
type outcome string

const (
	wrong   outcome = "FAIL"
	right   outcome = "PASS"
	unknown outcome = "UNKNOWN"
	looked  outcome = "SEEN"       // there is something, and it is neither right nor wrong
	notSet  outcome = "NOT SET UP" // the config declares nothing to look at
)

// stepSeen is what one step saw.
type stepSeen struct {
	step     Step
	findings []judged
	facts    []look.Fact
	// done are the looks that answered, and whole those of them that saw everything.
	done, whole []string
	// missing says in sentences what did not answer and what to do.
	missing []string
	// lacking names what the config does not have: "no check of kind cache".
	lacking []string
	// without are the looks that are not set up, by name.
	without []string
	took    time.Duration
}

// judged is a finding with its check, and the run that it is from; 0: this one.
type judged struct {
	check.Finding
	of  check.Check
	run int64
	// keys are values of the rows found, for comparing; nil: not all are known.
	keys *keys
}

// outcome of the step. UNKNOWN wins over PASS, and what is wrong over both.
func (s stepSeen) outcome() outcome {
	open, passed := len(s.missing) > 0, len(s.done) > 0
	for _, f := range s.findings {
		switch f.Verdict {
		case check.Fail:
			return wrong
		case check.Unknown:
			open = true
			if f.Tally.Rows > 0 {
				return wrong
			}
		case check.Pass:
			passed = true
		}
	}
	bad := false
	for _, f := range s.facts {
		bad = bad || f.Count > 0 && troubling(f.Kind)
	}
	switch {
	case bad:
		return wrong
	case open:
		return unknown
	case !passed:
		return notSet
	case s.step == Changes:
		return looked
	}
	return right
}

// dark tells that nothing at all was seen, though there is something to look at.
func (s stepSeen) dark() bool {
	for _, f := range s.findings {
		if f.Verdict != check.Unknown || f.Tally.Rows > 0 {
			return false
		}
	}
	return len(s.done) == 0 && len(s.missing)+len(s.findings) > 0
}

// troubling kinds of fact are trouble by being there. Counters of the database
// since its statistics' reset are not, and neither are changes.
func troubling(k look.Kind) bool {
	switch k {
	case look.LogErrors, look.EventErrors, look.Blocked, look.Checksums:
		return true
	case look.Rollout, look.ConfigEdit, look.Scaling, look.Migration,
		look.Writers, look.Deadlocks, look.Rollbacks, look.Conflicts:
		return false
	}
	return false
}
