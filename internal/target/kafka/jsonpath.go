package kafka

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// path leads to one value in JSON: $.customer.id, $.items[0].sku, $['a.b'].
type path []step

// step is the name of a member, or the place in a list.
type step struct {
	name  string
	index int
	list  bool
}

// parsePath reads a path. The error is a sentence without its end.
func parsePath(text string) (path, error) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return nil, fmt.Errorf("%q is not a path into JSON such as $.customer.id or $.items[0]: it begins with $", text)
	}
	p := path{}
	for rest != "" {
		var s step
		var err error
		if s, rest, err = nextStep(rest); err != nil {
			return nil, fmt.Errorf("%q is not a path into JSON such as $.customer.id or $.items[0]: %w", text, err)
		}
		p = append(p, s)
	}
	return p, nil
}

func nextStep(rest string) (step, string, error) {
	if after, ok := strings.CutPrefix(rest, "."); ok {
		end := strings.IndexAny(after, ".[")
		if end < 0 {
			end = len(after)
		}
		if end == 0 {
			return step{}, "", errors.New("a name is missing after a dot")
		}
		return step{name: after[:end]}, after[end:], nil
	}
	for _, quote := range []string{"'", `"`} {
		if after, ok := strings.CutPrefix(rest, "["+quote); ok {
			name, end, ok := strings.Cut(after, quote+"]")
			if !ok {
				return step{}, "", errors.New("a bracket is not closed")
			}
			return step{name: name}, end, nil
		}
	}
	after, ok := strings.CutPrefix(rest, "[")
	if !ok {
		return step{}, "", errors.New("names are set apart by dots")
	}
	digits, end, ok := strings.Cut(after, "]")
	if !ok {
		return step{}, "", errors.New("a bracket is not closed")
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return step{}, "", fmt.Errorf("%q is not a place in a list, counted from 0", digits)
	}
	return step{index: int(n), list: true}, end, nil
}

// find gives what stands there, as it is written, null too. False: nothing, or
// this is no JSON.
func (p path) find(document []byte) (json.RawMessage, bool) {
	at := json.RawMessage(bytes.TrimSpace(document))
	if len(p) == 0 {
		return at, json.Valid(at)
	}
	for _, s := range p {
		if len(at) == 0 {
			return nil, false
		}
		if s.list {
			var list []json.RawMessage
			if at[0] != '[' || json.Unmarshal(at, &list) != nil || s.index >= len(list) {
				return nil, false
			}
			at = list[s.index]
			continue
		}
		var members map[string]json.RawMessage
		if at[0] != '{' || json.Unmarshal(at, &members) != nil {
			return nil, false
		}
		found, ok := members[s.name]
		if !ok {
			return nil, false
		}
		at = found
	}
	return at, true
}

// text gives what stands there for people and comparisons; false for null too.
func (p path) text(document []byte) (string, bool) {
	at, ok := p.find(document)
	if !ok {
		return "", false
	}
	return asText(at)
}

// asText is a string itself, and anything else as JSON writes it. False: null.
func asText(value json.RawMessage) (string, bool) {
	value = bytes.TrimSpace(value)
	if isNull(value) {
		return "", false
	}
	if len(value) > 0 && value[0] == '"' {
		var s string
		if err := json.Unmarshal(value, &s); err != nil {
			return "", false
		}
		return s, true
	}
	var out bytes.Buffer
	if err := json.Compact(&out, value); err != nil {
		return "", false
	}
	return out.String(), true
}

func isNull(value json.RawMessage) bool { return string(bytes.TrimSpace(value)) == "null" }

// member is one name with its value.
type member struct {
	name  string
	value json.RawMessage
}

// members are the names and values of an object in the order in which they are
// written, with repetitions; or of a list of pairs, [name, value] or {"key": name,
// "value": value}. A value that is a list stands for several of one name.
func members(value json.RawMessage) ([]member, error) {
	value = bytes.TrimSpace(value)
	if len(value) > 0 && value[0] == '[' {
		return listed(value)
	}
	in := json.NewDecoder(bytes.NewReader(value))
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("no object")
	}
	var out []member
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return nil, err
		}
		var v json.RawMessage
		if err := in.Decode(&v); err != nil {
			return nil, err
		}
		text, _ := name.(string) // a member's name is nothing else
		out = append(out, each(text, v)...)
	}
	_, err := in.Token()
	return out, err
}

// each takes a list as several values of one name.
func each(name string, v json.RawMessage) []member {
	var many []json.RawMessage
	if len(v) == 0 || v[0] != '[' || json.Unmarshal(v, &many) != nil {
		return []member{{name, v}}
	}
	out := make([]member, 0, len(many))
	for _, one := range many {
		out = append(out, member{name, one})
	}
	return out
}

func listed(value json.RawMessage) ([]member, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(value, &list); err != nil {
		return nil, err
	}
	out := make([]member, 0, len(list))
	for _, one := range list {
		m, err := pair(one)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// pair reads [name, value] or an object of key (or name) and value.
func pair(one json.RawMessage) (member, error) {
	var two []json.RawMessage
	if json.Unmarshal(one, &two) == nil && len(two) == 2 {
		name, ok := asText(two[0])
		if !ok {
			return member{}, errors.New("a header without a name")
		}
		return member{name, two[1]}, nil
	}
	var named struct {
		Key   *string         `json:"key"`
		Name  *string         `json:"name"`
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(one, &named); err != nil {
		return member{}, err
	}
	for _, name := range []*string{named.Key, named.Name} {
		if name != nil {
			if named.Value == nil {
				named.Value = json.RawMessage("null")
			}
			return member{*name, named.Value}, nil
		}
	}
	return member{}, errors.New("a header without a name")
}
