package deploy

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/modfile"
)

var dependencyRow = regexp.MustCompile(`(?m)^\| ([a-z0-9.]+\.[a-z]+/\S+) \| (v\S+) \| .+ \| \S+ \|$`)

func TestDependenciesPageIsTrue(t *testing.T) {
	page, err := os.ReadFile("../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := modfile.Parse("go.mod", mod, nil)
	if err != nil {
		t.Fatal(err)
	}
	required, listed := map[string]string{}, map[string]string{}
	for _, r := range parsed.Require {
		if !r.Indirect {
			required[r.Mod.Path] = r.Mod.Version
		}
	}
	for _, row := range dependencyRow.FindAllStringSubmatch(string(page), -1) {
		listed[row[1]] = row[2]
	}
	if diff := cmp.Diff(required, listed); diff != "" {
		t.Errorf("docs/dependencies.md and go.mod differ (-go.mod +page):\n%s", diff)
	}
}
