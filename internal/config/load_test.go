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
