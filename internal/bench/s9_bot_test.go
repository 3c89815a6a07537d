//go:build bench

package bench

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/workspace"
)

// botLooked is how the whole bot did what somebody asked for in Slack.
type botLooked struct {
	took         []time.Duration // from the command to the report in the channel
	before, peak int64           // bytes of resident memory: when it was ready, and at most
	file         int64           // of before: pages of the binary, which the kernel may drop and read again
}

// askBot asks the product itself, as people do, as often as the other sides and once to warm up.
func (l *podLogs) askBot(t *trial, b *bed) (did botLooked) {
	t.Helper()
	store := startServer(t, pgproc.Options{Durable: true})
	t.Cleanup(store.Stop)
	env := b.store(t, store)
	slack := newWorkspace(t, env)
	env["KUBECONFIG"] = l.pods.Kubeconfig
	bot, _ := b.bot(t, env)
	did.before, did.file = memory(bot.cmd.Process.Pid, "VmHWM"), memory(bot.cmd.Process.Pid, "RssFile")
	for range b.looks + 1 {
		began := time.Now()
		reports := l.reports(t, slack)
		if _, err := slack.Say(alice, incident, "", "/integrity logs --since "+asked.String()); err != nil {
			t.Fatal(err)
		}
		for l.reports(t, slack) == reports {
			if time.Since(began) > lookWithin {
				t.Fatalf("the bot did not report %q in %s; it says: %s", l.headline(), lookWithin, lastWords(t, slack))
			}
			time.Sleep(2 * time.Millisecond)
		}
		did.took = append(did.took, time.Since(began))
	}
	did.took = did.took[1:]
	did.peak = memory(bot.cmd.Process.Pid, "VmHWM")
	bot.stop()
	return did
}

// headline is what a report has to say: every line was read, and every error counted.
func (l *podLogs) headline() string {
	return fmt.Sprintf("%d error patterns, %s of %s lines of %d pods", len(l.truth), humanize.Comma(l.errors()), humanize.Comma(int64(l.lines)), len(l.pods.Pods))
}

// reports counts the messages that say so, and do not say that something is missing.
func (l *podLogs) reports(t *trial, slack *workspace.Workspace) int {
	t.Helper()
	n := 0
	for _, m := range spokenIn(t, slack) {
		if strings.Contains(m, l.headline()) && !strings.Contains(m, "not all could be read") {
			n++
		}
	}
	return n
}

// spokenIn is what stands in the channel.
func spokenIn(t *trial, slack *workspace.Workspace) []string {
	t.Helper()
	messages, _, err := slack.Messages(alice, incident)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, m := range messages {
		texts = append(texts, m.Text)
	}
	return texts
}

func lastWords(t *trial, slack *workspace.Workspace) string {
	t.Helper()
	return tail(strings.Join(spokenIn(t, slack), "\n"))
}
