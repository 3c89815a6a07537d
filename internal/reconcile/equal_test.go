package reconcile

import (
	"testing"
)

func TestAgrees(t *testing.T) {
	t.Parallel()
	sqlNull := "\x00null"
	for _, tt := range []struct {
		kind, cached, row string // cached is JSON; empty: the field is missing
		want              bool
	}{
		{"numeric", "1.0", "1", true},
		{"numeric", `"1.00"`, "1", true},
		{"numeric", "10e-1", "1.000", true},
		{"numeric", "1.01", "1", false},
		{"numeric", "1e999999999", "1", false},
		{"numeric", "1e-999999999", "0", false},
		{"numeric", `"NaN"`, "NaN", true},
		{"numeric", `"12 "`, "12", false},
		{"numeric", "true", "1", false},
		{"numeric", "[1]", "1", false},
		{"numeric", "123456789012345678901234567890.5", "123456789012345678901234567890.50", true},
		{"bigint", "9007199254740993", "9007199254740993", true},
		{"bigint", "9007199254740992", "9007199254740993", false},
		{"double precision", "0.1", "0.1", true},
		{"double precision", "0.30000000000000004", "0.30000000000000004", true},
		{"double precision", "1e100000", "Infinity", false},
		{"real", `"NaN"`, "NaN", true},
		{"real", "0.10000000149011612", "0.1", true},
		{"real", "0.1001", "0.1", false},
		{"double precision", "0.10000000149011612", "0.1", false},
		{"character", `"ab   "`, "ab", true},
		{"character", `"ab"`, "ab   ", true},
		{"character", `" ab"`, "ab", false},
		{"timestamp without time zone", `"2026-01-01T10:00"`, "2026-01-01 10:00:42", true},
		{"timestamp without time zone", `"2026-01-01T10:00"`, "2026-01-01 10:01:42", false},
		{"timestamp without time zone", `"2026-01-01T10:00:00"`, "2026-01-01 10:00:42", false},
		{"boolean", "true", "true", true},
		{"boolean", "1", "true", true},
		{"boolean", `"f"`, "false", true},
		{"boolean", "0", "true", false},
		{"boolean", "2", "true", false},
		{"text", `"1.0"`, "1", false},
		{"text", "1", "1", true},
		{"text", `"A"`, "a", false},
		{"text", `"a "`, "a", false},
		{"text", `"\u00e9"`, "e\u0301", false}, // composed and not: other letters
		{"text", `{"a":1}`, `{"a":1}`, false},
		{"text", `""`, "", true},
		{"text", `"null"`, sqlNull, false},
		{"text", "null", sqlNull, true},
		{"text", "", sqlNull, true},
		{"text", `""`, sqlNull, false},
		{"text", "null", "null", false},
		{"text", "", "", false},
		{"character(3)", `"a"`, "a", true},
		{"timestamp with time zone", `"2026-01-02T03:04:05Z"`, "2026-01-02 03:04:05+00", true},
		{"timestamp with time zone", `"2026-01-02T08:34:05.5+05:30"`, "2026-01-02 03:04:05.5+00", true},
		{"timestamp with time zone", `"2026-01-02T03:04:05.678Z"`, "2026-01-02 03:04:05.678901+00", true},
		{"timestamp with time zone", `"2026-01-02T03:04:05.679Z"`, "2026-01-02 03:04:05.678901+00", true}, // rounded
		{"timestamp with time zone", `"2026-01-02T03:04:05.677Z"`, "2026-01-02 03:04:05.678901+00", false},
		{"timestamp with time zone", `"2026-01-02T03:04:06Z"`, "2026-01-02 03:04:05+00", false},
		{"timestamp with time zone", "1767323045", "2026-01-02 03:04:05+00", true},
		{"timestamp with time zone", "1767323045678", "2026-01-02 03:04:05.678+00", true},
		{"timestamp with time zone", `"1767323045.678"`, "2026-01-02 03:04:05.678+00", true},
		{"timestamp with time zone", "1767323046", "2026-01-02 03:04:05+00", false},
		{"timestamp with time zone", "1e999999999", "2026-01-02 03:04:05+00", false},
		{"timestamp with time zone", `"infinity"`, "infinity", true},
		{"timestamp with time zone", `"now"`, "2026-01-02 03:04:05+00", false},
		{"timestamp without time zone", `"2026-01-02T03:04:05"`, "2026-01-02 03:04:05", true},
		{"timestamp without time zone", `"2026-01-02T05:04:05+02:00"`, "2026-01-02 03:04:05", true},
		{"date", `"2026-01-02"`, "2026-01-02", true},
		{"date", `"2026-01-02T00:00:00Z"`, "2026-01-02", true},
		{"date", `"2026-01-02T01:00:00Z"`, "2026-01-02", false},
		{"date", `"2026-01-03"`, "2026-01-02", false},
		{"uuid", `"6F1C0A52-1F0E-4A3B-9A59-0B7A3C1D2E3F"`, "6f1c0a52-1f0e-4a3b-9a59-0b7a3c1d2e3f", true},
		{"jsonb", `{"b":[1.0,2],"a":null}`, `{"a": null, "b": [1, 2]}`, true},
		{"jsonb", `{"b":[2,1],"a":null}`, `{"a": null, "b": [1, 2]}`, false},
		{"jsonb", `"{\"a\":1}"`, `{"a": 1}`, true},
		{"jsonb", `"text"`, `"text"`, true},
		{"jsonb", `{"a":1}`, `{"a": 2}`, false},
	} {
		column := &tt.row
		if tt.row == sqlNull {
			column = nil
		}
		w := &cacheWords{}
		if got := w.agrees(cellOf(tt.cached), column, familyOf(tt.kind)); got != tt.want {
			t.Errorf("%s: cached %s and %s agree is %v", tt.kind, tt.cached, tt.row, got)
		}
	}
	strict, empty := &cacheWords{Nulls: []string{nullStrict}}, &cacheWords{Nulls: []string{nullEmpty}}
	if strict.agrees(cell{}, nil, aText) || !strict.agrees(cell{form: null}, nil, aText) {
		t.Error("strict: only null is NULL")
	}
	if empty.agrees(cell{}, nil, aText) || !empty.agrees(cell{form: text}, nil, aText) {
		t.Error("empty: an empty text is NULL, and a missing field is not")
	}
}
