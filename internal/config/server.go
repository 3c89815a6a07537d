package config

import (
	"net"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/declare"
)

// TLS is how the servers prove who they are, and the bot if they want it to.
type TLS struct {
	CAFile     string `yaml:"ca_file"` // empty: the system's authorities
	CertFile   string `yaml:"cert_file"`
	KeyFile    string `yaml:"key_file"`
	ServerName string `yaml:"server_name"` // empty: the server's host
}

func (t *TLS) validate(bad declare.Bad) {
	if t != nil && (t.CertFile == "") != (t.KeyFile == "") {
		bad("tls", "tls: cert_file and key_file go together: the bot's certificate and its key")
	}
}

// Addresses are written as one text with commas or as a list.
type Addresses []string

// UnmarshalYAML takes a text or a list. What is empty, as a variable that is not
// set, is left out.
func (b *Addresses) UnmarshalYAML(node *yaml.Node) error {
	var texts []string
	if node.Kind == yaml.ScalarNode {
		texts = []string{node.Value}
	} else if err := node.Load(&texts); err != nil {
		return err
	}
	*b = nil
	for _, one := range strings.Split(strings.Join(texts, ","), ",") {
		if one = strings.TrimSpace(one); one != "" {
			*b = append(*b, one)
		}
	}
	return nil
}

// badAddress says what is wrong with the address of a server; empty: nothing.
func badAddress(one string) string {
	if strings.Contains(one, "://") {
		return "begins with a scheme, which these addresses have not"
	}
	host, port, err := net.SplitHostPort(one)
	if err != nil {
		if !strings.Contains(one, ":") {
			return "has no port"
		}
		return "is not an address"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "has no port from 1 to 65535"
	}
	if host == "" {
		return "has no host"
	}
	return ""
}
