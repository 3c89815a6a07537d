package incidents_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
)

func TestTheSeverityFollowsTheFirstRuleThatFits(t *testing.T) {
	for _, tt := range []struct {
		name string
		d    incidents.Declaration
		want string
	}{
		{"orders", incidents.Declaration{Domain: "orders"}, "P0 · payments or orders are affected"},
		{"payments are affected beside it", incidents.Declaration{Domain: "cache", Domains: []string{"payments"}}, "P0 · payments or orders are affected"},
		{"many rows elsewhere", incidents.Declaration{Domain: "cache", Failing: []incidents.Measure{{Rows: 600}, {Rows: 400}}}, "P1 · at least 1,000 rows are wrong"},
		{"few rows elsewhere", incidents.Declaration{Domain: "cache", Failing: []incidents.Measure{{Rows: 999}}}, "P2 · no other rule fits"},
		{"a person says so", incidents.Declaration{Domain: "orders", Severity: incidents.P3}, "P3 · set by a person"},
		{"an alert says so", incidents.Declaration{Domain: "orders", Alert: &incidents.Fired{Name: "HighEventProcessingLag", Firing: true}}, "P2 · set for the alert HighEventProcessingLag"},
		{"an alert that says nothing", incidents.Declaration{Domain: "orders", Alert: &incidents.Fired{Name: "DataInconsistencyDetected", Firing: true}}, "P0 · payments or orders are affected"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.d.ID, tt.d.At = 1, opened
			i := incidents.Declare(tt.d, movesWords())
			same(t, "severity", tt.want, string(i.Severity)+" · "+i.Rule)
		})
	}
	severity, rule := incidents.Rules{}.Propose([]string{"orders"}, 5)
	same(t, "without rules", "P1 · no other rule fits", string(severity)+" · "+rule)
}

func TestTheTitleSaysWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		d          incidents.Declaration
	}{
		{"from the domain", "Orders data is wrong", incidents.Declaration{Domain: "orders"}},
		{"a domain of several words", "Order items data is wrong", incidents.Declaration{Domain: "order-items"}},
		{"of no domain", "Data is wrong", incidents.Declaration{}},
		{"given", "Totals are off", incidents.Declaration{Domain: "orders", Title: "Totals are off"}},
		{"of the alert", "Events are late", incidents.Declaration{Domain: "events", Alert: &incidents.Fired{Name: "HighEventProcessingLag"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			same(t, "title", tt.want, incidents.Declare(tt.d, movesWords()).Title)
		})
	}
}

func TestADeclaredIncidentKnowsWhenItBeganAndWhoIsToldWhen(t *testing.T) {
	bad, known := opened.Add(-2*time.Hour), opened.Add(-time.Minute)
	i := incidents.Declare(incidents.Declaration{
		ID: 12, Domain: "orders", By: "U1ALICE", Source: audit.FromButton, Request: "req-1", At: opened, Run: 1042, Drill: true,
		Failing: []incidents.Measure{{Run: 1042, Rows: 30, At: known, First: bad.Add(time.Hour)}, {Run: 1042, Rows: 60, At: known, First: bad}},
	}, movesWords())
	same(t, "milestones", incidents.Milestones{Began: bad, Detected: known}, i.Milestones)
	same(t, "clocks", map[string]incidents.Clock{
		"executives": {Every: 30 * time.Minute, Due: opened.Add(30 * time.Minute)},
		"support":    {Every: time.Hour, Due: opened.Add(time.Hour)},
	}, i.Clocks)
	same(t, "key", "orders", i.Key)
	if !i.Held() || !i.Drill || i.Run != 1042 || i.Status != incidents.Investigating || i.Lead != "" || len(i.Steps) != 10 {
		t.Errorf("got %+v", i)
	}
}

func TestAnAdoptedChannelIsNotMadePrivate(t *testing.T) {
	i := incidents.Declare(incidents.Declaration{ID: 3, Domain: "orders", Private: true, Bind: "C7", BindName: "orders-war-room", At: opened}, movesWords())
	same(t, "room", incidents.Room{Channel: "C7", Name: "orders-war-room", Bound: true}, i.Room)
	same(t, "private", false, i.Private)
}

// TestAlertsAreNotedOnceHoweverOftenTheyAreTold plays messages of a monitoring system
// in the order in which they arrive: again, late, and for another alert.
func TestAlertsAreNotedOnceHoweverOftenTheyAreTold(t *testing.T) {
	at := func(minutes int) time.Time { return opened.Add(time.Duration(minutes) * time.Minute) }
	firing := func(since int) incidents.Fired {
		return incidents.Fired{Fingerprint: "f1", Name: "DataInconsistencyDetected", Firing: true, Since: at(since), URL: "https://prometheus.example.com/graph"}
	}
	ended := func(since, until int) incidents.Fired {
		return incidents.Fired{Fingerprint: "f1", Name: "DataInconsistencyDetected", Since: at(since), Until: at(until), URL: "https://evil.example.org/"}
	}
	i := declared()
	for _, tt := range []struct {
		name    string
		fired   incidents.Fired
		changed bool
		want    string
	}{
		{"an end of what never fired", ended(0, 1), false, ""},
		{"it fires", firing(2), true, "firing ×1 since 2"},
		{"told again", firing(2), false, "firing ×1 since 2"},
		{"an end of an earlier one, late", ended(0, 1), false, "firing ×1 since 2"},
		{"it ends", ended(2, 5), true, "ended ×1 since 5"},
		{"the end again", ended(2, 5), false, "ended ×1 since 5"},
		{"the beginning again, late", firing(2), false, "ended ×1 since 5"},
		{"it fires again", firing(6), true, "firing ×2 since 6"},
		{"and again, its end was lost", firing(9), true, "firing ×3 since 9"},
	} {
		var changed bool
		before := i
		i, changed = i.Alerted(tt.fired, movesWords())
		same(t, tt.name+": changed", tt.changed, changed)
		same(t, tt.name, tt.want, alertText(i))
		if !changed {
			same(t, tt.name+": as it was", before, i)
		}
	}
}

func alertText(i incidents.Incident) string {
	a, ok := i.Alerts["f1"]
	if !ok {
		return ""
	}
	state := "ended"
	if a.Firing {
		state = "firing"
	}
	return fmt.Sprintf("%s ×%d since %.0f", state, a.Times, a.Since.Sub(opened).Minutes())
}

func TestAnAlertPointsOnlyToHostsOfTheConfig(t *testing.T) {
	for _, tt := range []struct{ name, url, want string }{
		{"known", "https://prometheus.example.com/graph?g0=1", "https://prometheus.example.com/graph?g0=1"},
		{"another host", "https://evil.example.org/", ""},
		{"a look-alike", "https://prometheus.example.com.evil.org/", ""},
		{"a name before the host", "https://prometheus.example.com@evil.org/", ""},
		{"a script", "javascript:alert(1)", ""},
		{"no address", "::::", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i, _ := declared().Alerted(incidents.Fired{Fingerprint: "f", Firing: true, Since: opened, URL: tt.url}, movesWords())
			same(t, "address", tt.want, i.Alerts["f"].URL)
		})
	}
}

func TestAStormOfAlertsStaysBounded(t *testing.T) {
	i := declared()
	for n := range 1000 {
		i, _ = i.Alerted(incidents.Fired{Fingerprint: fmt.Sprint(n), Firing: true, Since: opened.Add(time.Duration(n) * time.Second)}, movesWords())
	}
	if len(i.Alerts) != 200 || i.Alerts["999"].Times != 1 || i.Alerts["0"].Times != 0 {
		t.Errorf("%d alerts are kept, want the latest 200", len(i.Alerts))
	}
}
