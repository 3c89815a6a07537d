package keeper

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
)

func TestChannelNamesAreNamesThatSlackAllows(t *testing.T) {
	allowed := regexp.MustCompile(`^[a-z0-9_-]{1,80}$`)
	opened := time.Date(2026, 11, 22, 23, 30, 0, 0, time.FixedZone("", -5*3600)) // in UTC it is the 23rd
	for _, c := range []struct{ name, pattern, domain, first, second string }{
		{"the default", "", "orders", "inc-20261123-orders", "inc-20261123-orders-2"},
		{"everything in it", "inc-{id}-{date}_{domain}", "orders", "inc-12-20261123_orders", "inc-12-20261123_orders-2"},
		{"capitals, blanks and marks", "INC {domain}!", "Käse & Brot", "inc-k-se-brot", "inc-k-se-brot-2"},
		{"nothing is left", "…", "orders", "inc-12", "inc-12-2"},
		{"too long", "inc-{domain}", strings.Repeat("x", 100), "inc-" + strings.Repeat("x", 76), "inc-" + strings.Repeat("x", 74) + "-2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			names := channelNames(c.pattern, incidents.Incident{ID: 12, Domain: c.domain, Opened: opened})
			if names[0] != c.first || names[1] != c.second {
				t.Errorf("%q, %q", names[0], names[1])
			}
			seen := map[string]bool{}
			for _, n := range names {
				if !allowed.MatchString(n) || seen[n] {
					t.Errorf("%q is not allowed or comes twice", n)
				}
				seen[n] = true
			}
		})
	}
}
