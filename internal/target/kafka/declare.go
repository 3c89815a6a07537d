package kafka

import (
	"context"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// Declaration is what the config says about one check of a kind.
type Declaration interface {
	// Validate tries the declaration on a live cluster: topics, groups, ACLs.
	// Errors are Problems. It leaves no trace.
	Validate(ctx context.Context, target *Target) error
	// Detector makes the detector that carries the check out.
	Detector(target *Target, sources Sources) check.Detector
}

// declared is what Declare needs of a kind: its own words checked without a
// cluster.
type declared interface {
	Declaration
	declare.Words
}

// kind is one kind of check and how its declaration begins.
type kind struct {
	name string
	make func() declared
}

// kinds is the one list of kinds of check on Kafka.
func kinds() []kind {
	return []kind{
		{"lag", func() declared { return &Lag{} }},
		{"dead-letters", func() declared { return &DeadLetters{} }},
	}
}

// Kinds names the kinds of check on Kafka.
func Kinds() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

// Declare reads the declaration of a check of a kind from its node in the
// config, a mapping. Unknown words are errors. The error joins all mistakes, each
// a *declare.Fault, in the order of their lines.
func Declare(name string, node *yaml.Node) (Declaration, error) {
	all := kinds()
	i := slices.IndexFunc(all, func(k kind) bool { return k.name == name })
	if i < 0 {
		return nil, declare.UnknownKind(node, name, Kinds())
	}
	declaration := all[i].make()
	if err := declare.Check(name, node, declaration); err != nil {
		return nil, err
	}
	return declaration, nil
}
