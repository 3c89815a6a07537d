package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/authz"
)

// Load reads and validates a file. The error is *Problems where the file's
// content is to blame.
func Load(path string, env Environment) (*Config, error) {
	data, err := env.ReadFile(path)
	if err != nil {
		if os.IsNotExist(err) {
			return nil, fmt.Errorf("there is no config file %s; config.example.yaml is one to start from", path)
		}
		return nil, fmt.Errorf("the config file cannot be read: %w", err)
	}
	return Parse(path, data, env)
}

// Parse reads and validates a file's content.
func Parse(path string, data []byte, env Environment) (*Config, error) {
	problems := &Problems{File: path}
	var root yaml.Node
	if err := yaml.Load(data, &root); err != nil {
		problems.addError(0, err)
		return nil, problems.orNil()
	}
	env.expand(&root, problems)
	c := &Config{}
	if err := root.Load(c, yaml.WithKnownFields()); err != nil {
		problems.addError(0, err)
	}
	sum := sha256.Sum256(data)
	c.digest = hex.EncodeToString(sum[:])
	c.defaults(env)
	tree := newTree(&root)
	c.policy = policyOf(tree, c.Roles)
	c.rules = c.Incidents.rulesOf(tree)
	c.declared = declarations(&c.Checks, problems)
	c.validate(tree, problems)
	if err := problems.orNil(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Config) defaults(env Environment) {
	orString(&c.Slack.APIURL, "https://slack.com/api/")
	orString(&c.Slack.Command, "/integrity")
	orInt(&c.Slack.Connections, 2)
	orInt(&c.Store.MaxConns, 10)
	if c.Store.OwnerDSN == "" {
		c.Store.OwnerDSN = c.Store.DSN
	}
	if c.Store.KeepRows == 0 {
		c.Store.KeepRows = Duration(30 * day)
	}
	if c.Store.KeepImages == 0 {
		c.Store.KeepImages = Duration(30 * day)
	}
	orString(&c.HTTP.Listen, "127.0.0.1:8080")
	orInt(&c.Worker.Runs, 2)
	c.Incidents.defaults()
	c.Notify.defaults()
	for _, one := range c.Targets {
		if one.Kafka != nil {
			one.Kafka.defaults()
		}
		if one.Redis != nil {
			one.Redis.defaults()
		}
		if one.Kubernetes != nil {
			one.Kubernetes.defaults(env)
		}
	}
}

func orString(s *string, def string) {
	if *s == "" {
		*s = def
	}
}

func orInt(n *int, def int) {
	if *n == 0 {
		*n = def
	}
}

// policyOf keeps the order of the file: it decides which role is named first.
func policyOf(tree tree, roles map[string]authz.Role) authz.Policy {
	var p authz.Policy
	for _, name := range tree.keys("roles") {
		r := roles[name]
		r.Name = name
		p.Roles = append(p.Roles, r)
	}
	return p
}
