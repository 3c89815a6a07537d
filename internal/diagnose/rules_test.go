package diagnose

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// words are those that a sentence may have in braces.
func words() []string {
	return []string{"n", "of", "each", "part", "whole", "name", "says", "what", "first", "after", "onset", "lead", "check", "checks"}
}

// signals are all that rules may speak of.
func signals() []Signal {
	return []Signal{
		DeadLetters, Named, Lag, EventErrors, Unmatched, Doubled, WrongRows, WholeTable, BrokenKeys, NotValid, Checksums, FailedMoves,
		Migrations, Ended, Rollouts, ConfigEdits, Scalings, AnyChange, NewErrors, Blocked, Writers, Deadlocks, Conflicting, Stale, Expiry, Trouble,
	}
}

// TestTheTableIsWellFormed: what a compiler does not see.
func TestTheTableIsWellFormed(t *testing.T) {
	t.Parallel()
	braces := regexp.MustCompile(`\{([a-z]+)(:[a-z ]+)?\}`)
	for i, r := range rules() {
		where := fmt.Sprintf("rule %d, %s by %s", i, r.cause, r.signal)
		if !slices.Contains(Causes(), r.cause) || !slices.Contains(signals(), r.signal) || r.weight == 0 || r.says == "" {
			t.Errorf("%s: no cause, signal, weight or sentence", where)
		}
		for _, s := range []Signal{r.with, r.without} {
			if s != "" && !slices.Contains(signals(), s) {
				t.Errorf("%s: no signal %q", where, s)
			}
		}
		if r.follows != nil && r.follows.From > r.follows.To || r.follows != nil && r.undated || r.always && r.follows == nil || r.rows && r.follows == nil {
			t.Errorf("%s: its times contradict each other", where)
		}
		if strings.Count(r.says, "{") != strings.Count(r.says, "}") || strings.Count(r.says, "[") != strings.Count(r.says, "]") {
			t.Errorf("%s: braces do not match: %s", where, r.says)
		}
		for _, m := range braces.FindAllStringSubmatch(r.says, -1) {
			if !slices.Contains(words(), m[1]) {
				t.Errorf("%s: no word {%s}", where, m[1])
			}
		}
		if left := braces.ReplaceAllString(r.says, ""); strings.ContainsAny(left, "{}") {
			t.Errorf("%s: unreadable braces: %s", where, r.says)
		}
		if r.none && r.weight > 0 {
			t.Errorf("%s: what is not there speaks for nothing", where)
		}
	}
}

// TestNoRuleIsHiddenByOneBeforeIt: of one cause, signal and direction a rule without
// conditions is the last.
func TestNoRuleIsHiddenByOneBeforeIt(t *testing.T) {
	t.Parallel()
	open := map[string]string{}
	for _, r := range rules() {
		key := fmt.Sprint(r.cause, r.signal, r.weight < 0, r.none)
		if before, hidden := open[key]; hidden {
			t.Errorf("%q is never reached after %q", r.says, before)
		}
		if r.follows == nil && r.share == 0 && r.with == "" && r.without == "" && r.within == 0 && !r.undated {
			open[key] = r.says
		}
	}
}

// TestEveryRuleIsUsed by one of the situations: a rule that no situation shows
// is not known to work.
func TestEveryRuleIsUsed(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, s := range slices.Concat(quietScenes(), eventScenes(), raceScenes(), cacheScenes(), corruptionScenes(), changeScenes(), unknownScenes()) {
		for _, g := range grounds(s.world.evidence()) {
			used[g.rule.row()] = true
		}
	}
	for _, r := range rules() {
		if !used[r.row()] {
			t.Errorf("no situation shows: %s", r.row())
		}
	}
}

// TestThePageShowsTheTable: docs/diagnose.md has the rules as they are.
func TestThePageShowsTheTable(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/diagnose.md")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, r := range rules() {
		table.WriteString(r.row() + "\n")
	}
	if !strings.Contains(string(page), table.String()) {
		t.Errorf("docs/diagnose.md has another table than rules.go; it should have:\n%s", table.String())
	}
	for name, from := range map[string]int{"strong": strongFrom, "some": someFrom, "weak": weakFrom} {
		if want := fmt.Sprintf("**%s** from %d on", name, from); !strings.Contains(string(page), want) {
			t.Errorf("docs/diagnose.md does not say %q", want)
		}
	}
}

// row is the rule as a row of the page's table.
func (r rule) row() string {
	var when []string
	add := func(format string, args ...any) { when = append(when, fmt.Sprintf(format, args...)) }
	if r.none {
		add("known to be none")
	}
	if r.share > 0 {
		add("at least %.0f %%", 100*r.share)
	}
	if f := r.follows; f != nil {
		what := "something went wrong"
		if r.rows {
			what = "rows went wrong"
		}
		if r.always {
			what = "all that " + strings.Replace(what, "something ", "", 1)
			what = strings.Replace(what, "all that rows went wrong", "all rows went wrong", 1)
		}
		add("%s %s", what, f)
	}
	if r.undated {
		add("since when something is wrong is not known")
	}
	if r.within > 0 {
		add("at most %s old", length(r.within))
	}
	if r.with != "" {
		add("with %s", r.with)
	}
	if r.without != "" {
		add("known to be without %s", r.without)
	}
	return fmt.Sprintf("| %s | %s | %s | %+d |", r.cause, r.signal, strings.Join(when, ", "), r.weight)
}

func (s *span) String() string {
	switch {
	case s.From == -forever:
		return "more than " + length(-s.To) + " before it"
	case s.To == forever && s.From <= 0:
		return "after it"
	case s.To == forever:
		return "more than " + length(s.From) + " after it"
	}
	return "from " + length(-s.From) + " before to " + length(s.To) + " after it"
}

func length(d time.Duration) string {
	switch {
	case d < hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < day:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Hours()/24))
}
