package diagnose

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMessages(t *testing.T) {
	story := func() *world {
		return situation(rollout(ago(2*hour+3*time.Minute)), migration(ago(2*hour+23*time.Minute)), letters(412, ago(2*hour), ago(5*time.Minute)),
			fails("orphaned-orders", 30, ago(2*hour-3*time.Minute), ago(20*time.Minute)), overlapping("orphaned-orders", 28),
			partly(Changes, "changes", "Changes: config map (no permission to read; ask for get configmaps in namespace production)."),
			func(w *world) { w.check("order-totals").run = 1042 })
	}
	for name, w := range map[string]*world{
		"failed-events": story(),
		"race": situation(fails("order-totals", 60, ago(3*hour), ago(30*time.Minute)), locksFail(3),
			sees(Races, look.Fact{Kind: look.Blocked, Subject: "pid 4711 (checkout)", Count: 3, Of: 40, At: ago(2 * time.Minute), Says: "pid 4711 (checkout), idle in transaction for 4 min, blocks 3 others, the longest for 2 min"},
				look.Fact{Kind: look.Writers, Subject: "orders", Count: 5, Of: 40, Says: "5 sessions write to orders at once"}),
			sees(Scope, look.Fact{Kind: look.LogErrors, Subject: "could not serialize access due to concurrent update", Count: 77, At: ago(hour), Says: "77 log lines of “could not serialize access due to concurrent update” in 3 of 12 pods"})),
		"nothing":  situation(rollout(ago(20 * hour))),
		"no-cause": situation(fails("negative-totals", 12, ago(9*hour), ago(8*hour)), mute("customer-cache", "Redis production/cache did not answer in 5 s."), off(Races)),
		"shared":   shared(story()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, filepath.Join("testdata", name+".txt"), all(w.reporter().report()))
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got; if meant: go test ./internal/diagnose -update\n%s", diff)
	}
}

// TestButtonsAreOnlyForWhatIsDeclared and for what failed.
func TestButtonsAreOnlyForWhatIsDeclared(t *testing.T) {
	t.Parallel()
	w := situation(letters(412, ago(2*hour), ago(5*time.Minute)), fails("orphaned-orders", 30, ago(2*hour), ago(hour)))
	r := w.reporter()
	equal(t, []message.Action{{Verb: "fix", Ref: "failed-events", Label: "Preview replay", Style: message.Primary}}, r.actions(r.diagnosis.named()[0], true))
	r.fixes = nil
	equal(t, []message.Action(nil), r.actions(r.diagnosis.named()[0], true))
	equal(t, []message.Action{{Verb: "changes", Label: "Show changes", Style: message.Primary}}, r.actions(weighed{cause: RecentChange}, true))
	equal(t, []message.Action{{Verb: "diagnose", Ref: "orders", Label: "Run again"}}, r.report().Head.Actions)
}

// labels of buttons, with what they ask for.
func labels(of []message.Action) []string {
	out := []string{}
	for _, a := range of {
		out = append(out, strings.TrimSpace(a.Label+" = "+a.Verb+" "+a.Ref))
	}
	return out
}

// TestButtonsAreOnesThatAreNotRefused: each names the check that is meant, and there is
// none where nothing can be applied, or in a channel shared with others.
func TestButtonsAreOnesThatAreNotRefused(t *testing.T) {
	t.Parallel()
	second := check.Check{Name: "blocked-b", Title: "Blocked B", Domain: "locks", Kind: kindLocks}
	twoLocks := func(w *world) {
		w.at(Races).findings = append(w.at(Races).findings, judged{of: second, Finding: check.Finding{Check: second.Name, Verdict: check.Pass}})
	}
	for name, c := range map[string]struct {
		world *world
		fixes func(fix.Catalog)
		of    weighed
		want  []string
	}{
		"one check of locks":                    {world: situation(), of: weighed{cause: Race}, want: []string{"Show locks = locks blocked-sessions"}},
		"two of them, and nobody waits":         {world: situation(twoLocks), of: weighed{cause: Race}, want: []string{}},
		"two of them, and one found somebody":   {world: situation(twoLocks, locksFail(3)), of: weighed{cause: Race}, want: []string{"Show locks = locks blocked-sessions", "Preview cancel = fix blocked-sessions"}},
		"no check of locks":                     {world: situation(off(Races)), of: weighed{cause: Race}, want: []string{}},
		"writers that are stopped by their fix": {world: situation(), of: weighed{cause: RecentChange}, want: []string{"Show changes = changes", "Preview stopping writes = fix writers"}},
		"two checks of writers": {
			world: situation(), of: weighed{cause: RecentChange},
			fixes: func(f fix.Catalog) {
				other := f["writers"]
				other.Check.Name, other.Check.Title = "batch", "Batch"
				f["batch"] = other
			},
			want: []string{"Show changes = changes", "Preview stopping writes: Batch = fix batch", "Preview stopping writes: Writers = fix writers"},
		},
		"a fix of writers that lets them write": {
			world: situation(), of: weighed{cause: RecentChange},
			fixes: func(f fix.Catalog) {
				one := f["writers"]
				one.Planner = planner{modes: []string{"resume"}}
				f["writers"] = one
			},
			want: []string{"Show changes = changes"},
		},
		"fixes that are off": {
			world: situation(fails("orphaned-orders", 30, ago(hour), ago(hour))), of: weighed{cause: Corruption},
			fixes: func(f fix.Catalog) {
				one := f["orphaned-orders"]
				one.Applier = nil
				f["orphaned-orders"] = one
			},
			want: []string{"How to prevent = prevent orphaned-orders"},
		},
		"data in a shared channel":   {world: shared(situation(fails("orphaned-orders", 30, ago(hour), ago(hour)))), of: weighed{cause: Corruption}, want: []string{}},
		"events in a shared channel": {world: shared(situation(letters(4, ago(hour), ago(hour)))), of: weighed{cause: FailedEvents}, want: []string{}},
		"changes in a shared channel": {
			world: shared(situation()), of: weighed{cause: RecentChange}, want: []string{"Show changes = changes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := c.world.reporter()
			if c.fixes != nil {
				c.fixes(r.fixes)
			}
			equal(t, c.want, labels(r.actions(c.of, false)))
		})
	}
}

// TestTheAuditTrailKeepsWhatItCameTo.
func TestTheAuditTrailKeepsWhatItCameTo(t *testing.T) {
	t.Parallel()
	w := situation(letters(412, ago(2*hour), ago(5*time.Minute)), fails("orphaned-orders", 30, ago(2*hour-3*time.Minute), ago(20*time.Minute)),
		mute("customer-cache", "Redis production/cache did not answer in 5 s."))
	equal(t, map[string]string{
		"causes": "failed events (strong)", "not_known": "Customer cache: Redis production/cache did not answer in 5 s.",
		"steps": "scope PASS, data FAIL, events FAIL, cache UNKNOWN, changes SEEN, races PASS",
		"checks": "orphaned-orders FAIL, order-totals PASS, order-payments PASS, duplicate-emails PASS, negative-totals PASS, foreign-keys PASS, " +
			"consumer-lag PASS, failed-events FAIL, customer-cache UNKNOWN, blocked-sessions PASS",
	}, w.reporter().report().Outcome)
	nothing := situation().reporter().report().Outcome
	equal(t, "none named", nothing["causes"])
	equal(t, "", nothing["not_known"])
}

// TestEveryVerbIsAWord that a button can carry, and every detail has its own name.
func TestEveryVerbIsAWord(t *testing.T) {
	t.Parallel()
	word, name := regexp.MustCompile(`^[a-z]+$`), regexp.MustCompile(`^[a-z-]+$`)
	for _, s := range slices.Concat(eventScenes(), raceScenes(), cacheScenes(), corruptionScenes(), changeScenes(), unknownScenes()) {
		report := s.world.reporter().report()
		actions := report.Head.Actions
		for _, p := range report.Head.Parts {
			actions = append(actions, p.Actions...)
		}
		for _, a := range actions {
			if !word.MatchString(a.Verb) || a.Label == "" {
				t.Errorf("%s: %+v", s.name, a)
			}
		}
		seen := map[string]bool{}
		for _, d := range report.Thread {
			if !name.MatchString(d.Name) || seen[d.Name] {
				t.Errorf("%s: detail %q", s.name, d.Name)
			}
			seen[d.Name] = true
		}
	}
}
