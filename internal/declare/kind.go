package declare

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// Kind is one kind of check and how its declaration begins.
type Kind[D Words] struct {
	Name string
	Make func() D
}

// KindNames names the kinds of a target, in their order.
func KindNames[D Words](kinds []Kind[D]) []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	return names
}

// CheckOf reads the declaration of a check of one of a target's kinds; see Check.
func CheckOf[D Words](kinds []Kind[D], name string, node *yaml.Node) (D, error) {
	for _, k := range kinds {
		if k.Name != name {
			continue
		}
		words := k.Make()
		return words, Check(name, node, words)
	}
	var none D
	return none, UnknownKind(node, name, KindNames(kinds))
}

// UnknownKind is the mistake of a check whose kind nobody knows.
func UnknownKind(node *yaml.Node, kind string, kinds []string) error {
	return At(node, "there is no kind of check %q%s The kinds are %s.", kind, DidYouMean(kind, kinds), strings.Join(kinds, ", "))
}
