package blockkit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// node is a value in the judged JSON, with the way to it.
type node struct {
	d       *document
	at      string
	v       any
	missing bool
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// get is the member of an object; of anything else it is missing.
func (n node) get(key string) node {
	m, _ := n.v.(map[string]any)
	v, ok := m[key]
	return node{d: n.d, at: n.at + "/" + pointerEscape.Replace(key), v: v, missing: !ok}
}

func (n node) given() bool { return !n.missing && n.v != nil }

func (n node) fail(format string, args ...any) { n.failAs(CodeInvalidBlocks, format, args...) }

func (n node) failAs(code, format string, args ...any) { n.d.problem(n.at, code, format, args...) }

// name is the last part of the pointer.
func (n node) name() string { return n.at[strings.LastIndexByte(n.at, '/')+1:] }

func (n node) required() bool {
	if !n.given() {
		n.fail("missing required field: %s", n.name())
		return false
	}
	return true
}

// optional judges n unless it is missing.
func (n node) optional(judge func(node)) {
	if n.given() {
		judge(n)
	}
}

func (n node) isObject() bool {
	if _, ok := n.v.(map[string]any); !ok {
		n.fail("must be an object")
		return false
	}
	return true
}

// str is a required string of lo to hi characters.
func (n node) str(lo, hi int) string {
	if !n.required() {
		return ""
	}
	s, ok := n.v.(string)
	if !ok {
		n.fail("must be a string")
		return ""
	}
	n.length(s, lo, hi)
	return s
}

func (n node) length(s string, lo, hi int) {
	switch count := utf8.RuneCountInString(s); {
	case count < lo:
		n.fail("must be more than %d characters", lo-1)
	case count > hi:
		n.fail("must be less than %d characters", hi+1)
	}
}

func (n node) boolean() {
	if _, ok := n.v.(bool); !ok {
		n.fail("must be a boolean")
	}
}

// integer is a whole number from lo to hi.
func (n node) integer(lo, hi int) {
	f, ok := n.v.(float64)
	if !ok || f != float64(int(f)) || int(f) < lo || int(f) > hi {
		n.fail("must be a whole number from %d to %d", lo, hi)
	}
}

func (n node) number() {
	if _, ok := n.v.(float64); !ok {
		n.fail("must be a number")
	}
}

// oneOf is a required string out of a list.
func (n node) oneOf(allowed ...string) string {
	s, _ := n.v.(string)
	if !slices.Contains(allowed, s) {
		n.fail("must be one of: %s", strings.Join(allowed, ", "))
		return ""
	}
	return s
}

// items is a required list of lo to hi values.
func (n node) items(lo, hi int) []node { return n.list(lo, hi, CodeInvalidBlocks) }

func (n node) list(lo, hi int, code string) []node {
	if !n.required() {
		return nil
	}
	values, ok := n.v.([]any)
	if !ok {
		n.failAs(code, "must be a list")
		return nil
	}
	switch {
	case len(values) < lo:
		n.failAs(code, "no less than %s allowed", items(lo))
	case len(values) > hi:
		n.failAs(code, "no more than %s allowed", items(hi))
	}
	out := make([]node, len(values))
	for i, v := range values {
		out[i] = node{d: n.d, at: n.at + "/" + strconv.Itoa(i), v: v}
	}
	return out
}

func items(n int) string {
	if n == 1 {
		return "1 item"
	}
	return fmt.Sprintf("%d items", n)
}

// unique fails n when its string was seen before.
func (n node) unique(seen map[string]string) {
	s, _ := n.v.(string)
	if s == "" {
		return
	}
	if first, ok := seen[s]; ok {
		n.fail("%s %q is used before, at %s; it must be unique", n.name(), s, first)
		return
	}
	seen[s] = n.at
}
