package config

import (
	"strconv"

	"go.yaml.in/yaml/v4"
)

// tree finds the line of a key by its path, for messages.
type tree struct{ root *yaml.Node }

func newTree(doc *yaml.Node) tree {
	if doc.Kind == yaml.DocumentNode && len(doc.Content) > 0 {
		return tree{doc.Content[0]}
	}
	return tree{doc}
}

// line gives the line of the deepest part of the path that exists.
func (t tree) line(path ...string) int {
	n, line := t.root, 0
	for _, part := range path {
		key, value := child(n, part)
		if key == nil {
			return line
		}
		line, n = key.Line, value
	}
	return line
}

// empty tells whether a key is there with nothing behind it.
func (t tree) empty(path ...string) bool {
	n := t.root
	for _, part := range path {
		if _, n = child(n, part); n == nil {
			return false
		}
	}
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// keys lists the keys of a mapping in the order of the file.
func (t tree) keys(path ...string) []string {
	n := t.root
	for _, part := range path {
		if _, n = child(n, part); n == nil {
			return nil
		}
	}
	var keys []string
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			keys = append(keys, n.Content[i].Value)
		}
	}
	return keys
}

// child gives what stands under a name, or under a number in a list.
func child(n *yaml.Node, name string) (key, value *yaml.Node) {
	if n != nil && n.Kind == yaml.SequenceNode {
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i]
		}
	}
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}
