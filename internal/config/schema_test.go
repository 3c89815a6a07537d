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
		{"polite", config.Polite{}, at("properties", "targets", "additionalProperties", "properties", "postgres", "properties", "polite", "properties")},
		{"role", authz.Role{}, at("properties", "roles", "additionalProperties", "properties")},
	} {
		if want, got := keysOfType(reflect.TypeOf(tt.of)), keysOfMap(tt.got); !slices.Equal(want, got) {
			t.Errorf("%s: Go reads %v, the schema knows %v", tt.name, want, got)
		}
	}
	common := keysOfMap(at("properties", "checks", "additionalProperties", "properties"))
	kinds, ok := at("properties", "checks", "additionalProperties", "allOf").([]any)
	if !ok || len(kinds) != len(postgres.Kinds()) {
		t.Fatalf("the schema knows %d kinds, the code %v", len(kinds), postgres.Kinds())
	}
	declarations := map[string]postgres.Declaration{}
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
		known := keysOfMap(k["then"].(map[string]any)["properties"])
		known = slices.DeleteFunc(known, func(key string) bool { return slices.Contains(common, key) })
		for _, key := range append(known, "no_such_key") {
			_, err := postgres.Declare(name, node(t, fmt.Sprintf("{%s: x}", key)))
			unknown := err != nil && strings.Contains(err.Error(), key+" not found")
			if unknown != (key == "no_such_key") {
				t.Errorf("kind %s, key %s: the code says %v", name, key, err)
			}
		}
		fix := keysOfMap(k["then"].(map[string]any)["properties"].(map[string]any)["fix"].(map[string]any)["properties"])
		for _, key := range append(fix, "no_such_key") {
			_, err := postgres.DeclareFix(name, declarations[name], node(t, fmt.Sprintf("{%s: x}", key)))
			unknown := err != nil && strings.Contains(err.Error(), key+" not found")
			if unknown != (key == "no_such_key") {
				t.Errorf("fix of kind %s, key %s: the code says %v", name, key, err)
			}
		}
	}
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
