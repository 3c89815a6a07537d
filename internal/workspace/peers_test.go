//go:build peers

package workspace_test

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/workspace"
)

// TestOfficialNodeClients certifies the simulator with Slack's own clients. It
// needs node, npm and a package registry; its packages are kept in the user's
// cache directory.
func TestOfficialNodeClients(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	dir := installNodeClients(ctx, t)
	f := newFixture(t, func(o *workspace.Options) {
		o.Clock = workspace.RealClock{}
		o.Timing.Ping = time.Second
	})
	run := exec.CommandContext(ctx, "node", "certify.mjs")
	run.Dir = dir
	run.Env = append(os.Environ(), "SLACK_API_URL="+f.APIURL(), "SLACK_BOT_TOKEN="+f.BotToken(), "SLACK_APP_TOKEN="+f.AppToken(),
		"SIM_AS="+f.alice, "SIM_CHANNEL="+f.channel)
	out, err := run.CombinedOutput()
	steps := 0
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		t.Log(lines.Text())
		if strings.HasPrefix(lines.Text(), "ok - ") {
			steps++
		}
	}
	if err != nil {
		t.Fatalf("the official clients failed after %d steps: %v", steps, err)
	}
	if steps < 15 {
		t.Fatalf("only %d steps were certified", steps)
	}
}

// installNodeClients copies the script beside its installed packages.
func installNodeClients(ctx context.Context, t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "integritybot", "slack-node")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	source := filepath.Join("..", "..", "deploy", "peers", "slack-node")
	lock := "package-lock.json"
	old, _ := os.ReadFile(filepath.Join(dir, lock)) // missing the first time
	for _, name := range []string{"package.json", lock, "certify.mjs"} {
		content, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
		_, missing := os.Stat(filepath.Join(dir, "node_modules", "@slack", "bolt"))
		if name == lock && missing == nil && bytes.Equal(old, content) {
			continue // installed before
		}
		if name == lock {
			install := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
			install.Dir = dir
			if out, err := install.CombinedOutput(); err != nil {
				t.Fatalf("npm ci: %v\n%s", err, out)
			}
		}
	}
	return dir
}
