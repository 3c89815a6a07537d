package postgres

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// What a fix may do when its config does not say.
const (
	defaultFixRows     = 10_000
	defaultFixShare    = 0.05
	defaultApproveOver = 500
	defaultFixExpiry   = 10 * time.Minute
	longestFixExpiry   = 24 * time.Hour
)

// Fix is what the config says about repairing what one check finds.
type Fix struct {
	declaration Declaration
	words       fixWords
}

// fixWords are the words of one kind's fix.
type fixWords interface {
	common() *fixCommon
	// ways names all modes that the kind knows, its default first; a kind without
	// a default begins with the empty word.
	ways() []string
	// faults names what is wrong with the words themselves.
	faults(bad func(key, format string, args ...any))
	// draft makes the plan of what was found, which is at least one row.
	draft(ctx context.Context, d *drafting) error
}

// fixCommon are the words that every fix knows.
type fixCommon struct {
	Mode string `yaml:"mode"`
	// Modes are further ways that may be asked for; default none.
	Modes Names `yaml:"modes"`
	// MaxRows and MaxShare bound how many failing rows one plan repairs.
	MaxRows  *int64   `yaml:"max_rows"`
	MaxShare *float64 `yaml:"max_share"`
	// ApproveOver is how many changes in all one person may confirm; 0: none.
	ApproveOver *int64    `yaml:"approve_over"`
	Expiry      *Duration `yaml:"expiry"`
}

func (c *fixCommon) common() *fixCommon { return c }

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
	}
	return nil
}

// DeclareFix reads how what a check of a kind finds may be repaired, from the
// mapping under the check's word fix. declaration is the check's own, from
// [Declare]. Unknown words are errors. The error joins all mistakes, each a
// *Fault, in the order of their lines.
func DeclareFix(kind string, declaration Declaration, node *yaml.Node) (Fix, error) {
	words := newFixWords(declaration)
	switch {
	case words == nil:
		return Fix{}, &Fault{Line: lineOf(node), Message: fmt.Sprintf("fix: what checks of kind %s find cannot be repaired by a fix", kind)}
	case node == nil || node.Kind != yaml.MappingNode:
		return Fix{}, &Fault{Line: lineOf(node), Message: "fix: a fix is a mapping of words to values"}
	}
	own := *node
	own.Content = slices.Clone(node.Content)
	for i := 0; i+1 < len(own.Content); i += 2 {
		key := *own.Content[i]
		key.Tag = "!!str" // a key spelt null would be dropped without a word
		own.Content[i] = &key
	}
	faults := strictly(node, &own, words)
	misread := map[int]bool{}
	for _, f := range faults {
		f.Message = "fix: " + f.Message
		misread[f.Line] = true
	}
	bad := func(key, format string, args ...any) {
		line := lineOfKey(node, key)
		if misread[line] && line != node.Line || repeated(node) {
			return
		}
		faults = append(faults, &Fault{Line: line, Message: "fix: " + fmt.Sprintf(format, args...)})
	}
	words.common().faults(kind, words.ways(), bad)
	words.faults(bad)
	if len(faults) == 0 {
		return Fix{declaration: declaration, words: words}, nil
	}
	slices.SortStableFunc(faults, func(a, b *Fault) int { return cmp.Compare(a.Line, b.Line) })
	errs := make([]error, len(faults))
	for i, f := range faults {
		errs[i] = f
	}
	return Fix{}, errors.Join(errs...)
}

func (c *fixCommon) faults(kind string, ways []string, bad func(key, format string, args ...any)) {
	named := slices.DeleteFunc(slices.Clone(ways), func(w string) bool { return w == "" })
	known := func(key, mode string) {
		if !slices.Contains(named, mode) {
			bad(key, "%s is %q, but checks of kind %s are repaired by %s", key, mode, kind, strings.Join(named, " or "))
		}
	}
	if c.Mode != "" || ways[0] == "" {
		known("mode", c.Mode)
	}
	for _, mode := range c.Modes {
		known("modes", mode)
	}
	if c.MaxRows != nil && *c.MaxRows < 1 {
		bad("max_rows", "max_rows is %d: it must be at least 1", *c.MaxRows)
	}
	if s := c.MaxShare; s != nil && !(*s > 0 && *s <= 1) {
		bad("max_share", "max_share is %g: it must be above 0 and at most 1", *s)
	}
	if c.ApproveOver != nil && *c.ApproveOver < 0 {
		bad("approve_over", "approve_over is %d: it must not be negative", *c.ApproveOver)
	}
	if e := c.Expiry; e != nil && (*e <= 0 || time.Duration(*e) > longestFixExpiry) {
		bad("expiry", "expiry is %s: it must be above 0 and at most a day", time.Duration(*e))
	}
}

// Rules are the caps, the expiry and when a second person is needed.
func (f Fix) Rules() fix.Rules {
	c := f.words.common()
	rules := fix.Rules{
		Caps:       fix.Caps{Rows: defaultFixRows, Share: defaultFixShare},
		SecondOver: defaultApproveOver,
		Expiry:     defaultFixExpiry,
	}
	if c.MaxRows != nil {
		rules.Caps.Rows = *c.MaxRows
	}
	if c.MaxShare != nil {
		rules.Caps.Share = *c.MaxShare
	}
	if c.ApproveOver != nil {
		rules.SecondOver = *c.ApproveOver
	}
	if c.Expiry != nil {
		rules.Expiry = time.Duration(*c.Expiry)
	}
	return rules
}

// Planner makes the planner of this fix for a check on a target.
func (f Fix) Planner(t *Target, c check.Check) fix.Planner {
	return &planner{fix: f, target: t, check: c}
}

// modes are the ways that may be asked for, the declared one first.
func (f Fix) modes() []string {
	c := f.words.common()
	return unique(append([]string{cmp.Or(c.Mode, f.words.ways()[0])}, c.Modes...))
}

// Digest is a fingerprint of a declaration, whatever its comments and layout. A
// plan made under another one is stale.
func Digest(node *yaml.Node) string {
	h := sha256.New()
	digest(h, node)
	return hex.EncodeToString(h.Sum(nil))
}

func digest(w io.Writer, n *yaml.Node) {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n == nil {
		fmt.Fprint(w, "nothing;")
		return
	}
	// Lengths keep neighbours apart: ab, c is not a, bc.
	fmt.Fprintf(w, "%d %s %d %d:%s;", n.Kind, n.ShortTag(), len(n.Content), len(n.Value), n.Value)
	for _, child := range n.Content {
		digest(w, child)
	}
}
