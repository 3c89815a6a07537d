package alertmanager

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/incidents"
)

func TestWhatIsTakenFromAnAlertIsBounded(t *testing.T) {
	long := strings.Repeat("ü", 5000)
	since := time.Date(2026, 11, 26, 1, 0, 0, 0, time.FixedZone("", 3600))
	for _, tt := range []struct {
		name string
		sent alert
		want incidents.Fired
	}{
		{
			"an end",
			alert{Status: "resolved", StartsAt: since, EndsAt: since.Add(time.Hour), Fingerprint: "f", Labels: map[string]string{"alertname": "A"}},
			incidents.Fired{Name: "A", Fingerprint: "f", Since: since.UTC(), Until: since.UTC().Add(time.Hour)},
		},
		{
			"an end before its beginning",
			alert{Status: "resolved", StartsAt: since, Fingerprint: "f", Labels: map[string]string{"alertname": "A"}},
			incidents.Fired{Name: "A", Fingerprint: "f", Since: since.UTC(), Until: since.UTC()},
		},
		{
			"an alert without a name",
			alert{Status: "firing", StartsAt: since, Fingerprint: "f"},
			incidents.Fired{Name: "unnamed", Fingerprint: "f", Firing: true, Since: since.UTC()},
		},
		{
			"no fingerprint",
			alert{Status: "firing", StartsAt: since, Labels: map[string]string{"alertname": "A", "b": "c"}},
			incidents.Fired{Name: "A", Fingerprint: "6d10a928ff9a494f", Firing: true, Since: since.UTC()},
		},
		{
			"lines in a summary",
			alert{Status: "firing", StartsAt: since, Fingerprint: "f", Annotations: map[string]string{"summary": " two\nlines\x00\u0007 and\ttabs "}},
			incidents.Fired{Name: "unnamed", Fingerprint: "f", Firing: true, Since: since.UTC(), Summary: "two lines and tabs"},
		},
		{
			"what nobody sees",
			alert{
				Status: "firing", StartsAt: since, Fingerprint: "f", Labels: map[string]string{"alertname": "A\u202eB", "domain": "or\u200bders"},
				Annotations: map[string]string{"summary": "\u2066safe\u2069 and \ufeffsound"},
			},
			incidents.Fired{Name: "AB", Domain: "orders", Fingerprint: "f", Firing: true, Since: since.UTC(), Summary: "safe and sound"},
		},
		{
			"a description alone",
			alert{Status: "firing", StartsAt: since, Fingerprint: "f", Annotations: map[string]string{"description": "it is"}},
			incidents.Fired{Name: "unnamed", Fingerprint: "f", Firing: true, Since: since.UTC(), Summary: "it is"},
		},
		{
			"texts without an end",
			alert{
				Status: "firing", StartsAt: since, Fingerprint: "f", GeneratorURL: "https://x/" + long,
				Labels: map[string]string{"alertname": long, "domain": long, "severity": long}, Annotations: map[string]string{"summary": long},
			},
			incidents.Fired{Name: long[:99*2] + "…", Domain: long[:99*2] + "…", Severity: long[:99*2] + "…", Summary: long[:499*2] + "…", Fingerprint: "f", Firing: true, Since: since.UTC()},
		},
		{
			"an address that runs something",
			alert{Status: "firing", StartsAt: since, Fingerprint: "f", GeneratorURL: "javascript:alert(1)"},
			incidents.Fired{Name: "unnamed", Fingerprint: "f", Firing: true, Since: since.UTC()},
		},
		{
			"an address with a password",
			alert{Status: "firing", StartsAt: since, Fingerprint: "f", GeneratorURL: "https://u:p@example.com/"},
			incidents.Fired{Name: "unnamed", Fingerprint: "f", Firing: true, Since: since.UTC()},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.sent.fired("")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLongKeysOfGroupsStayApart(t *testing.T) {
	a, b := keyOf(strings.Repeat("x", 5000)+"a"), keyOf(strings.Repeat("x", 5000)+"b")
	if a == b || len(a) > longestText || keyOf("short") != "short" {
		t.Errorf("the keys are %q and %q", a, b)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(one(1)))
	f.Add([]byte(one(3)))
	f.Add([]byte(`{"version":"4","groupKey":"\u0000","alerts":[{"status":"resolved","startsAt":"2026-01-01T00:00:00Z","labels":{"alertname":"\ud800"}}]}`))
	f.Add([]byte(`{"version":"4","alerts":[{"status":"firing","startsAt":"9999-12-31T23:59:59+23:59"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		fired, err := read(body)
		if (err == nil) != (len(fired) > 0) {
			t.Fatalf("%d alerts and %v", len(fired), err)
		}
		for _, one := range fired {
			encoded, err := json.Marshal(one) // as the store keeps it
			if err != nil {
				t.Fatalf("cannot be kept: %v", err)
			}
			for _, s := range []string{one.Name, one.Group, one.Fingerprint, one.Domain, one.Severity, one.Summary, one.URL} {
				if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\n\r") || utf8.RuneCountInString(s) > longestAddress {
					t.Fatalf("%q is kept of %s", s, encoded)
				}
			}
			if one.Fingerprint == "" || one.Name == "" || one.Since.IsZero() || !one.Firing && one.Until.Before(one.Since) {
				t.Fatalf("half an alert: %s", encoded)
			}
		}
	})
}
