package declare

import (
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

// TestDurations: a check's min_age is written as everywhere else in the config.
func TestDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"90s": 90 * time.Second, "10m": 10 * time.Minute, "7d": 168 * time.Hour} {
		var d Duration
		if err := yaml.Load([]byte(text), &d); err != nil || time.Duration(d) != want {
			t.Errorf("%s is %s, %v; want %s", text, time.Duration(d), err, want)
		}
	}
	for _, text := range []string{"30", "d", "1.5d", "99999d", "soon"} {
		var d Duration
		if err := yaml.Load([]byte(text), &d); err == nil {
			t.Errorf("%s is taken for %s", text, time.Duration(d))
		}
	}
}
