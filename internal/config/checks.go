package config

import (
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

const day = 24 * time.Hour

// common is what every check declares, whatever its kind.
type common struct {
	Kind     string   `yaml:"kind"`
	Title    string   `yaml:"title"`
	Domain   string   `yaml:"domain"`
	Severity string   `yaml:"severity"`
	Target   string   `yaml:"target"`
	Owner    string   `yaml:"owner"`
	Means    string   `yaml:"means"`
	Likely   string   `yaml:"likely"`
	Noun     string   `yaml:"noun"`
	Currency string   `yaml:"currency"`
	Timeout  Duration `yaml:"timeout"`
	// OnRequest keeps a check out of "all": it runs when it or its domain is named.
	OnRequest bool `yaml:"on_request"`
}

var commonKeys = map[string]bool{
	"kind": true, "title": true, "domain": true, "severity": true, "target": true, "owner": true,
	"means": true, "likely": true, "noun": true, "currency": true, "timeout": true,
	"on_request": true,
}

// declarations splits each check into what all kinds share and what its kind
// reads.
func declarations(n *yaml.Node, problems *Problems) []Declared {
	if n.Kind == 0 || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		problems.add(n.Line, "checks must be a mapping of names to declarations")
		return nil
	}
	var out []Declared
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if value.Kind != yaml.MappingNode {
			problems.add(key.Line, "check %s: a declaration is a mapping", key.Value)
			continue
		}
		shared, rest := split(value)
		_, fix := child(rest, "fix")
		var c common
		if err := shared.Load(&c, yaml.WithKnownFields()); err != nil {
			problems.addError(key.Line, err)
			continue
		}
		one := Declared{Check: c.check(key.Value), Line: key.Line, Digest: declare.Digest(value), node: rest, fix: fix}
		one.Check.Fixable = fix != nil
		out = append(out, one)
	}
	return out
}

// split parts a mapping by its keys; the lines stay what they are.
func split(n *yaml.Node) (shared, rest *yaml.Node) {
	shared, rest = copyOf(n), copyOf(n)
	for i := 0; i+1 < len(n.Content); i += 2 {
		to := rest
		if commonKeys[n.Content[i].Value] {
			to = shared
		}
		to.Content = append(to.Content, n.Content[i], n.Content[i+1])
	}
	return shared, rest
}

func copyOf(n *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: n.Tag, Line: n.Line, Column: n.Column}
}

func (c common) check(name string) check.Check {
	d := check.Check{
		Name: name, Title: c.Title, Domain: c.Domain, Severity: c.Severity, Kind: c.Kind,
		Target: c.Target, Owner: c.Owner, Means: c.Means, Likely: c.Likely, Noun: c.Noun,
		Currency: c.Currency, Timeout: c.Timeout.Std(), OnRequest: c.OnRequest,
	}
	if d.Title == "" && name != "" {
		d.Title = strings.ToUpper(name[:1]) + strings.ReplaceAll(name[1:], "-", " ")
	}
	orString(&d.Severity, "P1")
	orString(&d.Noun, "rows")
	if d.Timeout == 0 {
		d.Timeout = 30 * time.Minute
	}
	return d
}
