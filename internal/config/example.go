package config

import _ "embed"

//go:embed example.yaml
var example []byte

// Example is the runbook's shop as a config: what the demo runs with. The file
// config.example.yaml at the top of the repository is the same, byte for byte.
func Example() []byte { return example }

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema of the config.
func Schema() []byte { return schema }
