package kube

import (
	"context"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// Declaration is what the config says about one check of a kind.
type Declaration interface {
	// Validate tries the declaration on a live cluster: deployments, containers,
	// templates, permissions to read. Errors are Problems. It leaves no trace.
	Validate(ctx context.Context, target *Target) error
	// Detector makes the detector that carries the check out.
	Detector(target *Target) check.Detector
}

// declared is what Declare needs of a kind: its own words checked without a
// cluster.
type declared interface {
	Declaration
	declare.Words
}

// kindsOfCheck is the one list of kinds of check on Kubernetes.
func kindsOfCheck() []declare.Kind[declared] {
	return []declare.Kind[declared]{
		{Name: "writers", Make: func() declared { return &Writers{} }},
		{Name: "restore", Make: func() declared { return &Restore{} }},
	}
}

// Kinds names the kinds of check on Kubernetes.
func Kinds() []string { return declare.KindNames(kindsOfCheck()) }

// Declare reads the declaration of a check of a kind from its node in the
// config, a mapping. Unknown words are errors. The error joins all mistakes, each
// a *declare.Fault, in the order of their lines.
func Declare(kind string, node *yaml.Node) (Declaration, error) {
	declaration, err := declare.CheckOf(kindsOfCheck(), kind, node)
	if err != nil {
		return nil, err
	}
	return declaration, nil
}
