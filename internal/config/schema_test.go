package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/reconcile"
	"github.com/integritybot/integritybot/internal/target/kafka"
	"github.com/integritybot/integritybot/internal/target/kube"
	"github.com/integritybot/integritybot/internal/target/postgres"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("config.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON reads YAML as an editor's schema checker does.
func asJSON(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Load([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheSchemaTakesTheExample(t *testing.T) {
	if err := compiled(t).Validate(asJSON(t, string(config.Example()))); err != nil {
		t.Error(err)
	}
}

func TestTheSchemaRefusesWhatTheConfigRefuses(t *testing.T) {
	schema := compiled(t)
	for name, text := range map[string]string{
		"an unknown key":        "slak: {}",
		"an unknown check key":  "checks: {a: {kind: rows, domain: d, target: t, table: x, wrong: y, tabel: z}}",
		"a key of another kind": "checks: {a: {kind: rows, domain: d, target: t, table: x, wrong: y, parent: z}}",
		"an unknown kind":       "checks: {a: {kind: orfans, domain: d, target: t}}",
		"a name for a user id":  "roles: {r: {users: [alice], permissions: ['*']}}",
		"a bare number as time": "store: {keep_rows: 30}",
		"too many connections":  "slack: {connections: 99}",
		"a way of another kind": "checks: {a: {kind: rows, domain: d, target: t, table: x, wrong: y, fix: {mode: quarantine}}}",
		"a fix of a lag":        "checks: {a: {kind: lag, domain: d, target: t, group: g, fix: {mode: replay}}}",
		"a mechanism of nobody": "targets: {a: {kafka: {brokers: 'k:9092', sasl: {mechanism: scram}}}}",
		"a replay of maybe":     "targets: {a: {kafka: {brokers: 'k:9092', replay: maybe}}}",
		"a level by a name":     "incidents: {levels: {L1: {groups: [devops]}}}",
		"two places in one":     "incidents: {audiences: {a: {to: [{channel: C123, email: a@b}]}}}",
		"nowhere to tell":       "incidents: {audiences: {a: {to: []}}}",
		"an unknown template":   "incidents: {templates: {opend: x}}",
		"a severity of nobody":  "incidents: {updates: {P9: 1h}}",
		"a way of TLS":          "notify: {smtp: {tls: ssl}}",
		"an unknown fix key":    "checks: {a: {kind: rows, domain: d, target: t, table: x, wrong: y, fix: {updaet: {}}}}",
	} {
		t.Run(name, func(t *testing.T) {
			if schema.Validate(asJSON(t, text)) == nil {
				t.Errorf("the schema takes %s", text)
			}
		})
	}
}

// TestTheSchemaKnowsEveryKey: what the Go types read and what the schema
// describes are the same keys.
func TestTheSchemaKnowsEveryKey(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(config.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	at := func(path ...string) any {
		var v any = schema
		for _, p := range path {
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("the schema has no %v", path)
			}
			v = m[p]
		}
		return v
	}
	for _, tt := range []struct {
		name string
		of   any
		got  any
	}{
		{"the file", config.Config{}, at("properties")},
		{"slack", config.Slack{}, at("properties", "slack", "properties")},
		{"store", config.Store{}, at("properties", "store", "properties")},
		{"audit", config.Audit{}, at("properties", "audit", "properties")},
		{"http", config.HTTP{}, at("properties", "http", "properties")},
		{"worker", config.Worker{}, at("properties", "worker", "properties")},
		{"target", config.Target{}, at("properties", "targets", "additionalProperties", "properties")},
		{"postgres", config.Postgres{}, at("properties", "targets", "additionalProperties", "properties", "postgres", "properties")},
		{"kafka", config.Kafka{}, at("properties", "targets", "additionalProperties", "properties", "kafka", "properties")},
		{"tls", config.TLS{}, at("properties", "targets", "additionalProperties", "properties", "kafka", "properties", "tls", "properties")},
		{"sasl", config.SASL{}, at("properties", "targets", "additionalProperties", "properties", "kafka", "properties", "sasl", "properties")},
		{"replay_sasl", config.SASL{}, at("properties", "targets", "additionalProperties", "properties", "kafka", "properties", "replay_sasl", "properties")},
		{"redis", config.Redis{}, at("properties", "targets", "additionalProperties", "properties", "redis", "properties")},
		{"redis tls", config.TLS{}, at("properties", "targets", "additionalProperties", "properties", "redis", "properties", "tls", "properties")},
		{"kubernetes", config.Kubernetes{}, at("properties", "targets", "additionalProperties", "properties", "kubernetes", "properties")},
		{"logs", config.PodLogs{}, at("properties", "targets", "additionalProperties", "properties", "kubernetes", "properties", "logs", "properties")},
		{"polite", config.Polite{}, at("properties", "targets", "additionalProperties", "properties", "postgres", "properties", "polite", "properties")},
		{"incidents", config.Incidents{}, at("properties", "incidents", "properties")},
		{"severity rule", config.SeverityRule{}, at("properties", "incidents", "properties", "severities", "items", "properties")},
		{"audience", config.Audience{}, at("properties", "incidents", "properties", "audiences", "additionalProperties", "properties")},
		{"destination", config.Destination{}, at("properties", "incidents", "properties", "audiences", "additionalProperties", "properties", "to", "items", "properties")},
		{"level", config.Level{}, at("properties", "incidents", "properties", "levels", "additionalProperties", "properties")},
		{"alerts", config.Alerts{}, at("properties", "incidents", "properties", "alerts", "properties")},
		{"alert", config.AlertRule{}, at("properties", "incidents", "properties", "alerts", "properties", "names", "additionalProperties", "properties")},
		{"notify", config.Notify{}, at("properties", "notify", "properties")},
		{"smtp", config.SMTP{}, at("properties", "notify", "properties", "smtp", "properties")},
		{"webhook", config.Webhook{}, at("properties", "notify", "properties", "webhooks", "additionalProperties", "properties")},
		{"role", authz.Role{}, at("properties", "roles", "additionalProperties", "properties")},
	} {
		if want, got := keysOfType(reflect.TypeOf(tt.of)), keysOfMap(tt.got); !slices.Equal(want, got) {
			t.Errorf("%s: Go reads %v, the schema knows %v", tt.name, want, got)
		}
	}
	theSchemaKnowsTheKinds(t, keysOfMap(at("properties", "checks", "additionalProperties", "properties")), at("properties", "checks", "additionalProperties", "allOf"))
}

// theSchemaKnowsTheKinds: every word of every kind is one that the code reads, and
// the code refuses any other. common are the words of all kinds.
func theSchemaKnowsTheKinds(t *testing.T, common []string, of any) {
	t.Helper()
	known := slices.Concat(postgres.Kinds(), kafka.Kinds(), reconcile.Kinds(), kube.Kinds())
	kinds, ok := of.([]any)
	if !ok || len(kinds) != len(known) {
		t.Fatalf("the schema knows %d kinds, the code %v", len(kinds), known)
	}
	declarations := map[string]config.Declaration{}
	example, err := config.Parse("example.yaml", config.Example(), environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range example.Declared() {
		declarations[d.Check.Kind] = d.Declaration
	}
	for _, kind := range kinds {
		k := kind.(map[string]any)
		name := k["if"].(map[string]any)["properties"].(map[string]any)["kind"].(map[string]any)["const"].(string)
		words := k["then"].(map[string]any)["properties"].(map[string]any)
		own := slices.DeleteFunc(keysOfMap(words), func(key string) bool { return slices.Contains(common, key) })
		for _, key := range append(own, "no_such_key") {
			err := declareAny(name, node(t, fmt.Sprintf("{%s: x}", key)))
			unknown := err != nil && strings.Contains(err.Error(), key+" not found")
			if unknown != (key == "no_such_key") {
				t.Errorf("kind %s, key %s: the code says %v", name, key, err)
			}
		}
		fix, fixable := words["fix"].(map[string]any)
		if !fixable { // the code knows no fix of this kind either
			if err := declareAnyFix(name, declarations[name], node(t, "{mode: x}")); err == nil || !strings.Contains(err.Error(), "cannot be repaired by a fix") {
				t.Errorf("kind %s has no fix in the schema; the code says %v", name, err)
			}
			continue
		}
		for _, key := range append(keysOfMap(fix["properties"]), "no_such_key") {
			err := declareAnyFix(name, declarations[name], node(t, fmt.Sprintf("{%s: x}", key)))
			unknown := err != nil && strings.Contains(err.Error(), key+" not found")
			if unknown != (key == "no_such_key") {
				t.Errorf("fix of kind %s, key %s: the code says %v", name, key, err)
			}
		}
	}
}

func declareAny(kind string, n *yaml.Node) error {
	var err error
	switch {
	case slices.Contains(kafka.Kinds(), kind):
		_, err = kafka.Declare(kind, n)
	case slices.Contains(reconcile.Kinds(), kind):
		_, err = reconcile.Declare(kind, n)
	case slices.Contains(kube.Kinds(), kind):
		_, err = kube.Declare(kind, n)
	default:
		_, err = postgres.Declare(kind, n)
	}
	return err
}

func declareAnyFix(kind string, of config.Declaration, n *yaml.Node) error {
	switch d := of.(type) {
	case kafka.Declaration:
		_, err := kafka.DeclareFix(kind, d, n)
		return err
	case reconcile.Declaration:
		_, err := reconcile.DeclareFix(kind, d, n)
		return err
	case kube.Declaration:
		_, err := kube.DeclareFix(kind, d, n)
		return err
	case postgres.Declaration:
		_, err := postgres.DeclareFix(kind, d, n)
		return err
	}
	return fmt.Errorf("the example declares no check of kind %s", kind)
}

func node(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var n yaml.Node
	if err := yaml.Load([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	return n.Content[0]
}

func keysOfType(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if key != "" && key != "-" {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	return keys
}

func keysOfMap(v any) []string {
	m, _ := v.(map[string]any)
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
