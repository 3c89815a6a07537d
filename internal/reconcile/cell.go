package reconcile

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
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
func cellOf(raw string) cell {
	raw = strings.TrimSpace(raw)
	if len(raw) == 0 {
		return cell{}
	}
	switch raw[0] {
	case '"':
		s, ok := unquoted(raw)
		if !ok {
			return cell{}
		}
		return cell{text, s}
	case 'n':
		return cell{form: null}
	case 't', 'f':
		return cell{boolean, raw}
	case '{', '[':
		return cell{nested, raw}
	}
	return cell{number, raw}
}

// unquoted is the text of a JSON string. Most have nothing that is escaped.
func unquoted(raw string) (string, bool) {
	if inside := raw[1 : len(raw)-1]; strings.IndexByte(inside, '\\') < 0 && utf8.ValidString(inside) {
		return inside, true
	}
	var s string
	err := json.Unmarshal([]byte(raw), &s)
	return s, err == nil
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

// Why a value cannot be read.
const (
	notJSON   = "not JSON"
	notObject = "not a JSON object"
)

// cut takes a cached value apart into the cells of the mapped fields, which are parts of
// it and no copies. same is the value once more, as bytes. Why says why it cannot be
// done; empty: it can.
func cut(value string, same []byte, paths []path, cells []cell) (why string) {
	if !json.Valid(same) {
		return notJSON
	}
	document := strings.TrimSpace(value)
	clear(cells)
	if document[0] == '{' {
		eachField(document, func(name, raw string) {
			for i, p := range paths {
				if p[0].place < 0 && p[0].name == name { // of two of one name the last counts, as for most readers
					cells[i] = cellOf(p[1:].find(raw))
				}
			}
		})
		return ""
	}
	for i, p := range paths {
		if p[0].place < 0 {
			return notObject
		}
		cells[i] = cellOf(p.find(document))
	}
	return ""
}

// eachField goes through the fields of an object that is valid JSON. It copies nothing
// but names: a million values are read in a second or two.
func eachField(object string, each func(name, raw string)) {
	at := skipSpace(object, 1)
	for at < len(object) && object[at] == '"' {
		end := skipValue(object, at)
		name, _ := unquoted(object[at:end])
		at = skipSpace(object, end)  // the colon
		at = skipSpace(object, at+1) // the value
		end = skipValue(object, at)
		each(name, object[at:end])
		at = skipSpace(object, end) // a comma, or the end
		if at >= len(object) || object[at] != ',' {
			return
		}
		at = skipSpace(object, at+1)
	}
}

func skipSpace(b string, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\t' || b[at] == '\n' || b[at] == '\r') {
		at++
	}
	return at
}

// skipValue is where the value ends that begins there.
func skipValue(b string, at int) int {
	depth := 0
	for at < len(b) {
		switch b[at] {
		case '"':
			at = skipText(b, at)
			if depth == 0 {
				return at
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return at + 1
			}
			if depth < 0 {
				return at
			}
		case ',', ' ', '\t', '\n', '\r', ':':
			if depth == 0 {
				return at
			}
		}
		at++
	}
	return at
}

func skipText(b string, at int) int {
	for at++; at < len(b); at++ {
		switch b[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return at
}
