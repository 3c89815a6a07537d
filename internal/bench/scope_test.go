//go:build bench

package bench

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/shop"
)

// scope is a config and the checks that "check all" runs with it.
type scope struct {
	path   string
	text   []byte
	checks []string
}

// everything is the example as it stands.
func (b *bed) everything(t *trial) scope {
	t.Helper()
	return b.scope(t, "example.yaml", config.Example())
}

// equalWork is the example with only those checks in "all" that the runbook has a query for.
func (b *bed) equalWork(t *trial) scope {
	t.Helper()
	var want []string
	for _, q := range shop.RunbookQueries().Checks {
		want = append(want, q.Check)
	}
	s := b.scope(t, "runbook.yaml", onlyInAll(config.Example(), want))
	if got := slices.Sorted(slices.Values(s.checks)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Fatalf("the config for equal work runs %v, want %v", got, want)
	}
	return s
}

func (b *bed) scope(t *trial, name string, text []byte) scope {
	t.Helper()
	s := scope{path: filepath.Join(b.dir, name), text: text}
	if err := os.WriteFile(s.path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, d := range s.parse(t, nil).Declared() {
		if !d.Check.OnRequest {
			s.checks = append(s.checks, d.Check.Name)
		}
	}
	return s
}

// parse gives the config with the environment that a child gets.
func (s scope) parse(t *trial, env map[string]string) *config.Config {
	t.Helper()
	c, err := config.Parse(s.path, s.text, config.Environment{
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		ReadFile:  os.ReadFile,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// onlyInAll gives every check of a config on_request but the named ones. It knows how the example is written: a check
// begins with its name, two spaces in.
func onlyInAll(text []byte, names []string) []byte {
	begins := regexp.MustCompile(`^  ([a-z][a-z0-9-]*):\s*$`)
	var out strings.Builder
	within := false
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "    on_request:") {
			continue
		}
		out.WriteString(line)
		if line[0] != ' ' && line[0] != '#' && line[0] != '\n' {
			within = strings.HasPrefix(line, "checks:")
		}
		if found := begins.FindStringSubmatch(line); within && found != nil && !slices.Contains(names, found[1]) {
			out.WriteString("    on_request: true\n")
		}
	}
	return []byte(out.String())
}

func TestOnlyInAll(t *testing.T) {
	const text = "targets:\n  shop:\n    place: x\nchecks:\n  a:\n    kind: rows\n\n# more\n  b:\n    kind: rows\n  c:\n    on_request: true\n    kind: query\n"
	const want = "targets:\n  shop:\n    place: x\nchecks:\n  a:\n    kind: rows\n\n# more\n  b:\n    on_request: true\n    kind: rows\n  c:\n    on_request: true\n    kind: query\n"
	if got := string(onlyInAll([]byte(text), []string{"a"})); got != want {
		t.Errorf("got:\n%s", got)
	}
}
