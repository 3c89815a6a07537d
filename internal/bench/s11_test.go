//go:build bench

package bench

import (
	"fmt"
	"time"

	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/workspace"
)

const (
	idleTime     = 5 * time.Second
	readyGoal    = time.Second
	idleBytesMax = 60 << 20
)

// measureStart is S11: from exec to ready, and the memory of a bot that waits.
func measureStart(t *trial, b *bed) {
	server := startServer(t, pgproc.Options{Durable: true})
	t.Cleanup(server.Stop)
	env := b.store(t, server)
	slack := newWorkspace(t, env)
	var took []time.Duration
	var idle int64
	for range b.starts {
		c, ready := b.bot(t, env)
		took = append(took, ready)
		time.Sleep(idleTime)
		idle = max(idle, memory(c.cmd.Process.Pid, "VmRSS"))
		c.stop()
	}
	theirs := noNode
	if dir := installBolt(t); dir != "" {
		peer, ready := startBolt(t, dir, slack)
		time.Sleep(idleTime)
		theirs = fmt.Sprintf("Bolt for JavaScript, which keeps nothing: %s, idle %s", seconds(ready), megabytes(memory(peer.cmd.Process.Pid, "VmRSS")))
		peer.stop()
	}
	b.note("S11", "`integritybot run` as a process of its own, from exec until `/readyz` answers 200 (Slack's `hello` seen, the store answers): %s. "+
		"Resident memory %s after ready, the highest of all starts.", rounded(took), idleTime)
	t.measured(row{
		ID: "S11", Work: fmt.Sprintf("start → ready, store migrated, median of %d", b.starts),
		Ours: fmt.Sprintf("%s, idle %s", seconds(median(took)), megabytes(idle)), Theirs: theirs,
		Goal: "≤ 1 s; ≤ 60 MB", Met: verdict(median(took) <= readyGoal && idle > 0 && idle <= idleBytesMax),
	})
}

// newWorkspace is a simulated workspace without rate limits; env gets its address and tokens.
func newWorkspace(t *trial, env map[string]string) *workspace.Workspace {
	t.Helper()
	w, err := app.DemoWorkspace(workspace.Options{Rates: workspace.RatesOff, Limits: workspace.Limits{Journal: 5_000_000}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Listen(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	env["SLACK_APP_TOKEN"], env["SLACK_BOT_TOKEN"], env["SLACK_API_URL"] = w.AppToken(), w.BotToken(), w.APIURL()
	return w
}
