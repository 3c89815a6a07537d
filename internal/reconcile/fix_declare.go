package reconcile

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
)

// The ways of a fix.
const (
	wayClear = "clear" // remove the values that are wrong, each if it is still so
	wayFlush = "flush" // remove everything
)

const (
	defaultRate = 500
	// flushRight is needed to ask for a flush.
	flushRight = "cache:flush"
	// flushSecond is why somebody else always has to approve one.
	flushSecond = "a flush always needs a second person"
)

// Fix is what the config says about repairing what one check finds.
type Fix struct {
	words *clearFix
}

// clearFix are the words of the fix of a cache.
type clearFix struct {
	declare.Fix `yaml:",inline"`

	// Classes are those that are cleared; default stale, missing row, unreadable.
	Classes declare.Names `yaml:"classes"`
	// Rate is values a second; 0: as fast as it goes.
	Rate *int `yaml:"rate"`

	check *cacheWords
}

// DeclareFix reads how what a check of a kind finds may be repaired, from the mapping
// under the check's word fix. declaration is the check's own, from [Declare]. Unknown
// words are errors. The error joins all mistakes, each a *declare.Fault, in the order
// of their lines.
func DeclareFix(kind string, declaration Declaration, node *yaml.Node) (Fix, error) {
	cache, ok := declaration.(*cacheWords)
	if !ok {
		return Fix{}, declare.At(node, "fix: what checks of kind %s find cannot be repaired by a fix", kind)
	}
	words := &clearFix{check: cache}
	if err := declare.ReadFix(kind, node, words); err != nil {
		return Fix{}, err
	}
	return Fix{words: words}, nil
}

// Rules are the caps, the expiry, when a second person is needed, and that a flush
// always needs one.
func (f Fix) Rules() fix.Rules {
	rules := f.words.Common().Rules()
	if f.words.MaxShare == nil {
		rules.Caps.Share = 1 // a whole cache may be stale: it is their number that is capped
	}
	rules.Ways = map[string]fix.Way{wayFlush: {Right: flushRight, Second: flushSecond}}
	return rules
}

// Ways implements declare.FixWords.
func (w *clearFix) Ways() []string { return []string{wayClear, wayFlush} }

// clearable are the classes of what one value may be removed for.
func clearable() []string {
	return []string{classStale, classGone, classUnreadable, classForever, classLong}
}

// Faults implements declare.Words.
func (w *clearFix) Faults(bad declare.Bad) {
	for _, c := range w.Classes {
		if !slices.Contains(clearable(), c) {
			bad("classes", "classes has %q: what is cleared is %s", c, strings.Join(clearable(), ", "))
		}
	}
	if r := w.Rate; r != nil && *r < 0 {
		bad("rate", "rate is %d values a second: it must not be negative (0: as fast as it goes)", *r)
	}
}

func (w *clearFix) clears(class string) bool {
	if len(w.Classes) == 0 {
		return slices.Contains([]string{classStale, classGone, classUnreadable}, class)
	}
	return slices.Contains(w.Classes, class)
}

func (w *clearFix) rate() int {
	if w.Rate == nil {
		return defaultRate
	}
	return *w.Rate
}

// chosen is which keys a plan is about, in the words of an order.
type chosen struct {
	keys    []string
	pattern string // of MATCH; empty: all of the check
}

// parseChosen reads key=customer:12 (several may be given) or pattern=customer:12*.
func parseChosen(words []string) (chosen, error) {
	var c chosen
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		switch {
		case ok && name == "key" && value != "":
			if key := illegible(value); !slices.Contains(c.keys, key) {
				c.keys = append(c.keys, key)
			}
		case ok && name == "pattern" && value != "" && c.pattern == "":
			c.pattern = value
		default:
			return c, problemf("%q does not say which keys are meant: write key=customer:12, or one pattern=customer:12*.", legible(word))
		}
	}
	if len(c.keys) > 0 && c.pattern != "" {
		return c, problemf("Name keys or a pattern, not both.")
	}
	return c, nil
}
