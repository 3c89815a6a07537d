package postgres

import (
	"context"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
)

// Fix is what the config says about repairing what one check finds.
type Fix struct {
	declaration Declaration
	words       fixWords
}

// fixWords are the words of one kind's fix.
type fixWords interface {
	declare.FixWords
	Rules() fix.Rules
	// draft makes the plan of what was found, which is at least one row.
	draft(ctx context.Context, d *drafting) error
}

// finder are the words of a fix that finds for itself what it is about: those of
// its check may be right where somebody names others. Nothing is found before its
// draft, and there is nothing to add to it.
type finder interface{ finds() }

// newFixWords makes the words of the fix of a check, by its kind.
func newFixWords(declaration Declaration) fixWords {
	switch d := declaration.(type) {
	case *Orphans:
		return &orphansFix{check: d}
	case *Duplicates:
		return &duplicatesFix{check: d}
	case *Totals:
		return &totalsFix{check: d}
	case *Match:
		return &matchFix{check: d}
	case *Rows:
		return &rowsFix{check: d}
	case *Query:
		return &queryFix{check: d}
	case *ForeignKeys:
		return &foreignKeysFix{check: d}
	case *Blocking:
		return &locksFix{check: d}
	}
	return nil
}

// DeclareFix reads how what a check of a kind finds may be repaired, from the
// mapping under the check's word fix. declaration is the check's own, from
// [Declare]. Unknown words are errors. The error joins all mistakes, each a
// *declare.Fault, in the order of their lines.
func DeclareFix(kind string, declaration Declaration, node *yaml.Node) (Fix, error) {
	words := newFixWords(declaration)
	if words == nil {
		return Fix{}, declare.At(node, "fix: what checks of kind %s find cannot be repaired by a fix", kind)
	}
	if err := declare.ReadFix(kind, node, words); err != nil {
		return Fix{}, err
	}
	return Fix{declaration: declaration, words: words}, nil
}

// Rules are the caps, the expiry and when a second person is needed.
func (f Fix) Rules() fix.Rules { return f.words.Rules() }

// Planner makes the planner of this fix for a check on a target.
func (f Fix) Planner(t *Target, c check.Check) fix.Planner {
	return &planner{fix: f, target: t, check: c}
}

// modes are the ways that may be asked for, the declared one first.
func (f Fix) modes() []string { return f.words.Common().Allowed(f.words.Ways()) }
