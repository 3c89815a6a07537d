package config_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/config"
)

func TestTheExampleSaysHowIncidentsAreDealtWith(t *testing.T) {
	c, err := config.Load("../../config.example.yaml", environment(map[string]string{"INCIDENT_CHANNEL": "C0FALLBACK"}))
	if err != nil {
		t.Fatal(err)
	}
	r := c.IncidentRules()
	var audiences, levels []string
	for _, a := range r.Audiences {
		audiences = append(audiences, a.Name+": "+a.Title)
	}
	for _, l := range r.Levels {
		levels = append(levels, l.Name+": "+l.Title+" "+strings.Join(l.Groups, ",")+" "+l.After.String())
	}
	got := []any{r.Channel, r.Fallback, r.Reaction, r.Soak, r.Updates, audiences, levels, r.Alerts, r.Audiences[1].To}
	want := []any{
		"inc-{date}-{domain}", "C0FALLBACK", "pushpin", 30 * time.Minute,
		map[incidents.Severity]time.Duration{"P0": 30 * time.Minute, "P1": time.Hour, "P2": 4 * time.Hour},
		[]string{"responders: Responders", "executives: Executives", "support: Support", "data-consumers: Data consumers", "customers-draft: Customers (draft)"},
		[]string{"L1: DevOps S0DEVOPS 10m0s", "L2: Backend S0BACKEND 15m0s", "L3: Database S0DBA 15m0s", "data: Data team S0DATA 30m0s"},
		map[string]incidents.AlertRule{
			"DataInconsistencyDetected": {Domain: "orders"},
			"HighEventProcessingLag":    {Domain: "events", Severity: "P2", Title: "Events are processed late"},
		},
		[]incidents.Destination{{Kind: incidents.ToChannel, To: "C0EXECUTIVES"}, {Kind: incidents.ToEmail, To: "executives@example.com"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the rules of the example (-want +got):\n%s", diff)
	}
	if c.Notify.SMTP.On() || c.Incidents.Alerts.Token != "" {
		t.Error("without SMTP_ADDR and ALERT_TOKEN email and alerts are on")
	}
}

func TestAFileThatSaysNothingAboutIncidentsHasRulesAllTheSame(t *testing.T) {
	c, err := config.Parse("c.yaml", []byte(good), environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	r := c.IncidentRules()
	if len(r.Audiences) != 1 || r.Audiences[0].To[0].To != "incident" || r.Grace == 0 || r.Channel == "" {
		t.Errorf("the rules are %+v", r)
	}
}

const ordersCheck = "checks:\n  a: {kind: rows, domain: orders, target: shop, table: o, wrong: x < 0}\n"

func TestEveryProblemWithIncidentsIsNamedWithItsLine(t *testing.T) {
	for _, tt := range []struct{ name, section, want string }{ // the section begins at line 10
		{"a channel of capitals", "  channel: INC-{id}", `c.yaml:11: incidents: channel "INC-{id}" cannot name a channel`},
		{"a channel with an unknown part", "  channel: inc-{severity}", `c.yaml:11: incidents: channel "inc-{severity}" cannot name a channel`},
		{"a channel for all", "  channel: incident", `c.yaml:11: incidents: channel "incident" would be the same for every incident`},
		{"a channel that has no room", "  channel: inc-{id}-" + strings.Repeat("x", 60), `c.yaml:11: incidents: channel has 69 characters; at most 50`},
		{"a fallback by name", "  fallback: incidents", `c.yaml:11: incidents: fallback "incidents" is not a channel id (C… or G…)`},
		{"a group by name", "  invite: [responders]", `c.yaml:11: incidents: invite: "responders" is not a user-group id (S…)`},
		{"a runbook that is no address", "  runbook: wiki", "c.yaml:11: incidents: runbook is not an address"},
		{"a link that runs something", "  links:\n    Wiki: javascript:alert(1)", `c.yaml:12: incidents: links: "Wiki" does not lead to an address`},
		{"a reaction with colons", `  reaction: ":pushpin:"`, `c.yaml:11: incidents: reaction ":pushpin:" is not the name of an emoji`},
		{"a severity that is none", "  severities:\n    - {severity: P1}\n    - {severity: high}", `c.yaml:13: incidents: severities: rule 2 has severity "high"`},
		{"a rule for a domain that no check has", "  severities:\n    - {severity: P0, domains: [order]}", `c.yaml:12: incidents: severities: rule 1: no check has domain "order": did you mean orders? There are orders`},
		{"an update of a severity that is none", "  updates: {P9: 1h}", `c.yaml:11: incidents: updates: there is no severity "P9"`},
		{"an update every second", "  updates: {P0: 1s}", "c.yaml:11: incidents: updates: P0 is told every 1s; 1m to 7d, or 0s for never"},
		{"a soak of a year", "  soak: 365d", "c.yaml:11: incidents: soak is 8760h0m0s; 1m to 7d"},
		{"an audience that is told nowhere", "  audiences:\n    execs: {title: Execs}", "c.yaml:12: incidents: audience execs is told nowhere"},
		{"a name for an audience", "  audiences:\n    All Execs: {to: [{channel: incident}]}", `c.yaml:12: incidents: audience "All Execs": a name has lower-case letters`},
		{"two places in one", "  audiences:\n    execs:\n      to:\n        - {channel: C123}\n        - {channel: C123, email: a@example.com}", "c.yaml:15: incidents: audience execs: destination 2 gives 2 of channel, person, group, email and webhook; give exactly one"},
		{"a channel by name", "  audiences:\n    execs: {to: [{channel: execs}]}", `c.yaml:12: incidents: audience execs: "execs" is not a channel id`},
		{"a person by name", "  audiences:\n    execs: {to: [{person: alice}]}", `c.yaml:12: incidents: audience execs: "alice" is not a Slack user id`},
		{"a group of people by name", "  audiences:\n    execs: {to: [{group: devs}]}", `c.yaml:12: incidents: audience execs: "devs" is not a user-group id`},
		{"an address without a host", "  audiences:\n    execs: {to: [{email: alice}]}", `c.yaml:12: incidents: audience execs: "alice" is not an email address`},
		{"an address that is two", "  audiences:\n    execs: {to: [{email: \"a@example.com, b@example.com\"}]}", "is not an email address"},
		{"a webhook that is not there", "  audiences:\n    execs: {to: [{webhook: page}]}", `c.yaml:12: incidents: audience execs: notify.webhooks has no "page". There are none`},
		{"a kind of place that is none", "  audiences:\n    execs: {to: [{sms: x}]}", "c.yaml:12: unknown key: sms"},
		{"something nobody can be shown", "  audiences:\n    execs: {to: [{channel: incident}], shows: [rows]}", `c.yaml:12: incidents: audience execs: nothing is called "rows"`},
		{"a template for an audience", "  audiences:\n    execs: {to: [{channel: incident}], templates: [opend]}", `there is no template "opend": did you mean opened?`},
		{"a level of nobody", "  levels:\n    L1: {title: DevOps}", "c.yaml:12: incidents: level L1 calls nobody"},
		{"a level of a name", "  levels:\n    L1: {groups: [devops]}", `c.yaml:12: incidents: level L1: "devops" is not a user-group id (S…)`},
		{"two levels of one name", "  levels:\n    L1: {users: [U123]}\n    l1: {users: [U123]}", "c.yaml:13: incidents: levels L1 and l1 differ in case alone"},
		{"a level that does not wait", "  levels:\n    L1: {users: [U123], after: 1s}", "c.yaml:12: incidents: level L1: after is 1s; 1m to 24h"},
		{"a token that can be guessed", "  alerts:\n    token: secret", "c.yaml:12: incidents: alerts: the token has 6 characters; at least 16"},
		{"alerts that cannot come in", "  alerts:\n    token: 0123456789abcdef\nhttp: {listen: \"off\"}", "c.yaml:12: incidents: alerts: http.listen is off"},
		{"alerts of which nobody may hear", "  alerts:\n    token: 0123456789abcdef\n    names:\n      X: {domain: orders}", "c.yaml:13: incidents: alerts open incidents, and fallback names no channel: nobody would be told"},
		{"a host that is an address", "  alerts:\n    links: [\"https://a.example.com\"]", `c.yaml:12: incidents: alerts: "https://a.example.com" is not a host`},
		{"an alert for a domain that no check has", "  alerts:\n    names:\n      X: {domain: shipping}", `c.yaml:13: incidents: alert X: no check has domain "shipping". There are orders`},
		{"an alert of a severity that is none", "  alerts:\n    names:\n      X: {severity: bad}", `c.yaml:13: incidents: alert X: there is no severity "bad"`},
		{"a template of another name", "  templates:\n    opend: x", `c.yaml:12: incidents: there is no template "opend": did you mean opened?`},
		{"a template without a text", "  templates:\n    opened: ${NOTHING}", "c.yaml:12: incidents: template opened is empty"},
		{"a mail server without a port", "notify:\n  smtp: {addr: mail}", `c.yaml:12: notify.smtp: addr: "mail" is no host:port`},
		{"a mail server's TLS", "notify:\n  smtp: {tls: ssl}", `c.yaml:12: notify.smtp: tls: "ssl" is none of starttls, tls, none`},
		{"a sender that is none", "notify:\n  smtp: {from: bot}", `c.yaml:12: notify.smtp: from: "bot" is no email address`},
		{"a password that everybody reads", "notify:\n  smtp: {addr: \"m:25\", tls: none, user: u, password: p}", "c.yaml:12: notify.smtp: tls: none would send the password unencrypted to m"},
		{"a user without a password", "notify:\n  smtp: {addr: \"m:25\", user: u}", "c.yaml:12: notify.smtp: user and password belong together"},
		{"a webhook that everybody reads", "notify:\n  webhooks:\n    page: {url: \"http://example.com/x\"}", "c.yaml:13: webhook page: url: it has to be https"},
		{"a webhook that is no address", "notify:\n  webhooks:\n    page: {url: example.com}", "c.yaml:13: webhook page: url: it is no address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := good + ordersCheck + "incidents:\n" + tt.section + "\n"
			got := strings.Join(problemsOf(t, text), "\n")
			if !strings.Contains(got, tt.want) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestAlertsThatOpenNothingNeedNoFallback(t *testing.T) {
	for name, section := range map[string]string{
		"none are mapped":        "  alerts: {token: 0123456789abcdef}",
		"the endpoint is off":    "  alerts: {token: \"\", names: {X: {domain: orders}}}",
		"and where there is one": "  fallback: C0ALERTS\n  alerts: {token: 0123456789abcdef, names: {X: {domain: orders}}}",
	} {
		if _, err := config.Parse("c.yaml", []byte(good+ordersCheck+"incidents:\n"+section+"\n"), environment(nil)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATemplateFromAFileIsTriedBeforeTheBotStarts(t *testing.T) {
	file := t.TempDir() + "/opened.tmpl"
	if err := os.WriteFile(file, []byte("{{.NoSuchThing"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(problemsOf(t, good+ordersCheck+"incidents:\n  templates:\n    opened: ${file:"+file+"}\n"), "\n")
	if !strings.Contains(got, "c.yaml:12: incidents: ") || !strings.Contains(got, "opened") {
		t.Errorf("the problem is %q", got)
	}
}
