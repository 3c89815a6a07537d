package config_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/integritybot/integritybot/internal/config"
)

func problemsOf(t *testing.T, text string) []string {
	t.Helper()
	_, err := config.Parse("c.yaml", []byte(text), environment(map[string]string{"TOKEN": "xoxb-secret-1234"}))
	if err == nil {
		return nil
	}
	var p *config.Problems
	if !errors.As(err, &p) {
		t.Fatalf("not a list of problems: %v", err)
	}
	return strings.Split(err.Error(), "\n")
}

const good = `targets:
  shop:
    postgres: {dsn: "postgres://shop"}
roles:
  team:
    users: [U123]
    permissions: ["check:*"]
`

const events = `targets:
  events:
    kafka:
      brokers: k:9092
`

const letters = `checks:
  a:
    kind: dead-letters
    domain: orders
    target: events
    topic: dlq
    fix:
`

func TestEveryProblemIsNamedWithItsLine(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"unknown key", good + "slak:\n  command: /x\n", []string{"c.yaml:8: unknown key: slak"}},
		{"several at once", `slack:
  command: integrity
  connections: 99
  bot_token: xoxp-user
roles:
  team:
    users: [alice]
    permissions: [checks]
`, []string{
			"c.yaml:2: slack.command", "c.yaml:3: slack.connections is 99", "c.yaml:4: slack.bot_token must begin with xoxb-",
			`c.yaml:7: role team: "alice" is not a Slack user id`, `c.yaml:8: role team: "checks" is not a permission`,
		}},
		{"a role for nobody", "roles:\n  team:\n    permissions: [\"*\"]\n", []string{"c.yaml:2: role team is given to nobody"}},
		{"a check of no kind", good + "checks:\n  a:\n    domain: orders\n    target: shop\n", []string{"c.yaml:9: check a: give its kind"}},
		{"a check of an unknown kind", good + "checks:\n  a:\n    kind: orfans\n    domain: orders\n    target: shop\n", []string{`there is no kind of check "orfans"`}},
		{"a check of no target", good + "checks:\n  a:\n    kind: rows\n    domain: orders\n    target: shpo\n    table: orders\n    wrong: total < 0\n", []string{`there is no target "shpo"; there are shop`}},
		{"a check called all", good + "checks:\n  all:\n    kind: rows\n    domain: orders\n    target: shop\n    table: o\n    wrong: x < 0\n", []string{`check "all"`}},
		{"a duration without a unit", "targets:\n  shop:\n    postgres: {dsn: x, statement_timeout: 30}\n", []string{"is not a length of time"}},
		{"a key twice", good + "roles:\n  x: {}\n", []string{"c.yaml:8"}},
		{"a fix of another kind", good + "checks:\n  a:\n    kind: rows\n    domain: orders\n    target: shop\n    table: o\n    wrong: x < 0\n    fix:\n      mode: quarantine\n      update: {set: {x: 0}}\n", []string{`c.yaml:16: fix: mode is "quarantine", but checks of kind rows are repaired by statement`}},
		{"a fix with an unknown key", good + "checks:\n  a:\n    kind: rows\n    domain: orders\n    target: shop\n    table: o\n    wrong: x < 0\n    fix:\n      updaet: {set: {x: 0}}\n", []string{"c.yaml:16: unknown key under fix: updaet"}},
		{"a fix that is no mapping", good + "checks:\n  a:\n    kind: rows\n    domain: orders\n    target: shop\n    table: o\n    wrong: x < 0\n    fix: yes\n", []string{"a fix is a mapping"}},
		{"a target of two kinds", "targets:\n  shop:\n    postgres: {dsn: x}\n    kafka: {brokers: \"k:9092\"}\n", []string{"c.yaml:2: target shop is both postgres and kafka; write a target of its own for each"}},
		{"a redis that is none", "targets:\n  c:\n    redis:\n      addr: \"redis://r:6379\"\n      mode: clustre\n      clear: maybe\n      scan_count: 1\n      prefix: \"a b\"\n      tls:\n", []string{
			`c.yaml:4: target c: addr: "redis://r:6379" begins with a scheme`, `c.yaml:5: target c: there is no mode "clustre": did you mean cluster?`,
			`c.yaml:6: target c: clear is "maybe"`, "c.yaml:7: target c: scan_count is 1; 10 to 10000", `c.yaml:8: target c: prefix "a b"`, "c.yaml:9: target c: tls: there is nothing behind it",
		}},
		{"a sentinel without a name", "targets:\n  c:\n    redis: {addr: \"r:1\", mode: sentinel}\n", []string{"c.yaml:3: target c: mode sentinel needs master"}},
		{"a cluster with databases", "targets:\n  c:\n    redis: {addr: \"r:1\", mode: cluster, db: 3}\n", []string{"c.yaml:3: target c: db is 3, and a cluster has only database 0"}},
		{"a cluster that is none", "targets:\n  k:\n    kubernetes:\n      namespace: Production\n      writes: yes\n      logs: {errors: \"(\", streams: 1000}\n", []string{
			"c.yaml:3: target k: deployments: name those", `c.yaml:4: target k: namespace "Production" is not the name of a namespace`,
			`c.yaml:5: target k: writes is "yes"`, "c.yaml:6: target k: logs: errors is not a regular expression", "c.yaml:6: target k: logs: streams is 1000",
		}},
		{"a cache of rows that are nowhere", "targets:\n  c:\n    redis: {addr: \"r:1\"}\n  s:\n    postgres: {dsn: x}\nchecks:\n  a:\n    kind: cache\n    domain: cache\n    target: c\n    pattern: \"a:*\"\n    value: json\n    rows: {target: shpo, table: t, key: id}\n    fields: {id: id}\n", []string{
			`c.yaml:13: check a: rows: there is no target "shpo"`,
		}},
		{"a target of no kind", "targets:\n  shop:\n    place: here\n", []string{"c.yaml:2: target shop: give its kind: postgres, kafka, redis or kubernetes"}},
		{"brokers that are no addresses", "targets:\n  events:\n    kafka:\n      brokers: [kafka-1, \"kafka://k:9092\", \"k:x\", \":9092\", \"k:1:2\"]\n", []string{
			`c.yaml:4: target events: brokers: "kafka-1" has no port; write host:port, such as kafka-1.example.com:9092`,
			`"kafka://k:9092" begins with a scheme`, `"k:x" has no port from 1 to 65535`, `":9092" has no host`, `"k:1:2" is not an address`,
		}},
		{"a broker's words", events + "      replay: maybe\n      prefix: \"a b\"\n      connect_timeout: -1s\n      tls: {cert_file: c.pem}\n      sasl: {mechanism: scram-sha-521, user: u, password: p}\n      replay_sasl: {mechanism: SCRAM-SHA-512, user: u}\n", []string{
			`c.yaml:5: target events: replay is "maybe"; on (plans may produce there) or off`, `c.yaml:6: target events: prefix "a b" cannot begin the name of a group`,
			"c.yaml:7: target events: connect_timeout cannot be negative", "c.yaml:8: target events: tls: cert_file and key_file go together",
			`c.yaml:9: target events: sasl: there is no mechanism "scram-sha-521": did you mean scram-sha-512?`, "c.yaml:10: target events: replay_sasl: the password is missing",
		}},
		{"keys of a broker with nothing behind them", events + "      tls:\n        # ca_file: ca.pem\n      sasl:\n      replay_sasl: null\n", []string{
			"c.yaml:5: target events: tls: there is nothing behind it; write tls: {} for TLS", "c.yaml:7: target events: sasl: there is nothing behind it", "c.yaml:8: target events: replay_sasl: there is nothing behind it",
		}},
		{"an unknown word of a broker", events + "      sals: {}\n", []string{"c.yaml:5: unknown key: sals"}},
		{"a lag of a database", good + "checks:\n  a:\n    domain: orders\n    target: shop\n    kind: lag\n    group: g\n", []string{"c.yaml:12: check a: a check of kind lag looks at a target of kind kafka, and shop is of kind postgres; of kind kafka there are none"}},
		{"rows of a broker", events + "checks:\n  a:\n    kind: rows\n    domain: orders\n    target: events\n    table: o\n    wrong: x < 0\n", []string{"c.yaml:7: check a: a check of kind rows looks at a target of kind postgres, and events is of kind kafka; of kind postgres there are none"}},
		{"a kind that no broker knows", events + "checks:\n  a:\n    kind: dead-letter\n    domain: orders\n    target: events\n", []string{`there is no kind of check "dead-letter": did you mean dead-letters? The kinds are lag, dead-letters.`}},
		{"a fix of a lag", events + "checks:\n  a:\n    kind: lag\n    domain: orders\n    target: events\n    group: g\n    max_lag: 1\n    fix: {mode: replay}\n", []string{"c.yaml:12: fix: what checks of kind lag find cannot be repaired by a fix"}},
		{"a replay that asks nobody", events + letters + "      processed: {target: shpo, table: t, column: c}\n", []string{`c.yaml:12: check a: fix: processed: there is no target "shpo". Of kind postgres there are none`}},
		{"a replay that asks a broker", events + letters + "      processed:\n        target: events\n        table: t\n        column: c\n", []string{"c.yaml:13: check a: fix: processed: target events is no database"}},
		{"images kept for less than nothing", "store: {keep_images: -1h}\n", []string{"store.keep_images cannot be negative"}},
		{"not YAML", "a: [", []string{"c.yaml"}},
		{"a missing file", "store:\n  dsn: ${file:/nonexistent/secret}\n", []string{"c.yaml:2: the file /nonexistent/secret cannot be read"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := problemsOf(t, tt.text)
			for _, want := range tt.want {
				found := false
				for _, line := range got {
					found = found || strings.Contains(line, want)
				}
				if !found {
					t.Errorf("no problem says %q; there are:\n%s", want, strings.Join(got, "\n"))
				}
			}
		})
	}
}

// TestWhoProducesIsNotAskedForWhereNobodyDoes: one file serves places with replay
// and without.
func TestWhoProducesIsNotAskedForWhereNobodyDoes(t *testing.T) {
	text := events + "      tls: {}\n      replay: ${KAFKA_REPLAY:-off}\n      replay_sasl: {mechanism: plain, user: \"${SENDER}\", password: \"${SENDER_PASSWORD}\"}\n"
	if got := problemsOf(t, text); got != nil {
		t.Errorf("where replay is off: %s", strings.Join(got, "\n"))
	}
	_, err := config.Parse("c.yaml", []byte(text), environment(map[string]string{"KAFKA_REPLAY": "on"}))
	if err == nil || !strings.Contains(err.Error(), "replay_sasl: the user is missing") {
		t.Errorf("where it is on: %v", err)
	}
}

func TestSecretsArePrintedAsMasks(t *testing.T) {
	c, err := config.Parse("c.yaml", []byte("slack:\n  bot_token: ${TOKEN}\n"), environment(map[string]string{"TOKEN": "xoxb-secret-1234"}))
	if err != nil {
		t.Fatal(err)
	}
	if c.Slack.BotToken.Reveal() != "xoxb-secret-1234" {
		t.Error("the token was not read")
	}
	for _, printed := range []string{fmt.Sprint(c.Slack), fmt.Sprintf("%+v", c.Slack), fmt.Sprintf("%#v", c.Slack), c.Slack.BotToken.String()} {
		if strings.Contains(printed, "secret") {
			t.Errorf("a secret was printed: %s", printed)
		}
	}
}

func TestAValueCannotBecomeStructure(t *testing.T) {
	env := environment(map[string]string{"X": "a\nroles: {evil: {users: [U1], permissions: ['*']}}"})
	c, err := config.Parse("c.yaml", []byte("targets:\n  shop:\n    place: ${X}\n    postgres: {dsn: x}\n"), env)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Roles) != 0 {
		t.Error("an environment variable made a role")
	}
}

// FuzzParse: any file is read or refused; it never panics, and a refusal is
// never empty.
func FuzzParse(f *testing.F) {
	f.Add(string(config.Example()))
	f.Add(good)
	f.Add("checks: [1, 2]")
	f.Add("checks: {a: {kind: rows, table: [x]}}")
	f.Add("a: &a [*a]")
	f.Add("? {x: y}\n: z")
	f.Add("slack: !!binary abc")
	f.Fuzz(func(t *testing.T, text string) {
		env := environment(nil)
		env.ReadFile = func(string) ([]byte, error) { return nil, os.ErrNotExist }
		if _, err := config.Parse("c.yaml", []byte(text), env); err != nil && err.Error() == "" {
			t.Error("refused without a reason")
		}
	})
}
