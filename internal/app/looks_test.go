package app

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/look"
)

// TestWhichLooksAreToldSinceWhenDataIsWrong: the time line marks it, and a diagnosis
// compares with it. The others need not wait for the store.
func TestWhichLooksAreToldSinceWhenDataIsWrong(t *testing.T) {
	t.Parallel()
	all := (&Targets{}).looks(&config.Config{}, nil, nil, lastFindings{}, nil)
	maps.DeleteFunc(all, func(_ string, l look.Look) bool { return !l.Past })
	if diff := cmp.Diff([]string{"changes", "diagnose"}, slices.Sorted(maps.Keys(all))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
