package kube

import (
	"encoding/json"
	"strings"
)

// fields is what a line of JSON says, from the members under which the usual
// loggers keep it: zap, zerolog, slog, logrus, Logback, pino, Serilog. The line
// may be cut off. ok is false for a line that is no JSON or says nothing there.
func fields(s string) (said string, ok bool) {
	s = strings.TrimLeft(s, " \t")
	if !strings.HasPrefix(s, "{") {
		return "", false
	}
	found := members(s[1:], 1)
	message := first(found, "message", "msg", "@m", "@mt", "event", "text")
	failed := first(found, "error", "err", "exception", "error.message", "stack_trace")
	if message == "" && failed == "" {
		return "", false
	}
	failed, _, _ = strings.Cut(failed, "\n")
	var parts []string
	if level := first(found, "level", "severity", "lvl", "log.level", "@l"); level != "" {
		parts = append(parts, strings.ToUpper(level))
	}
	if logger := first(found, "logger_name", "logger", "component", "caller"); logger != "" {
		parts = append(parts, logger+":")
	}
	if message != "" {
		parts = append(parts, message)
	}
	if failed != "" && !strings.Contains(message, failed) {
		parts = append(parts, "error="+failed)
	}
	return strings.Join(parts, " "), true
}

func first(found map[string]string, names ...string) string {
	for _, n := range names {
		if v := found[n]; v != "" {
			return v
		}
	}
	return ""
}

// maxMembers bounds how many members of one line are looked at.
const maxMembers = 64

// members are those of an object whose value is a string, or, so many levels deep,
// an object that has a message. It stops where the JSON is not as it should be.
func members(s string, deep int) map[string]string {
	found := map[string]string{}
	for range maxMembers {
		s = strings.TrimLeft(s, " \t\r\n,")
		key, rest, ok := jsonString(s)
		if !ok {
			return found
		}
		rest = strings.TrimLeft(rest, " \t\r\n")
		if !strings.HasPrefix(rest, ":") {
			return found
		}
		rest = strings.TrimLeft(rest[1:], " \t\r\n")
		if value, after, ok := jsonString(rest); ok {
			found[key], s = value, after
			continue
		}
		if deep > 0 && strings.HasPrefix(rest, "{") {
			inner := members(rest[1:], deep-1)
			found[key] = first(inner, "message", "msg", "type", "name")
		}
		if s, ok = skipped(rest); !ok {
			return found
		}
	}
	return found
}

// jsonString takes a string off the beginning. One that is cut off is taken as it
// stands.
func jsonString(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", "", false
	}
	plain := true
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			plain = false
			i++
		case '"':
			if plain {
				return s[1:i], s[i+1:], true
			}
			if json.Unmarshal([]byte(s[:i+1]), &value) != nil {
				return s[1:i], s[i+1:], true
			}
			return value, s[i+1:], true
		}
	}
	return s[1:], "", len(s) > 1
}

// skipped goes over one value that is no string.
func skipped(s string) (rest string, ok bool) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			_, after, ok := jsonString(s[i:])
			if !ok {
				return "", false
			}
			i = len(s) - len(after) - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		switch {
		case depth < 0:
			return "", false // the object around it ends here
		case depth == 0 && s[i] == ',', depth == 0 && (s[i] == '}' || s[i] == ']'):
			return s[i+1:], true
		}
	}
	return "", false
}
