package reconcile

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// path leads to a value inside of a JSON document: names of fields, and places in
// lists.
type path []step

type step struct {
	name  string
	place int // in a list; -1: it is a field
}

// parsePath reads $.address.lines[0]. A text that does not begin with $ is the name of
// a field, whatever is in it.
func parsePath(text string) (path, error) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		if text == "" {
			return nil, errors.New("it is empty: name a field, or a path such as $.address.city")
		}
		return path{{name: text, place: -1}}, nil
	}
	var out path
	for rest != "" {
		var one step
		var err error
		if one, rest, err = parseStep(rest); err != nil {
			return nil, fmt.Errorf("%q is not a path such as $.address.lines[0]: %w", text, err)
		}
		out = append(out, one)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%q is not a path such as $.address.lines[0]: it leads to nothing", text)
	}
	return out, nil
}

func parseStep(rest string) (step, string, error) {
	if name, ok := strings.CutPrefix(rest, "."); ok {
		end := strings.IndexAny(name, ".[")
		if end < 0 {
			end = len(name)
		}
		if end == 0 {
			return step{}, "", errors.New("a name is missing")
		}
		return step{name: name[:end], place: -1}, name[end:], nil
	}
	inside, after, ok := strings.Cut(strings.TrimPrefix(rest, "["), "]")
	if !strings.HasPrefix(rest, "[") || !ok {
		return step{}, "", fmt.Errorf("%q is neither .name nor [0]", rest)
	}
	if name, ok := strings.CutPrefix(inside, "'"); ok && strings.HasSuffix(name, "'") {
		return step{name: strings.TrimSuffix(name, "'"), place: -1}, after, nil
	}
	place, err := strconv.Atoi(inside)
	if err != nil || place < 0 {
		return step{}, "", fmt.Errorf("%q is not a place in a list", inside)
	}
	return step{place: place}, after, nil
}

// find follows the path; empty: there is nothing.
func (p path) find(document string) string {
	at := document
	for _, s := range p {
		if at = s.find(at); at == "" {
			return ""
		}
	}
	return at
}

func (s step) find(in string) string {
	in = strings.TrimSpace(in)
	if in == "" {
		return ""
	}
	switch {
	case s.place < 0 && in[0] == '{':
		var object map[string]json.RawMessage
		if json.Unmarshal([]byte(in), &object) != nil {
			return ""
		}
		return string(object[s.name])
	case s.place >= 0 && in[0] == '[':
		var list []json.RawMessage
		if json.Unmarshal([]byte(in), &list) != nil || s.place >= len(list) {
			return ""
		}
		return string(list[s.place])
	}
	return ""
}
