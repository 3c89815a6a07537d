package incidents_test

import (
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
)

// TestASeverityFollowsWhatTheChecksFind upwards only, and never over what a person said.
func TestASeverityFollowsWhatTheChecksFind(t *testing.T) {
	w := movesWords()
	w.Checks["cache-prices"] = check.Check{Name: "cache-prices", Title: "Cached prices", Domain: "cache"}
	about := func(d incidents.Declaration) incidents.Incident {
		d.ID, d.Domain, d.Source, d.At, d.Asked = 12, "cache", audit.FromSlash, opened, incidents.Place{Channel: "C1"}
		return incidents.Declare(d, w)
	}
	byRule := about(incidents.Declaration{})
	lowered := moved(t)(moved(t)(byRule.SetSeverity(after(0), incidents.P1, w.Rules)).SetSeverity(after(0), incidents.P3, w.Rules))
	few, many := checked("cache-prices", ran{0, check.Fail, 999}), checked("cache-prices", ran{0, check.Fail, 1000})
	for _, tt := range []struct {
		name   string
		from   incidents.Incident
		checks []incidents.Checked
		want   incidents.Severity
		rule   string
	}{
		{"nothing was found", byRule, nil, incidents.P2, "no other rule fits"},
		{"not enough", byRule, []incidents.Checked{few}, incidents.P2, "no other rule fits"},
		{"many rows", byRule, []incidents.Checked{many}, incidents.P1, "at least 1,000 rows are wrong"},
		{"many rows, which are right now", byRule, []incidents.Checked{checked("cache-prices", ran{0, check.Fail, 1000}, ran{time.Second, check.Pass, 0})}, incidents.P2, "no other rule fits"},
		{"other data are wrong, too", byRule, []incidents.Checked{few, checked("order-totals", ran{0, check.Fail, 1})}, incidents.P0, "payments or orders are affected"},
		{"other data are right", byRule, []incidents.Checked{few, checked("order-totals", ran{0, check.Pass, 0})}, incidents.P2, "no other rule fits"},
		{"a person said so", lowered, []incidents.Checked{many}, incidents.P3, "set by a person"},
		{"what is wrong is no row", byRule, []incidents.Checked{checked("writers", ran{0, check.Fail, 5000})}, incidents.P2, "no other rule fits"},
		{"no rule is about it", about(incidents.Declaration{Severity: incidents.P3, Alert: &incidents.Fired{Name: "CacheIsOld", Fingerprint: "f", Firing: true, Since: opened}}), []incidents.Checked{few}, incidents.P3, "set for the alert CacheIsOld"},
		{"a rule is worse than what the alert has", about(incidents.Declaration{Severity: incidents.P3, Alert: &incidents.Fired{Name: "CacheIsOld", Fingerprint: "f", Firing: true, Since: opened}}), []incidents.Checked{many}, incidents.P1, "at least 1,000 rows are wrong"},
		{"it is worse already", about(incidents.Declaration{Domains: []string{"orders"}}), []incidents.Checked{many}, incidents.P0, "payments or orders are affected"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := incidents.View{Incident: tt.from, Checks: tt.checks, Now: opened.Add(time.Minute)}
			out, _, _ := incidents.Tick(v, w, whoIsIn)
			same(t, "severity", []any{tt.want, tt.rule}, []any{out.Severity, out.Rule})
		})
	}

	v := incidents.View{Incident: byRule, Checks: []incidents.Checked{many}, Now: opened.Add(time.Minute)}
	out, e, _ := incidents.Tick(v, w, whoIsIn)
	same(t, "who is told when", opened.Add(61*time.Minute), out.Clocks["executives"].Due)
	golden(t, "moves-severity.golden", events(e.Events[:1])+texts(e.Posts[:1]))
	v.Incident = out
	if _, _, did := incidents.Tick(v, w, whoIsIn); did {
		t.Error("and it moves again")
	}
}
