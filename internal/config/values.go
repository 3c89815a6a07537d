package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Secret prints as a mask, whatever prints it.
type Secret string

// String is a mask; Reveal is the way to the text itself.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[hidden]"
}

// GoString is the mask for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText is the mask for JSON, YAML and logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal gives the secret to the one place that uses it.
func (s Secret) Reveal() string { return string(s) }

// Duration is a length of time as people write it: 250ms, 10m, 2h, 30d.
type Duration time.Duration

// UnmarshalText reads it; a number without a unit is refused.
func (d *Duration) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil {
			*d = Duration(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q is not a length of time; write 250ms, 10m, 2h or 30d", s)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes it as it would be read.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Std is the standard library's form.
func (d Duration) Std() time.Duration { return time.Duration(d) }
