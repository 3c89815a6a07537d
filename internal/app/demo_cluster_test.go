package app

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/cluster"
)

// TestTheDemoGrantsWhatTheManifestsDo: what works in the demo works with the roles
// that people are told to grant.
func TestTheDemoGrantsWhatTheManifestsDo(t *testing.T) {
	t.Parallel()
	reading := append(granted(t, "reader-role.yaml"), granted(t, "restore-role.yaml")...)
	if diff := cmp.Diff(reading, demoReading()); diff != "" {
		t.Errorf("reading (-manifests +demo):\n%s", diff)
	}
	if diff := cmp.Diff(granted(t, "writer-role.yaml"), demoWriting()); diff != "" {
		t.Errorf("writing (-manifest +demo):\n%s", diff)
	}
}

// granted reads the first role of a manifest.
func granted(t *testing.T, name string) []cluster.Rule {
	t.Helper()
	text, err := os.ReadFile("../../deploy/kubernetes/" + name)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n---\n")
	var role struct {
		Rules []struct {
			APIGroups []string `yaml:"apiGroups"`
			Resources []string `yaml:"resources"`
			Verbs     []string `yaml:"verbs"`
		} `yaml:"rules"`
	}
	if err := yaml.Load([]byte(first), &role); err != nil {
		t.Fatal(err)
	}
	var out []cluster.Rule
	for _, r := range role.Rules {
		out = append(out, cluster.Rule{Verbs: r.Verbs, Groups: r.APIGroups, Resources: r.Resources, Namespaces: []string{cluster.Namespace}})
	}
	return out
}
