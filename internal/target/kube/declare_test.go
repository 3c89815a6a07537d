package kube

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/fix"
)

// TestDeclarationsThatAreWrong: every mistake, at its line.
func TestDeclarationsThatAreWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kind, words, fix string
		says                   []string
	}{
		{"no deployment", "writers", `{}`, "", []string{"deployments is missing"}},
		{"a deployment without a name", "writers", `{deployments: [{container: app}]}`, "", []string{"number 1 has no name"}},
		{"a name that cannot be", "writers", `{deployments: [{name: Back_End}]}`, "", []string{`"Back_End" cannot be the name of a deployment`}},
		{"twice the same", "writers", `{deployments: [{name: a}, {name: a}]}`, "", []string{"a is there twice"}},
		{"an unknown word", "writers", `{deployments: [{name: a}], replicas: 3}`, "", []string{"replicas"}},
		{"an unknown word inside", "writers", `{deployments: [{name: a, readonly: {}}]}`, "", []string{"readonly"}},
		{"no variable", "writers", `{deployments: [{name: a, read_only: {on: "true"}}]}`, "", []string{"read_only of a needs env"}},
		{"a variable that cannot be", "writers", `{deployments: [{name: a, read_only: {env: READ-ONLY, on: "true"}}]}`, "", []string{`"READ-ONLY" cannot be the name of a variable`}},
		{"no value", "writers", `{deployments: [{name: a, read_only: {env: RO}}]}`, "", []string{"read_only of a needs on"}},
		{"on is off", "writers", `{deployments: [{name: a, read_only: {env: RO, on: "1", off: "1"}}]}`, "", []string{"on and off are the same"}},
		{"settle", "writers", `{deployments: [{name: a}], settle: 2h}`, "", []string{"settle is 2h0m0s: it must be above 0 and at most an hour"}},
		{"watch", "writers", `{deployments: [{name: a}]}`, `{mode: scale, watch: 0s}`, []string{"watch is 0s: it must be above 0 and at most an hour"}},
		{"a mode that nothing is told", "writers", `{deployments: [{name: a}]}`, `{modes: [scale]}`, []string{"mode allows read-only, and no deployment says with read_only how it is told"}},
		{"a mode that is none", "writers", `{deployments: [{name: a}]}`, `{mode: delete}`, []string{"mode is", "delete"}},
		{"no template", "restore", `{}`, "", []string{"cron_job and config_map are missing"}},
		{"two templates", "restore", `{cron_job: a, config_map: {name: a, key: b}}`, "", []string{"config_map and cron_job are both given"}},
		{"half a template", "restore", `{config_map: {name: a}}`, "", []string{"config_map needs name and key"}},
		{"no variables", "restore", `{cron_job: a, env: {}}`, "", []string{"env names no variable"}},
		{"a variable with a space", "restore", `{cron_job: a, env: {date: "A B"}}`, "", []string{`"A B" cannot be the name of a variable`}},
		{"a placeholder that is none", "restore", `{cron_job: a, args: ["{date}", "{hour}"]}`, "", []string{"there is no {hour}; there are {date}, {time} and {at}"}},
		{"no placeholder", "restore", `{cron_job: a, args: [x]}`, "", []string{"args has none of {date}, {time} and {at}"}},
		{"watch of a restore", "restore", `{cron_job: a}`, `{watch: 1s}`, []string{"watch"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, err := Declare(c.kind, node(t, c.words))
			if c.fix != "" {
				if err != nil {
					t.Fatal(err)
				}
				_, err = DeclareFix(c.kind, d, node(t, c.fix))
			}
			if err == nil {
				t.Fatal("it is taken")
			}
			contains(t, err.Error(), append(c.says, "line 1: ")...)
		})
	}
}

// TestDeclarationsOfUnknownKinds name those that there are.
func TestDeclarationsOfUnknownKinds(t *testing.T) {
	t.Parallel()
	_, err := Declare("writer", node(t, `{}`))
	if err == nil || !strings.Contains(err.Error(), "did you mean writers? The kinds are writers, restore.") {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff([]string{"writers", "restore"}, Kinds()); diff != "" {
		t.Error(diff)
	}
}

// TestWhatTheWaysAskFor: stopping writes and restoring take two people and a right
// of their own.
func TestWhatTheWaysAskFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, words, fix string
		want             map[string]fix.Way
		back             fix.Way
	}{
		{"writers", `{deployments: [{name: a, read_only: {env: RO, on: "1"}}]}`, `{modes: [scale, resume]}`, map[string]fix.Way{
			"read-only": {Right: "writes:stop", Second: "stopping writes always needs a second person"},
			"scale":     {Right: "writes:stop", Second: "stopping writes always needs a second person"},
			"resume":    {Right: "writes:resume"},
		}, fix.Way{Right: "writes:resume"}},
		{"restore", `{cron_job: a}`, `{}`, map[string]fix.Way{"restore": {Right: "restore:run", Second: "a restore always needs a second person"}}, fix.Way{}},
	} {
		d, err := Declare(c.kind, node(t, c.words))
		if err != nil {
			t.Fatal(err)
		}
		f, err := DeclareFix(c.kind, d, node(t, c.fix))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, f.Rules().Ways); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.kind, diff)
		}
		declared := fix.Declared{Rules: f.Rules()}
		if got := declared.Way(fix.Order{Undoes: 77}); got != c.back {
			t.Errorf("%s: taking a plan back asks for %+v, want %+v", c.kind, got, c.back)
		}
		for _, mode := range f.Planner(nil, checkOf()).Modes() {
			if _, known := c.want[mode]; !known {
				t.Errorf("%s is a way without a rule", mode)
			}
		}
	}
}
