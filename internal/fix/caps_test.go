package fix_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

var usual = fix.Caps{Rows: 10_000, Share: 0.05}

func TestCaps(t *testing.T) {
	for _, tt := range []struct {
		name      string
		caps      fix.Caps
		found, of int64
		refused   string
	}{
		{"few", usual, 30, 3_000_000, ""},
		{"exactly max_rows", usual, 10_000, 3_000_000, ""},
		{"one over max_rows", usual, 10_001, 3_000_000, "10,001 failing rows are more than one plan may repair: max_rows of this fix is 10,000. Repair fewer with --limit 10000, or raise max_rows in the config."},
		{"exactly the share", usual, 100, 2_000, ""},
		{"over the share", usual, 200, 2_000, "200 failing rows are 10 % of the 2,000 in their table; max_share of this fix is 5 %, which is 100. So many at once often mean that something else is wrong: look for the cause first. Repair fewer with --limit 100, or raise max_share in the config."},
		{"all of a small table", usual, 50, 50, ""},
		{"51 of a small table", usual, 51, 51, "--limit 50"},
		{"half an odd share", fix.Caps{Rows: 10_000, Share: 0.29}, 290, 1_000, ""},
		{"max_rows below the always", fix.Caps{Rows: 10, Share: 1}, 11, 100, "max_rows of this fix is 10. Repair fewer with --limit 10,"},
		{"caps that nobody set", fix.Caps{}, 1, 100, "max_rows of this fix is 0. Repair them by hand, or raise max_rows"},
		{"nothing", fix.Caps{}, 0, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			expectProblem(t, tt.caps.Check(tt.found, tt.of), tt.refused)
		})
	}
}

func expectProblem(t *testing.T, err error, want string) {
	t.Helper()
	var p *check.Problem
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && !errors.As(err, &p):
		t.Errorf("%v is no problem with a sentence", err)
	case want != "" && !strings.Contains(p.Sentence, want):
		t.Errorf("says %q\nwant %q", p.Sentence, want)
	}
}

// TestTheLimitThatIsOfferedWorks: whatever is refused, the limit that its
// sentence offers is allowed, and one more is not.
func TestTheLimitThatIsOfferedWorks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		caps := fix.Caps{Rows: rapid.Int64Range(0, 100_000).Draw(t, "rows"), Share: rapid.Float64Range(0, 1).Draw(t, "share")}
		of := rapid.Int64Range(0, 1<<40).Draw(t, "of")
		most := caps.Most(of)
		if caps.Check(most, of) != nil || caps.Check(most+1, of) == nil {
			t.Errorf("%d of %d: %v; one more: %v", most, of, caps.Check(most, of), caps.Check(most+1, of))
		}
		if most > caps.Rows || most < min(caps.Rows, fix.AlwaysRows) {
			t.Errorf("%d of %d with max_rows %d", most, of, caps.Rows)
		}
	})
}

func TestLimit(t *testing.T) {
	for n, want := range map[int]string{
		1: "", 10_000: "",
		0:         "A limit of 0 would repair nothing: give a number from 1 to 10,000, or leave --limit out to repair all.",
		-5:        "A limit of -5 would repair nothing",
		10_001:    "max_rows of this fix is 10,000",
		1_000_000: "A limit of 1,000,000 is more than one plan may repair: max_rows of this fix is 10,000.",
	} {
		expectProblem(t, usual.Limit(n), want)
	}
}

func TestSecond(t *testing.T) {
	for _, tt := range []struct {
		name  string
		draft fix.Draft
		rules fix.Rules
		want  bool
		why   string
	}{
		{"few", fix.Draft{Rows: 30, Total: 148}, fix.Rules{SecondOver: 500}, false, ""},
		{"exactly", fix.Draft{Rows: 500, Total: 500}, fix.Rules{SecondOver: 500}, false, ""},
		{"one over", fix.Draft{Rows: 501, Total: 501}, fix.Rules{SecondOver: 500}, true, "over 500 rows"},
		{"few rows with many dependants", fix.Draft{Rows: 30, Total: 1_200}, fix.Rules{SecondOver: 500}, true, "over 500 rows"},
		{"a total that was forgotten", fix.Draft{Rows: 501}, fix.Rules{SecondOver: 500}, true, "over 500 rows"},
		{"any", fix.Draft{Rows: 1, Total: 1}, fix.Rules{}, true, "every change by this fix needs a second person"},
		{"always", fix.Draft{Rows: 1, Total: 1}, fix.Rules{SecondOver: 500, Ways: map[string]fix.Way{"flush": {Second: "a flush always needs a second person"}}}, true, "a flush always needs a second person"},
		{"thousands", fix.Draft{Rows: 5_000, Total: 5_000}, fix.Rules{SecondOver: 2_000}, true, "over 2,000 rows"},
	} {
		if got, why := fix.Second(tt.draft, tt.rules, tt.rules.Ways["flush"]); got != tt.want || why != tt.why {
			t.Errorf("%s: %v, %q", tt.name, got, why)
		}
	}
}

func TestNothing(t *testing.T) {
	left := []fix.Left{{Rows: 2, Why: "their other columns differ"}}
	for _, tt := range []struct {
		name  string
		draft fix.Draft
		want  string
	}{
		{"something", fix.Draft{Rows: 1, Total: 1, Left: left}, ""},
		{"a constraint to validate", fix.Draft{Total: 1}, ""},
		{"nothing", fix.Draft{}, "Orphaned orders: nothing is wrong any more, so there is nothing to fix."},
		{"only what is left alone", fix.Draft{Found: 2, Left: left}, "Orphaned orders: nothing that this fix may change. What is wrong is left alone, for the reasons given."},
	} {
		if got := fix.Nothing("Orphaned orders", tt.draft); got != tt.want {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}

func TestRefs(t *testing.T) {
	for in, want := range map[string]int64{"P-77": 77, "p-77": 77, "77": 77} {
		if got, err := fix.ParseRef(in); err != nil || got != want {
			t.Errorf("%q: %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "P-", "P-0", "P--1", "-5", "R-77", "P-77/x", "P-9223372036854775808", "P-1e3", "P-７"} {
		if got, err := fix.ParseRef(in); err == nil {
			t.Errorf("%q is plan %d", in, got)
		}
	}
	if got, err := fix.ParseRef(" P-1\t"); err != nil || got != 1 {
		t.Errorf("with blanks: %d, %v", got, err)
	}
	if !fix.IsRef("p-77") || fix.IsRef("R-77") || fix.IsRef("77") {
		t.Error("IsRef")
	}
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.Int64Min(1).Draw(t, "id")
		if got, err := fix.ParseRef(fix.Order{ID: id}.Ref()); err != nil || got != id {
			t.Errorf("%d came back as %d, %v", id, got, err)
		}
	})
}
