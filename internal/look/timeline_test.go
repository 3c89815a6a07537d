package look_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func asked() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

func at(hour, minute int) time.Time { return time.Date(2026, 11, 21, hour, minute, 0, 0, time.UTC) }

// annals is a Chronicler that knows what it knows, however often it is asked.
type annals struct {
	changes []look.Change
	missing []string
	err     error
	hangs   bool
}

func (a annals) Changes(ctx context.Context, _ time.Time) ([]look.Change, []string, error) {
	if a.hangs {
		<-ctx.Done()
		return nil, nil, ctx.Err()
	}
	return a.changes, a.missing, a.err
}

// stories of a cluster and a database.
func rollout41() look.Change {
	return look.Change{
		At: at(9, 59), Kind: look.Rollout, What: "deployment/ecommerce-backend", Says: "rollout 41: image 1.8.2 → 1.8.3, and 1 more", Who: "client kubectl-set",
		Differences: []string{"image 1.8.2 → 1.8.3", "env DB_PASSWORD added: •••"}, Place: "production",
	}
}

func cluster() annals {
	return annals{changes: []look.Change{
		rollout41(),
		{At: at(11, 0), Kind: look.Scaling, What: "deployment/ecommerce-backend", Says: "scaled from 3 to 0 pods: nothing runs", Who: "client kubectl"},
		{At: at(8, 0), Kind: look.ConfigEdit, What: "configmap/ecommerce-config", Says: "edited: key MAX_STOCK", Who: "client kubectl-edit", Differences: []string{"only the audit log tells who"}},
	}}
}

func database() annals {
	return annals{changes: []look.Change{
		{At: at(9, 42), Kind: look.Migration, What: "flyway_schema_history", Says: "migration V57: recompute totals", Who: "user flyway"},
		{At: at(11, 30), Kind: look.Migration, What: "flyway_schema_history", Says: "migration V58: drop index", Who: "user flyway", Failed: true},
	}}
}

func silent(check.Progress) {}

func sources(c, d look.Chronicler) []look.Source {
	return []look.Source{{Place: "production", Chronicler: c}, {Place: "production/shop", Chronicler: d}}
}

// TestOneTimeLineOfAllSources: golden texts of what stands in the channel and in
// its thread.
func TestOneTimeLineOfAllSources(t *testing.T) {
	t.Parallel()
	late := rollout41()
	late.At, late.Failed, late.Says = at(11, 50), true, "rollout 42: image 1.8.3 → 1.8.4; it does not finish, 1 of 3 new pods are there"
	for name, tt := range map[string]struct {
		c, d look.Chronicler
		q    look.Question
	}{
		"first-bad-known":     {cluster(), database(), look.Question{FirstBad: at(10, 2)}},
		"shared-channel":      {cluster(), database(), look.Question{FirstBad: at(10, 2), NoRows: true}},
		"nothing-before":      {annals{changes: []look.Change{late}}, annals{}, look.Question{FirstBad: at(10, 2)}},
		"first-bad-not-known": {cluster(), database(), look.Question{}},
		"nothing-changed":     {annals{}, annals{}, look.Question{Since: time.Hour}},
		"not-all-seen":        {annals{missing: []string{"Edits of config map ecommerce-config: no permission to read; ask for `get configmaps` in namespace production."}}, annals{err: &check.Problem{Sentence: "Postgres production/shop did not answer in 5 s."}}, look.Question{FirstBad: at(10, 2)}},
		"before-everything":   {cluster(), annals{}, look.Question{FirstBad: at(7, 0)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.q.At = asked()
			report, err := look.TimeLine(sources(tt.c, tt.d)).Look(t.Context(), tt.q, silent)
			if err != nil {
				t.Fatal(err)
			}
			text := report.Head.PlainText()
			for _, d := range report.Thread {
				text += "== " + d.Name + "\n" + d.Message.PlainText()
			}
			text += "== facts\n"
			for _, f := range report.Facts {
				text += fmt.Sprintf("%s | %s | %s | %s\n", f.At.Format("15:04"), f.Kind, f.Subject, f.Says)
			}
			golden(t, name, text)
		})
	}
}

// golden compares with a file; make golden writes it anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// TestMoreChangesThanAreShownAreCounted, with the first bad row among them.
func TestMoreChangesThanAreShownAreCounted(t *testing.T) {
	t.Parallel()
	var many annals
	for i := range 70 {
		many.changes = append(many.changes, look.Change{At: at(2, i%60).Add(time.Duration(i/60) * time.Hour), Kind: look.ConfigEdit, What: fmt.Sprintf("configmap/c%d", i), Says: "edited: key a", Differences: []string{strings.Repeat("x", 500)}})
	}
	report, err := look.TimeLine(sources(many, annals{})).Look(t.Context(), look.Question{At: asked(), FirstBad: at(2, 59)}, silent)
	if err != nil {
		t.Fatal(err)
	}
	table := report.Head.Parts[0].Table
	if len(table.Rows) != 51 || table.Total != 71 || !strings.HasPrefix(table.Rows[10][1], "— first bad row, under 1 min after edited") {
		t.Errorf("%d rows of %d: %q", len(table.Rows), table.Total, table.Rows[10])
	}
	if len(report.Facts) != 70 || len(report.Thread) != 1 || len(report.Thread[0].Message.Parts) != 21 {
		t.Errorf("%d facts, %d details", len(report.Facts), len(report.Thread[0].Message.Parts))
	}
}

// TestHowFarBackIsLooked: a day, or from before the first bad row, or as asked.
func TestHowFarBackIsLooked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		q    look.Question
		want time.Time
	}{
		"a day":                    {look.Question{}, asked().Add(-24 * time.Hour)},
		"as asked":                 {look.Question{Since: time.Hour, FirstBad: asked().Add(-50 * time.Hour)}, asked().Add(-time.Hour)},
		"to before the first row":  {look.Question{FirstBad: asked().Add(-50 * time.Hour)}, asked().Add(-51 * time.Hour)},
		"the first row is younger": {look.Question{FirstBad: asked().Add(-time.Hour)}, asked().Add(-24 * time.Hour)},
	} {
		var got time.Time
		tt.q.At = asked()
		_, err := look.TimeLine([]look.Source{{Place: "p", Chronicler: remembering{&got}}}).Look(t.Context(), tt.q, silent)
		if err != nil || !got.Equal(tt.want) {
			t.Errorf("%s: %s, want %s (%v)", name, got, tt.want, err)
		}
	}
}

type remembering struct{ since *time.Time }

func (r remembering) Changes(_ context.Context, since time.Time) ([]look.Change, []string, error) {
	*r.since = since
	return nil, nil, nil
}

// TestASourceThatHangsCostsItself: the others are shown, in time.
func TestASourceThatHangsCostsItself(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	report, err := look.TimeLine(sources(cluster(), annals{hangs: true})).Look(ctx, look.Question{At: asked()}, silent)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"production/shop did not say in 1s what was changed."}, report.Missing); diff != "" || len(report.Facts) != 3 {
		t.Error(diff)
	}
}

// TestNoSourceAnsweringIsAProblem that says of each why.
func TestNoSourceAnsweringIsAProblem(t *testing.T) {
	t.Parallel()
	refused := func(s string) annals { return annals{err: &check.Problem{Sentence: s, Err: errors.New("refused")}} }
	for name, tt := range map[string]struct {
		sources []look.Source
		want    string
	}{
		"none":        {nil, "Nothing is in the config that knows what was changed: no Kubernetes, and no database with migrations."},
		"both failed": {sources(refused("Kubernetes is down."), refused("Postgres is down.")), "Kubernetes is down. Postgres is down."},
	} {
		_, err := look.TimeLine(tt.sources).Look(t.Context(), look.Question{At: asked()}, silent)
		var p *check.Problem
		if !errors.As(err, &p) || p.Sentence != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	_, err := look.TimeLine(sources(annals{hangs: true}, annals{hangs: true})).Look(ctx, look.Question{At: asked()}, silent)
	if !errors.Is(err, stopped) {
		t.Errorf("stopped by hand: %v", err)
	}
}

// TestAFailedChangeIsOneForADiagnosis: by a word of its own, and not by how it is
// worded, and its line says so however long its details are.
func TestAFailedChangeIsOneForADiagnosis(t *testing.T) {
	t.Parallel()
	changes := annals{changes: []look.Change{
		{At: at(9, 0), Kind: look.Migration, What: "schema public", Says: "migration V57: " + strings.Repeat("long ", 100), Who: "user flyway", Failed: true},
		{At: at(10, 0), Kind: look.Migration, What: "schema public", Says: "migration V58: drop payments, failed", Who: "user flyway"},
	}}
	report, err := look.TimeLine([]look.Source{{Place: "production/shop", Chronicler: changes}}).Look(t.Context(), look.Question{At: asked()}, silent)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, f := range report.Facts {
		name, _, _ := strings.Cut(f.Says, " (")
		got[name] = f.Failed
	}
	if diff := cmp.Diff(map[string]bool{"migration V57 by user flyway, failed": true, "migration V58 by user flyway": false}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
