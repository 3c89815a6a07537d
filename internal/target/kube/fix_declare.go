package kube

import (
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
)

// The ways of a fix.
const (
	wayReadOnly = "read-only" // set the variable that tells the application not to write
	wayScale    = "scale"     // no pods
	wayResume   = "resume"    // back to what it was before
	wayRestore  = "restore"   // start the job that restores from a backup
)

// What the ways need beside fix:<domain>, and why a second person approves.
const (
	mayStop    authz.Permission = "writes:stop"
	mayResume  authz.Permission = "writes:resume"
	mayRestore authz.Permission = "restore:run"

	stopsWrites = "stopping writes always needs a second person"
	restores    = "a restore always needs a second person"
)

// How long is watched whether somebody takes a change back.
const (
	defaultWatch = 60 * time.Second
	longestWatch = time.Hour
)

// wholeList is the share that a plan may change: writers are named one by one.
const wholeList = 1.0

// Fix is what the config says about repairing what one check finds.
type Fix struct {
	words fixWords
}

// fixWords are the words of one kind's fix.
type fixWords interface {
	declare.FixWords
	ways() map[string]fix.Way
	back() fix.Way // what taking a plan back asks for
	planner(t *Target, c check.Check) fix.Planner
}

// DeclareFix reads how what a check of a kind finds may be repaired, from the
// mapping under the check's word fix. declaration is the check's own, from
// [Declare]. Unknown words are errors. The error joins all mistakes, each a
// *declare.Fault, in the order of their lines.
func DeclareFix(kind string, declaration Declaration, node *yaml.Node) (Fix, error) {
	var words fixWords
	switch d := declaration.(type) {
	case *Writers:
		words = &writersFix{check: d}
	case *Restore:
		words = &restoreFix{check: d}
	default:
		return Fix{}, declare.At(node, "fix: what checks of kind %s find cannot be repaired by a fix", kind)
	}
	if err := declare.ReadFix(kind, node, words); err != nil {
		return Fix{}, err
	}
	return Fix{words: words}, nil
}

// Rules are the caps, the expiry, when a second person is needed, and what each
// way needs.
func (f Fix) Rules() fix.Rules {
	rules := f.words.Common().Rules()
	if f.words.Common().MaxShare == nil {
		rules.Caps.Share = wholeList
	}
	rules.Ways, rules.Back = f.words.ways(), f.words.back()
	return rules
}

// Planner makes the planner of this fix for a check on a target.
func (f Fix) Planner(t *Target, c check.Check) fix.Planner { return f.words.planner(t, c) }

// writersFix are the words of the fix of writers.
type writersFix struct {
	declare.Fix `yaml:",inline"`

	// Watch is how long it is watched after a change whether somebody takes it back.
	Watch *declare.Duration `yaml:"watch"`

	check *Writers
}

// Ways implements declare.FixWords.
func (w *writersFix) Ways() []string { return []string{wayReadOnly, wayScale, wayResume} }

// Faults implements declare.Words.
func (w *writersFix) Faults(bad declare.Bad) {
	if d := w.watch(); d <= 0 || d > longestWatch {
		bad("watch", "watch is %s: it must be above 0 and at most an hour", d)
	}
	for _, mode := range w.Allowed(w.Ways()) {
		word := "modes"
		if mode == w.Mode || w.Mode == "" && mode == wayReadOnly {
			word = "mode"
		}
		if mode == wayReadOnly && w.check != nil && !w.check.canReadOnly() {
			bad(word, "%s allows read-only, and no deployment says with read_only how it is told", word)
		}
	}
}

// canReadOnly tells whether any of the deployments can be told not to write.
func (w *Writers) canReadOnly() bool {
	for _, one := range w.Deployments {
		if one.ReadOnly != nil {
			return true
		}
	}
	return false
}

func (w *writersFix) watch() time.Duration {
	if w.Watch == nil {
		return defaultWatch
	}
	return w.Watch.Std()
}

func (w *writersFix) ways() map[string]fix.Way {
	return map[string]fix.Way{
		wayReadOnly: {Right: mayStop, Second: stopsWrites},
		wayScale:    {Right: mayStop, Second: stopsWrites},
		wayResume:   {Right: mayResume},
	}
}

// back is a resume: production writes again.
func (w *writersFix) back() fix.Way { return fix.Way{Right: mayResume} }

func (w *writersFix) planner(t *Target, c check.Check) fix.Planner {
	return &writersPlanner{words: w, target: t, check: c}
}

// restoreFix are the words of the fix of a restore.
type restoreFix struct {
	declare.Fix `yaml:",inline"`

	check *Restore
}

// Ways implements declare.FixWords.
func (w *restoreFix) Ways() []string { return []string{wayRestore} }

// Faults implements declare.Words.
func (w *restoreFix) Faults(declare.Bad) {}

func (w *restoreFix) ways() map[string]fix.Way {
	return map[string]fix.Way{wayRestore: {Right: mayRestore, Second: restores}}
}

// back asks for nothing: there is no way back of a restore.
func (w *restoreFix) back() fix.Way { return fix.Way{} }

func (w *restoreFix) planner(t *Target, c check.Check) fix.Planner {
	return &restorePlanner{words: w, target: t, check: c}
}
