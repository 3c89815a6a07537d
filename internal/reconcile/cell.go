package reconcile

import (
	"bytes"
	"encoding/json"
)

// valueField is the name of the one field of a string.
const valueField = "value"

// form is what stands in a field of a cached value.
type form int

const (
	absent form = iota // the field is not there
	null               // the null of JSON
	text
	number
	boolean
	nested // an object or a list
)

// cell is one field of a cached value. text is what it says, of nested the JSON.
type cell struct {
	form form
	text string
}

// cellOf reads one JSON value.
func cellOf(raw json.RawMessage) cell {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return cell{}
	}
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return cell{}
		}
		return cell{text, s}
	case 'n':
		return cell{form: null}
	case 't', 'f':
		return cell{boolean, string(raw)}
	case '{', '[':
		return cell{nested, string(raw)}
	}
	return cell{number, string(raw)}
}

// shown is a cell as people read it, unmasked.
func (c cell) shown() string {
	switch c.form {
	case absent:
		return "missing"
	case null:
		return "null"
	default:
		return c.text
	}
}

// cut takes a cached value apart into the cells of the mapped fields. Why says why it
// cannot be done; empty: it can.
func cut(value string, paths []path) (cells []cell, why string) {
	document := bytes.TrimSpace([]byte(value))
	cells = make([]cell, len(paths))
	if bytes.HasPrefix(document, []byte("{")) {
		var object map[string]json.RawMessage
		if json.Unmarshal(document, &object) != nil {
			return nil, notJSON
		}
		for i, p := range paths {
			if p[0].place < 0 {
				cells[i] = cellOf(p[1:].find(object[p[0].name]))
			}
		}
		return cells, ""
	}
	if !json.Valid(document) {
		return nil, notJSON
	}
	for i, p := range paths {
		if p[0].place < 0 {
			return nil, "not a JSON object"
		}
		cells[i] = cellOf(p.find(document))
	}
	return cells, ""
}

const notJSON = "not JSON"
