package kube

import (
	"context"
	"regexp"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// What a rollout may take when the config does not say, and at most.
const (
	defaultSettle = 5 * time.Minute
	longestSettle = time.Hour
)

// Writers declares that each of some deployments is as it is meant to be: that it
// writes, or that it does not where a plan has stopped it.
type Writers struct {
	Deployments []Writer `yaml:"deployments"`
	// Settle is how long it may take until pods are as their deployment says.
	Settle *declare.Duration `yaml:"settle"`
}

// Writer is a deployment whose pods write to the data.
type Writer struct {
	Name string `yaml:"name"`
	// Container is the one that has the variable of ReadOnly; empty: the only one.
	Container string `yaml:"container"`
	// ReadOnly is how it is told not to write; nil: it cannot be told.
	ReadOnly *ReadOnly `yaml:"read_only"`
}

// ReadOnly is an environment variable that tells an application not to write.
type ReadOnly struct {
	Env string `yaml:"env"`
	On  string `yaml:"on"`  // its value when it must not
	Off string `yaml:"off"` // and when it may; empty: the variable is not there
}

// variableName is what the name of a variable looks like, as shells can use it.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Faults implements declare.Words.
func (w *Writers) Faults(bad declare.Bad) {
	if len(w.Deployments) == 0 {
		bad("deployments", "deployments is missing: the deployments whose pods write to the data")
	}
	seen := map[string]bool{}
	for i, one := range w.Deployments {
		switch {
		case one.Name == "":
			bad("deployments", "deployments: number %d has no name", i+1)
			continue
		case len(validation.IsDNS1123Subdomain(one.Name)) > 0:
			bad("deployments", "deployments: %q cannot be the name of a deployment: lower-case letters, digits, hyphens and dots only", one.Name)
		case seen[one.Name]:
			bad("deployments", "deployments: %s is there twice", one.Name)
		}
		seen[one.Name] = true
		if one.ReadOnly != nil {
			one.ReadOnly.faults(one.Name, bad)
		}
	}
	if d := w.settle(); d <= 0 || d > longestSettle {
		bad("settle", "settle is %s: it must be above 0 and at most an hour", d)
	}
}

func (r *ReadOnly) faults(deployment string, bad declare.Bad) {
	switch {
	case r.Env == "":
		bad("deployments", "deployments: read_only of %s needs env, the name of its variable", deployment)
	case !variableName.MatchString(r.Env):
		bad("deployments", "deployments: read_only of %s: %q cannot be the name of a variable", deployment, r.Env)
	}
	switch {
	case r.On == "":
		bad("deployments", "deployments: read_only of %s needs on, the value with which it must not write, such as \"true\"", deployment)
	case r.On == r.Off:
		bad("deployments", "deployments: read_only of %s: on and off are the same", deployment)
	}
}

func (w *Writers) settle() time.Duration {
	if w.Settle == nil {
		return defaultSettle
	}
	return w.Settle.Std()
}

// names are those of the deployments, in the order of the config.
func (w *Writers) names() []string {
	var out []string
	for _, one := range w.Deployments {
		out = append(out, one.Name)
	}
	return out
}

// Validate implements Declaration.
func (w *Writers) Validate(ctx context.Context, t *Target) error {
	for _, one := range w.Deployments {
		s, err := t.see(ctx, one)
		if err != nil {
			return err
		}
		if s.env.problem != "" {
			return problemf("%s", sentenceCase(s.env.problem)+".")
		}
		if _, err := t.livePods(ctx, s.Deployment); err != nil {
			return err
		}
	}
	return nil
}

// Detector implements Declaration.
func (w *Writers) Detector(t *Target) check.Detector { return &writersDetector{words: w, target: t} }
