package app_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/pgtest"
)

// bankConfig is the config on the page docs/pgbench.md, so that the page is
// what was tested.
func bankConfig(t *testing.T, dsn string) *config.Config {
	t.Helper()
	page, err := os.ReadFile("../../docs/pgbench.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "```yaml\n")
	if !ok {
		t.Fatal("docs/pgbench.md holds no config")
	}
	text, _, _ := strings.Cut(rest, "```")
	c, err := config.Parse("docs/pgbench.md", []byte(text), config.Environment{
		LookupEnv: func(name string) (string, bool) { return dsn, name == "BANK_DSN" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func bankCheck(t *testing.T, c *config.Config, word string, full bool) (string, check.Verdict) {
	t.Helper()
	var out bytes.Buffer
	verdict, err := app.Check(t.Context(), c, app.CheckOptions{
		Word: word, Full: full, Output: "csv", Out: &out, Log: slog.New(slog.DiscardHandler), Version: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), verdict
}

func TestPgbenchFromConfigAlone(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgbench := func(ctx context.Context, args ...string) *exec.Cmd {
		dir, _, err := pgproc.Find(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return exec.CommandContext(ctx, filepath.Join(dir, "pgbench"), append(args, dsn)...)
	}
	if out, err := pgbench(t.Context(), "-i", "-q", "-s", "3").CombinedOutput(); err != nil {
		t.Fatalf("pgbench -i: %v\n%s", err, out)
	}
	c := bankConfig(t, dsn)
	// As long as two runs take on a busy machine, where a polite one rests much; not as fast as it can, which would take
	// the cores from the checks and from everything that is tested beside them.
	loading, enough := context.WithCancel(t.Context())
	load := pgbench(loading, "-n", "-c", "4", "-R", "400", "-T", "300")
	if err := load.Start(); err != nil {
		t.Fatal(err)
	}
	runs := 0
	for end, full := time.Now().Add(10*time.Second), false; runs < 2 || time.Now().Before(end); full = !full {
		if rows, verdict := bankCheck(t, c, "bank", full); verdict != check.Pass {
			t.Errorf("while pgbench writes: %s\n%s", verdict, rows)
		}
		runs++
	}
	enough()
	if err := load.Wait(); load.ProcessState.Exited() { // and was not killed by us
		t.Errorf("pgbench ended before the checks did: %v", err)
	}
	pgtest.Exec(t, dsn, "UPDATE pgbench_branches SET bbalance = bbalance + 7 WHERE bid = 2")
	rows, verdict := bankCheck(t, c, "branch-balances", false)
	lines := strings.Split(strings.TrimSpace(rows), "\n")
	if verdict != check.Fail || len(lines) != 2 || !strings.HasPrefix(lines[1], "2,") {
		t.Errorf("one corrupted branch: %s\n%s", verdict, rows)
	}
}
