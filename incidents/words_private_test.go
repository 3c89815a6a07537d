package incidents_test

import (
	"strings"
	"testing"

	"github.com/integritybot/integritybot/incidents"
)

// TestAPrivateIncidentIsNotTold: outside of its channel people read that there is one, and
// how bad it is.
func TestAPrivateIncidentIsNotTold(t *testing.T) {
	v := fullView(t)
	i := v.Incident
	i.Private, i.Title, i.Domain = true, "Salaries leaked", "salaries"
	i.Alerts = map[string]incidents.Alert{"f1": {Name: "SalariesLeak", Firing: true, Since: minute(118)}}
	i.Room.Trouble = map[string]string{incidents.FurnishChannel: "#inc-salaries is taken."}
	byAlert, waiting := i, i
	byAlert.OpenedBy, waiting.Room.Channel = "", ""
	for name, text := range map[string]string{
		"the list":              incidents.List([]incidents.Opened{{Incident: i, Checks: v.Checks}}, ourWords()).PlainText(),
		"where it was declared": incidents.Declared(i, ourWords()).PlainText(),
		"before it has one":     incidents.Declared(waiting, ourWords()).PlainText(),
		"opened by an alert":    incidents.Declared(byAlert, ourWords()).PlainText(),
	} {
		if !strings.Contains(text, "P0 INC-12, a private incident") {
			t.Errorf("%s does not name it:\n%s", name, text)
		}
		for _, not := range []string{"alaries", "CINC", "103", "orders", "rule"} {
			if strings.Contains(text, not) {
				t.Errorf("%s says %q:\n%s", name, not, text)
			}
		}
		if strings.Contains(text, "[") {
			t.Errorf("%s has a button:\n%s", name, text)
		}
	}
	i.Asked.Channel = i.Room.Channel
	if text := incidents.Declared(i, ourWords()).PlainText(); strings.Contains(text, "who works on it is invited") {
		t.Errorf("in its own channel:\n%s", text)
	}
}

// TestNoGreenDotWhereSomethingFails: an override ends an incident, and makes nothing right.
func TestNoGreenDotWhereSomethingFails(t *testing.T) {
	v := overriddenView(t)
	open := incidents.Opened{Incident: v.Incident, Checks: v.Checks}
	if text := incidents.List([]incidents.Opened{open}, ourWords()).PlainText(); strings.Contains(text, "🟢") || !strings.Contains(text, "🔴") {
		t.Errorf("%s", text)
	}
	open.Checks = v.Checks[3:] // one passes, and one does not answer
	if text := incidents.List([]incidents.Opened{open}, ourWords()).PlainText(); strings.Contains(text, "🟢") {
		t.Errorf("%s", text)
	}
	v.Repairs[0].Verdict, v.Repairs[0].After = "FAIL", 4
	if text := incidents.Summary(v, ourWords()).PlainText(); !strings.Contains(text, "🟡 P-77 applied") {
		t.Errorf("a repair after which the check fails:\n%s", text)
	}
}
