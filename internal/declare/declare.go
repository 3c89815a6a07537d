// Package declare reads what the config says about one check or one fix: words
// of its kind, strictly, with every mistake at its line. What the words mean is
// the kind's business.
//
// It looks nothing up and never guesses: a word that nobody knows is a mistake.
package declare

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Fault is one mistake in a declaration.
type Fault struct {
	Line    int // in the file that the node came from
	Message string
}

func (f *Fault) Error() string { return fmt.Sprintf("line %d: %s", f.Line, f.Message) }

// Bad notes what is wrong with the words themselves. key is the word under which
// the mistake stands, for its line.
type Bad func(key, format string, args ...any)

// Words is a declaration that can judge itself without its target.
type Words interface {
	Faults(bad Bad)
}

// Check reads the words of a check of a kind from its mapping in the config,
// without the words that all checks have. The error joins all mistakes, each a
// *Fault, in the order of their lines.
func Check(kind string, node *yaml.Node, into Words) error {
	if node == nil || node.Kind != yaml.MappingNode {
		return At(node, "a check is a mapping of words to values")
	}
	own := *node
	own.Content = nil
	for i := 0; i+1 < len(node.Content); i += 2 {
		if !slices.Contains(commonWords(), node.Content[i].Value) {
			own.Content = append(own.Content, node.Content[i], node.Content[i+1])
		}
	}
	return read(kind+": ", "", node, &own, into, into.Faults)
}

// commonWords are the words of a check that do not depend on its kind. The
// config reads them.
func commonWords() []string {
	return []string{
		"kind", "name", "title", "domain", "severity", "target", "owner", "means",
		"likely", "noun", "currency", "timeout", "fix",
	}
}

// At is one mistake that stands at a node.
func At(node *yaml.Node, format string, args ...any) error {
	return &Fault{Line: lineOf(node), Message: fmt.Sprintf(format, args...)}
}

// read reads own, which is node or a part of it, and lets faults judge what was
// read: all mistakes at once. But what was not read has no meaning.
func read(prefix, unread string, node, own *yaml.Node, into any, judge func(Bad)) error {
	faults := strictly(node, own, into)
	misread := map[int]bool{}
	for _, f := range faults {
		f.Message = unread + f.Message
		misread[f.Line] = true
	}
	judge(func(key, format string, args ...any) {
		line := lineOfKey(node, key)
		if misread[line] && line != node.Line || repeated(node) {
			return
		}
		faults = append(faults, &Fault{Line: line, Message: prefix + fmt.Sprintf(format, args...)})
	})
	if len(faults) == 0 {
		return nil
	}
	slices.SortStableFunc(faults, func(a, b *Fault) int { return cmp.Compare(a.Line, b.Line) })
	errs := make([]error, len(faults))
	for i, f := range faults {
		errs[i] = f
	}
	return errors.Join(errs...)
}

// strictly reads a mapping. Faults without a line stand in that of node.
func strictly(node, own *yaml.Node, into any) []*Fault {
	plain := *own
	plain.Content = slices.Clone(own.Content)
	for i := 0; i+1 < len(plain.Content); i += 2 {
		key := *plain.Content[i]
		key.Tag = "!!str" // a key spelt null would be dropped without a word
		plain.Content[i] = &key
	}
	err := plain.Load(into, yaml.WithKnownFields())
	var many *yaml.LoadErrors
	var one *yaml.LoadError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &many):
		var faults []*Fault
		for _, e := range many.Errors {
			faults = append(faults, loadFault(node, e))
		}
		return faults
	case errors.As(err, &one):
		return []*Fault{loadFault(node, one)}
	}
	return []*Fault{{Line: node.Line, Message: err.Error()}}
}

func loadFault(node *yaml.Node, e *yaml.LoadError) *Fault {
	line := e.Mark.Line
	if line <= 0 {
		line = node.Line
	}
	return &Fault{Line: line, Message: e.Message}
}

func lineOf(node *yaml.Node) int {
	if node == nil {
		return 0
	}
	return node.Line
}

// lineOfKey is the line of a word, or of the mapping when the word is missing.
func lineOfKey(node *yaml.Node, key string) int {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i].Line
		}
	}
	return node.Line
}

// repeated tells whether a word stands twice, so that nothing was read.
func repeated(node *yaml.Node) bool {
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if seen[node.Content[i].Value] {
			return true
		}
		seen[node.Content[i].Value] = true
	}
	return false
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
