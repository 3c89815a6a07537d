//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/integritybot/integritybot/internal/workspace"
)

// noNode stands in the table where the other side cannot run.
const noNode = "not measured: node and npm are not installed"

// installBolt puts the Bolt app with its packages into the user's cache, once; "" without node and npm.
func installBolt(t *trial) string {
	t.Helper()
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			return ""
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	const lock = "package-lock.json"
	dir, source := filepath.Join(cache, "integritybot", "slack-bolt-ack"), filepath.Join(root(), "deploy", "peers", "slack-bolt-ack")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	old, _ := os.ReadFile(filepath.Join(dir, lock)) // missing the first time
	fresh := old
	for _, name := range []string{"package.json", lock, "app.mjs"} {
		content, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
		if name == lock {
			fresh = content
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@slack", "bolt")); err == nil && bytes.Equal(old, fresh) {
		return dir
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	run(ctx, t, dir, nil, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
	return dir
}

// startBolt starts the app and waits for Slack's hello.
func startBolt(t *trial, dir string, slack *workspace.Workspace) (*child, time.Duration) {
	t.Helper()
	env := map[string]string{
		"SLACK_APP_TOKEN": slack.AppToken(), "SLACK_BOT_TOKEN": slack.BotToken(), "SLACK_API_URL": slack.APIURL(), "NODE_ENV": "production",
	}
	var out io.ReadCloser
	c := begin(t, env, func(cmd *exec.Cmd) {
		cmd.Dir = dir
		var err error
		if out, err = cmd.StdoutPipe(); err != nil {
			t.Fatal(err)
		}
		if _, err = cmd.StdinPipe(); err != nil { // it ends with us
			t.Fatal(err)
		}
	}, "node", "app.mjs")
	said := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(out)
		said <- lines.Scan() && lines.Text() == "ready"
	}()
	select {
	case ok := <-said:
		if ok {
			return c, time.Since(c.began)
		}
	case <-time.After(time.Minute):
	}
	c.stop()
	t.Fatalf("the Bolt app did not get ready: %s", tail(c.errors.String()))
	return nil, 0
}
