package bot

import "log/slog"

// Secret is a token. However it is printed, logged or encoded, only a mask
// appears; convert it to string where it is really needed.
type Secret string

const masked = "••••"

// String is a mask.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// GoString is a mask, for %#v.
func (s Secret) GoString() string { return `bot.Secret("` + s.String() + `")` }

// LogValue is a mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is a mask, for JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
