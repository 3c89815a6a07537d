package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
)

// Declaration is what the config says about one check of a kind.
type Declaration interface {
	// Validate tries the declaration on a live database: tables, columns,
	// grants, predicates. Errors are Problems. It reads no row.
	Validate(ctx context.Context, target *Target) error
	// Detector makes the detector that carries the check out.
	Detector(target *Target) check.Detector
}

// declared is what Declare needs of a kind: its own words checked without a
// database.
type declared interface {
	Declaration
	// faults names what is wrong with the words themselves. key is the word
	// under which the fault stands, for its line.
	faults(bad func(key, format string, args ...any))
}

// kind is one kind of check and how its declaration begins.
type kind struct {
	name string
	make func() declared
}

// kinds is the one list of kinds of check on Postgres.
func kinds() []kind {
	return []kind{
		{"orphans", func() declared { return &Orphans{} }},
		{"duplicates", func() declared { return &Duplicates{} }},
		{"totals", func() declared { return &Totals{} }},
		{"match", func() declared { return &Match{} }},
		{"rows", func() declared { return &Rows{} }},
		{"query", func() declared { return &Query{} }},
		{"foreign-keys", func() declared { return &ForeignKeys{} }},
	}
}

// Kinds names the kinds of check on Postgres.
func Kinds() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

// commonWords are the words of a check that do not depend on its kind. The
// config reads them; here they are let pass.
func commonWords() []string {
	return []string{
		"kind", "name", "title", "domain", "severity", "target", "owner", "means",
		"likely", "noun", "currency", "timeout", "fix",
	}
}

// Fault is one mistake in a declaration.
type Fault struct {
	Line    int // in the file that the node came from
	Message string
}

func (f *Fault) Error() string { return fmt.Sprintf("line %d: %s", f.Line, f.Message) }

// Declare reads the declaration of a check of a kind from its node in the
// config, a mapping. Unknown words are errors. The error joins all mistakes, each
// a *Fault, in the order of their lines.
func Declare(name string, node *yaml.Node) (Declaration, error) {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil, &Fault{Line: lineOf(node), Message: "a check is a mapping of words to values"}
	}
	all := kinds()
	i := slices.IndexFunc(all, func(k kind) bool { return k.name == name })
	if i < 0 {
		return nil, &Fault{Line: lineOf(node), Message: fmt.Sprintf("there is no kind of check %q%s The kinds are %s.",
			name, didYouMean(name, Kinds()), strings.Join(Kinds(), ", "))}
	}
	declaration := all[i].make()
	faults := decode(node, declaration)
	misread := map[int]bool{}
	for _, f := range faults {
		misread[f.Line] = true
	}
	// Meaning is judged even if words were wrong: all mistakes at once. But what
	// was not read has no meaning.
	declaration.faults(func(key, format string, args ...any) {
		line := lineOfKey(node, key)
		if misread[line] && line != node.Line || repeated(node) {
			return
		}
		faults = append(faults, &Fault{Line: line, Message: name + ": " + fmt.Sprintf(format, args...)})
	})
	if len(faults) == 0 {
		return declaration, nil
	}
	sort.SliceStable(faults, func(a, b int) bool { return faults[a].Line < faults[b].Line })
	errs := make([]error, len(faults))
	for i, f := range faults {
		errs[i] = f
	}
	return nil, errors.Join(errs...)
}

// decode reads a mapping strictly, without the common words.
func decode(node *yaml.Node, into any) []*Fault {
	own := *node
	own.Content = nil
	for i := 0; i+1 < len(node.Content); i += 2 {
		if !slices.Contains(commonWords(), node.Content[i].Value) {
			key := *node.Content[i]
			key.Tag = "!!str" // a key spelt null would be dropped without a word
			own.Content = append(own.Content, &key, node.Content[i+1])
		}
	}
	return strictly(node, &own, into)
}

// strictly reads a mapping. Faults without a line stand in that of node.
func strictly(node, own *yaml.Node, into any) []*Fault {
	err := own.Load(into, yaml.WithKnownFields())
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

// Names is a list of column names, written as one word or as a list.
type Names []string

// UnmarshalYAML takes a word or a list of words.
func (n *Names) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*n = Names{node.Value}
		return nil
	}
	var list []string
	if err := node.Load(&list); err != nil {
		return err
	}
	*n = list
	return nil
}

// Duration is a length of time in the config: 90s, 10m, 2h, 7d.
type Duration time.Duration

// UnmarshalYAML takes a duration as time.ParseDuration does, and days.
func (d *Duration) UnmarshalYAML(node *yaml.Node) error {
	if days, ok := strings.CutSuffix(node.Value, "d"); ok {
		if n, err := strconv.ParseInt(days, 10, 16); err == nil {
			*d = Duration(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	}
	v, err := time.ParseDuration(node.Value)
	if err != nil {
		return fmt.Errorf("line %d: %q is not a duration such as 90s, 10m, 2h, 7d", node.Line, node.Value)
	}
	*d = Duration(v)
	return nil
}
