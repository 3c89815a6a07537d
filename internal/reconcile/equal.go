package reconcile

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// family is how values of a column are compared.
type family int

const (
	aText     family = iota // to the letter
	aNumber                 // by decimal value
	aFloat                  // the same, as floating point
	aReal                   // the same, with the digits of single precision
	aBoolean                // true, t, 1 and yes are one
	anInstant               // with a time zone
	aMoment                 // without one: taken as UTC
	aDate                   //
	aUUID                   // whatever the case of its letters
	aDocument               // JSON, whatever the order of its fields
	aPadded                 // text that is filled up with blanks, which count for nothing
	unequal                 // not at all
)

// familyOf sorts Postgres's types.
func familyOf(kind string) family {
	switch kind {
	case "smallint", "integer", "bigint", "numeric", "oid":
		return aNumber
	case "double precision":
		return aFloat
	case "real":
		return aReal
	case "character":
		return aPadded
	case "boolean":
		return aBoolean
	case "timestamp with time zone":
		return anInstant
	case "timestamp without time zone":
		return aMoment
	case "date":
		return aDate
	case "uuid":
		return aUUID
	case "json", "jsonb":
		return aDocument
	case "bytea", "money", "interval", "tsvector", "bit", "bit varying":
		return unequal
	}
	if strings.HasSuffix(kind, "[]") || strings.HasPrefix(kind, "interval") {
		return unequal
	}
	return aText
}

// agrees tells whether a cached field says what a column does.
func (w *cacheWords) agrees(c cell, column *string, f family) bool {
	switch {
	case column == nil:
		return c.form == null || c.form == absent && w.standsForNull(nullMissing) ||
			c.form == text && c.text == "" && w.standsForNull(nullEmpty)
	case c.form == absent, c.form == null:
		return false
	}
	return f.same(c, *column)
}

// same tells whether a field that is there says what a column of the family does.
func (f family) same(c cell, row string) bool {
	switch f {
	case aNumber, aFloat, aReal:
		return c.form != boolean && c.form != nested && f.sameNumber(c.text, row)
	case aPadded:
		return c.form != nested && strings.TrimRight(c.text, " ") == strings.TrimRight(row, " ")
	case aBoolean:
		return c.form != nested && sameBoolean(c.text, row)
	case anInstant, aMoment:
		return sameInstant(c, row)
	case aDate:
		return sameDate(c, row)
	case aUUID:
		return c.form == text && strings.EqualFold(c.text, row)
	case aDocument:
		return sameDocument(c, row)
	case aText, unequal:
	}
	return c.form != nested && c.text == row
}

func (f family) sameNumber(cached, row string) bool {
	switch f {
	case aFloat:
		return sameFloat(cached, row)
	case aReal:
		return sameReal(cached, row)
	default:
		return sameNumber(cached, row)
	}
}

// holds tells whether a cached field could stand in a column of the family.
func (f family) holds(c cell) bool {
	switch f {
	case aNumber, aFloat, aReal:
		_, err := strconv.ParseFloat(c.text, 64)
		_, ok := numberOf(c.text)
		return c.form != nested && (ok || err == nil)
	case aBoolean:
		_, ok := booleanOf(c.text)
		return c.form != nested && ok
	case anInstant, aMoment, aDate:
		_, ok := timeOf(c)
		return ok
	case aUUID:
		return uuid.Validate(c.text) == nil
	case aText, aPadded, aDocument, unequal:
	}
	return true
}

// longestNumber and largestExponent bound what is computed with: foreign text such as
// 1e999999999 would take all memory.
const (
	longestNumber   = 300
	largestExponent = 1000
)

func numberOf(s string) (decimal.Decimal, bool) {
	if len(s) > longestNumber {
		return decimal.Decimal{}, false
	}
	d, err := decimal.NewFromString(s)
	return d, err == nil && d.Exponent() < largestExponent && d.Exponent() > -largestExponent
}

func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	x, ok := numberOf(a)
	y, ok2 := numberOf(b)
	return ok && ok2 && x.Equal(y)
}

func sameFloat(a, b string) bool {
	if sameNumber(a, b) {
		return true
	}
	x, err := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err == nil && err2 == nil && (x == y || math.IsNaN(x) && math.IsNaN(y))
}

// sameReal compares as single precision does: of 0.1 many write 0.10000000149011612.
func sameReal(a, b string) bool {
	if sameFloat(a, b) {
		return true
	}
	x, err := strconv.ParseFloat(a, 32)
	y, err2 := strconv.ParseFloat(b, 32)
	return err == nil && err2 == nil && x == y
}

func sameBoolean(a, b string) bool {
	x, ok := booleanOf(a)
	y, ok2 := booleanOf(b)
	return ok && ok2 && x == y
}

// booleanOf reads what Postgres reads as one.
func booleanOf(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "true", "t", "1", "yes", "y", "on":
		return true, true
	case "false", "f", "0", "no", "n", "off":
		return false, true
	}
	return false, false
}

// sameDocument compares JSON whatever the order of fields and the form of numbers.
func sameDocument(c cell, row string) bool {
	said := c.text
	if c.form == text { // a document as text, or a text as a document
		quoted, err := json.Marshal(c.text)
		if err == nil && sameJSON(string(quoted), row) {
			return true
		}
	}
	return sameJSON(said, row)
}

func sameJSON(a, b string) bool {
	x, ok := documentOf(a)
	y, ok2 := documentOf(b)
	return ok && ok2 && reflect.DeepEqual(x, y)
}

func documentOf(s string) (any, bool) {
	decoder := json.NewDecoder(strings.NewReader(s))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil || decoder.More() {
		return nil, false
	}
	return plain(v), true
}

// plain gives numbers one form.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, one := range v {
			v[name] = plain(one)
		}
	case []any:
		for i, one := range v {
			v[i] = plain(one)
		}
	case json.Number:
		if d, ok := numberOf(v.String()); ok {
			return json.Number(d.String())
		}
	}
	return v
}
