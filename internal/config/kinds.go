package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/reconcile"
	"github.com/integritybot/integritybot/internal/target/kafka"
	"github.com/integritybot/integritybot/internal/target/kube"
	"github.com/integritybot/integritybot/internal/target/postgres"
)

// house is one kind of target and how it reads checks.
type house struct {
	name  string
	kinds func() []string
	// declare reads a check of a kind, and what stands under its fix if anything
	// does.
	declare func(kind string, check, fix *yaml.Node) (Declaration, Fix, error)
}

func houses() []house {
	return []house{
		{"postgres", postgres.Kinds, declarePostgres},
		{"kafka", kafka.Kinds, declareKafka},
		{"redis", reconcile.Kinds, declareCache},
		{"kubernetes", kube.Kinds, declareKube},
	}
}

// kinds are the kinds of target that this one is said to be: one, if it is right.
func (t Target) kinds() []string {
	var out []string
	for _, one := range []struct {
		name string
		is   bool
	}{{"postgres", t.Postgres != nil}, {"kafka", t.Kafka != nil}, {"redis", t.Redis != nil}, {"kubernetes", t.Kubernetes != nil}} {
		if one.is {
			out = append(out, one.name)
		}
	}
	return out
}

// On tells whether the config gives an address for it.
func (t Target) On() bool {
	switch {
	case t.Postgres != nil:
		return t.Postgres.DSN != ""
	case t.Kafka != nil:
		return len(t.Kafka.Brokers) > 0
	case t.Redis != nil:
		return len(t.Redis.Addr) > 0
	case t.Kubernetes != nil:
		return t.Kubernetes.On()
	}
	return false
}

// of tells which kind of target this is; empty: none or several.
func (t Target) of() string {
	if kinds := t.kinds(); len(kinds) == 1 {
		return kinds[0]
	}
	return ""
}

// declare lets the check's kind read its part.
func (c *Config) declare(t tree, p *Problems, d *Declared) {
	if d.Check.Kind == "" {
		return
	}
	h, ok := c.houseOf(t, p, d)
	if !ok {
		return
	}
	declaration, fix, err := h.declare(d.Check.Kind, d.node, d.fix)
	if err != nil {
		p.addError(d.Line, err)
		return
	}
	d.Declaration, d.Fix = declaration, fix
	c.validateAsked(t, p, d)
}

// houseOf is the kind of target that knows the check's kind. It has to be that of
// the check's target, if there is such a target.
func (c *Config) houseOf(t tree, p *Problems, d *Declared) (house, bool) {
	var all []string
	at := c.Targets[d.Check.Target].of()
	line := t.line("checks", d.Check.Name, "kind")
	for _, h := range houses() {
		if slices.Contains(h.kinds(), d.Check.Kind) {
			if at != "" && at != h.name {
				p.add(line, "check %s: a check of kind %s looks at a target of kind %s, and %s is of kind %s; of kind %s there are %s",
					d.Check.Name, d.Check.Kind, h.name, d.Check.Target, at, h.name, orNone(c.targetsOf(t, h.name)))
			}
			return h, at == "" || at == h.name
		}
		if at == "" || at == h.name {
			all = append(all, h.kinds()...)
		}
	}
	p.addError(d.Line, declare.UnknownKind(d.node, d.Check.Kind, all))
	return house{}, false
}

func (c *Config) targetsOf(t tree, kind string) []string {
	return slices.DeleteFunc(t.keys("targets"), func(name string) bool { return c.Targets[name].of() != kind })
}

// asking is a check or a fix that asks other targets than its own.
type asking interface {
	// Targets are their names, by the word under which each is named.
	Targets() map[string]string
}

// validateAsked looks at the databases that a check and its fix ask beside their
// own target.
func (c *Config) validateAsked(t tree, p *Problems, d *Declared) {
	if asks, ok := d.Declaration.(asking); ok {
		c.validateTargets(t, p, d, asks)
	}
	if asks, ok := d.Fix.(asking); ok {
		c.validateTargets(t, p, d, asks, "fix")
	}
}

func (c *Config) validateTargets(t tree, p *Problems, d *Declared, asks asking, under ...string) {
	for word, name := range asks.Targets() {
		path := append(append([]string{"checks", d.Check.Name}, under...), word, "target")
		who := "check " + d.Check.Name + ": " + strings.Join(append(under, word), ": ")
		databases := c.targetsOf(t, "postgres")
		if _, there := c.Targets[name]; !there {
			p.add(t.line(path...), "%s: there is no target %q%s Of kind postgres there are %s", who, name, declare.DidYouMean(name, databases), orNone(databases))
			continue
		}
		if !slices.Contains(databases, name) {
			p.add(t.line(path...), "%s: target %s is no database; of kind postgres there are %s", who, name, orNone(databases))
		}
	}
}

func declarePostgres(kind string, check, fix *yaml.Node) (Declaration, Fix, error) {
	declaration, err := postgres.Declare(kind, check)
	if err != nil || fix == nil {
		return declaration, nil, err
	}
	words, err := postgres.DeclareFix(kind, declaration, fix)
	if err != nil {
		return nil, nil, err
	}
	return declaration, words, nil
}

func declareKafka(kind string, check, fix *yaml.Node) (Declaration, Fix, error) {
	declaration, err := kafka.Declare(kind, check)
	if err != nil || fix == nil {
		return declaration, nil, err
	}
	words, err := kafka.DeclareFix(kind, declaration, fix)
	if err != nil {
		return nil, nil, err
	}
	return declaration, words, nil
}

func declareCache(kind string, check, fix *yaml.Node) (Declaration, Fix, error) {
	declaration, err := reconcile.Declare(kind, check)
	if err != nil || fix == nil {
		return declaration, nil, err
	}
	words, err := reconcile.DeclareFix(kind, declaration, fix)
	if err != nil {
		return nil, nil, err
	}
	return declaration, words, nil
}

func declareKube(kind string, check, fix *yaml.Node) (Declaration, Fix, error) {
	declaration, err := kube.Declare(kind, check)
	if err != nil || fix == nil {
		return declaration, nil, err
	}
	words, err := kube.DeclareFix(kind, declaration, fix)
	if err != nil {
		return nil, nil, err
	}
	return declaration, words, nil
}
