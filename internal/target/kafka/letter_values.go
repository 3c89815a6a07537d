package kafka

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"
)

// longestClass keeps a class short enough for a table.
const longestClass = 80

// className is the simple name of an exception's class, of a text such as
// java.net.ConnectException: connection refused. The text is foreign: what is no
// name is not shown, because it might hold somebody's data.
func className(full string) string {
	name := strings.TrimSpace(full)
	if name == "" {
		return ""
	}
	if i := strings.IndexAny(name, ":(\r\n"); i >= 0 {
		name = strings.TrimSpace(name[:i])
	}
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		case r == '.', r == '_', r == '-', r == '$', r == '/', r == '\\', r == '*':
		default:
			return unnamedClass
		}
	}
	if i := strings.LastIndexAny(name, ".$/\\*"); i >= 0 {
		name = name[i+1:]
	}
	if name == "" || len(name) > longestClass || strings.Trim(name, "0123456789-") == "" {
		return unnamedClass
	}
	return name
}

// unnamedClass stands for an exception whose class is no name.
const unnamedClass = "unnamed error"

// number reads a number as Connect writes it, as text, or as Spring does: 4 or 8
// bytes, the highest first. Eight digits are text: as bytes they would be a
// number that no partition, offset or time reaches.
func number(value []byte, highest int64) (int64, bool) {
	n, written := int64(0), digits(value)
	if written {
		var err error
		n, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
		written = err == nil
	}
	switch {
	case written:
	case len(value) == 4:
		n = int64(int32(binary.BigEndian.Uint32(value))) //nolint:gosec // Java's int
	case len(value) == 8:
		n = int64(binary.BigEndian.Uint64(value)) //nolint:gosec // Java's long
	default:
		return 0, false
	}
	return n, n >= 0 && n <= highest
}

// digits tells whether bytes may be a number as text. Most are not, and to hear so
// from strconv costs more than all else that is done with a header.
func digits(value []byte) bool {
	value = bytes.TrimSpace(value)
	for _, c := range value {
		if (c < '0' || c > '9') && c != '-' && c != '+' {
			return false
		}
	}
	return len(value) > 0
}

// latest is the last year that a time of a record is believed to be of.
const latest = 9999

// moment reads milliseconds since 1970, or a time as RFC 3339 writes it. Zero:
// neither.
func moment(value []byte) time.Time {
	if ms, ok := number(value, math.MaxInt64); ok {
		if at := time.UnixMilli(ms).UTC(); at.Year() <= latest && at.Year() >= 1970 {
			return at
		}
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(string(value)))
	if err != nil || at.Year() > latest {
		return time.Time{}
	}
	return at.UTC()
}

// longestTopic is Kafka's limit for the name of a topic.
const longestTopic = 249

// legalTopic tells whether a topic can have this name. Foreign text that is none
// is taken for nothing.
func legalTopic(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > longestTopic {
		return false
	}
	for _, r := range name {
		if r != '.' && r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return false
		}
	}
	return true
}
