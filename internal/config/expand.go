package config

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Environment is where ${…} comes from.
type Environment struct {
	LookupEnv func(string) (string, bool)
	ReadFile  func(string) ([]byte, error)
}

// System is the process's own environment and files.
func System() Environment {
	return Environment{LookupEnv: os.LookupEnv, ReadFile: os.ReadFile}
}

var reference = regexp.MustCompile(`\$\{(file:)?([^}]+)\}`)

// expand replaces ${NAME}, ${NAME:-default} and ${file:path} inside scalar
// values. It works on the parsed tree, so that a value can never become
// structure. An unset variable is empty: a target whose variable is empty is
// off, and validation says what must not be empty.
func (env Environment) expand(n *yaml.Node, problems *Problems) {
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "${") {
		n.Value = reference.ReplaceAllStringFunc(n.Value, func(ref string) string {
			value, err := env.value(reference.FindStringSubmatch(ref))
			if err != nil {
				problems.add(n.Line, "%s", err)
			}
			return value
		})
		n.Tag = "" // "${PORT}" may now be a number
		if n.Style == 0 && n.Value == "" {
			n.Tag = "!!str"
		}
	}
	for _, child := range n.Content {
		env.expand(child, problems)
	}
}

func (env Environment) value(ref []string) (string, error) {
	if ref[1] == "" {
		name, fallback, _ := strings.Cut(ref[2], ":-")
		if v, ok := env.LookupEnv(name); ok && v != "" {
			return v, nil
		}
		return fallback, nil
	}
	content, err := env.ReadFile(ref[2])
	if err != nil {
		return "", fmt.Errorf("the file %s cannot be read: %w", ref[2], err)
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}
