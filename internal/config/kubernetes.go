package config

import (
	"regexp"

	"github.com/integritybot/integritybot/internal/declare"
)

// Kubernetes is one namespace of a cluster: what runs there and what was changed.
type Kubernetes struct {
	// Kubeconfig is a file; empty: the cluster in which the bot itself runs, and off
	// where it runs in none.
	Kubeconfig string `yaml:"kubeconfig"`
	Context    string `yaml:"context"` // of the file; empty: its current one
	Namespace  string `yaml:"namespace"`
	// Deployments are those whose logs and changes are looked at.
	Deployments declare.Names `yaml:"deployments"`
	// ConfigMaps and Secrets are those whose changes are looked at. Of a secret only
	// who changed which key when, never a value.
	ConfigMaps declare.Names `yaml:"config_maps"`
	Secrets    declare.Names `yaml:"secrets"`
	Logs       PodLogs       `yaml:"logs"`
	// Writes: on lets plans change workloads; default off.
	Writes string `yaml:"writes"`
	// WriteKubeconfig is who changes; empty: the same as reads.
	WriteKubeconfig string `yaml:"write_kubeconfig"`
	// FieldManager is the name under which the cluster notes our changes; default
	// integritybot.
	FieldManager   string   `yaml:"field_manager"`
	RequestTimeout Duration `yaml:"request_timeout"`

	inside bool // the bot itself runs in a cluster
}

// On tells whether there is a cluster to look at.
func (k *Kubernetes) On() bool { return k.Kubeconfig != "" || k.inside }

// PodLogs is how logs are read. What is not given is as the target has it.
type PodLogs struct {
	Errors   string   `yaml:"errors"`    // a regular expression (RE2) of lines that tell of errors
	Events   string   `yaml:"events"`    // the same of events that failed
	Since    Duration `yaml:"since"`     // how far back, if nothing else is said; default 1h
	Streams  int      `yaml:"streams"`   // open side by side; default 20
	MaxLines int64    `yaml:"max_lines"` // of one look; default 2000000
}

// Changes tells whether plans may change workloads there.
func (k *Kubernetes) Changes() bool { return k.Writes == "on" }

// A label of DNS, as RFC 1123 has it: what Kubernetes lets be a namespace.
var labelForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (k *Kubernetes) defaults(env Environment) {
	host, _ := env.LookupEnv("KUBERNETES_SERVICE_HOST") // as client-go's rest.InClusterConfig knows it
	k.inside = host != ""

	orString(&k.Writes, "off")
	orString(&k.FieldManager, "integritybot")
}

func (k *Kubernetes) validate(t tree, p *Problems, name string) {
	bad := func(key, format string, args ...any) {
		p.add(t.line("targets", name, "kubernetes", key), "target "+name+": "+format, args...)
	}
	if !labelForm.MatchString(k.Namespace) {
		bad("namespace", "namespace %q is not the name of a namespace, such as production", k.Namespace)
	}
	if len(k.Deployments) == 0 {
		bad("deployments", "deployments: name those whose logs and changes are looked at")
	}
	if k.Writes != "on" && k.Writes != "off" {
		bad("writes", "writes is %q; on (confirmed plans may change workloads there) or off", k.Writes)
	}
	if k.RequestTimeout < 0 {
		bad("request_timeout", "request_timeout cannot be negative")
	}
	k.Logs.validate(bad)
}

func (l PodLogs) validate(bad declare.Bad) {
	for key, pattern := range map[string]string{"errors": l.Errors, "events": l.Events} {
		if _, err := regexp.Compile(pattern); err != nil {
			bad("logs", "logs: %s is not a regular expression (RE2): %s", key, err)
		}
	}
	switch {
	case l.Since < 0:
		bad("logs", "logs: since cannot be negative")
	case l.Streams < 0 || l.Streams > 100:
		bad("logs", "logs: streams is %d; 1 to 100", l.Streams)
	case l.MaxLines < 0:
		bad("logs", "logs: max_lines is %d; at least 1", l.MaxLines)
	}
}
