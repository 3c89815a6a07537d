package declare

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/fix"
)

// What a fix may do when its config does not say.
const (
	defaultRows        = 10_000
	defaultShare       = 0.05
	defaultApproveOver = 500
	defaultExpiry      = 10 * time.Minute
	longestExpiry      = 24 * time.Hour
)

// Fix are the words that every fix knows. A kind's own words embed it.
type Fix struct {
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

// Common gives a kind's words as what all of them have.
func (c *Fix) Common() *Fix { return c }

// FixWords are the words of one kind's fix.
type FixWords interface {
	Words
	Common() *Fix
	// Ways names all modes that the kind knows, its default first; a kind without
	// a default begins with the empty word.
	Ways() []string
}

// ReadFix reads how what a check of a kind finds may be repaired, from the
// mapping under the check's word fix. Unknown words are errors. The error joins
// all mistakes, each a *Fault, in the order of their lines.
func ReadFix(kind string, node *yaml.Node, into FixWords) error {
	if node == nil || node.Kind != yaml.MappingNode {
		return At(node, "fix: a fix is a mapping of words to values")
	}
	return read("fix: ", "fix: ", node, node, into, func(bad Bad) {
		into.Common().faults(kind, into.Ways(), bad)
		into.Faults(bad)
	})
}

func (c *Fix) faults(kind string, ways []string, bad Bad) {
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
	if e := c.Expiry; e != nil && (*e <= 0 || e.Std() > longestExpiry) {
		bad("expiry", "expiry is %s: it must be above 0 and at most a day", e.Std())
	}
}

// Rules are the caps, the expiry and when a second person is needed.
func (c *Fix) Rules() fix.Rules {
	rules := fix.Rules{
		Caps:       fix.Caps{Rows: defaultRows, Share: defaultShare},
		SecondOver: defaultApproveOver,
		Expiry:     defaultExpiry,
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
		rules.Expiry = c.Expiry.Std()
	}
	return rules
}

// Allowed are the ways that may be asked for, the declared one first, of those
// that the kind knows.
func (c *Fix) Allowed(ways []string) []string {
	var out []string
	for _, way := range append([]string{cmp.Or(c.Mode, ways[0])}, c.Modes...) {
		if !slices.Contains(out, way) {
			out = append(out, way)
		}
	}
	return out
}
