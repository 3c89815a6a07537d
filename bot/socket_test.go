package bot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/workspace"
)

// Goal R2: 200 commands across five refreshes, two lost connections and one
// warning. None is lost, every ack is in time and on its own socket, and every
// socket that is open at the stop ends with a close frame.
func TestNoCommandIsLostAcrossRefreshesAndCuts(t *testing.T) {
	w := newWorld(t, setup{
		workspace: func(o *workspace.Options) {
			o.Timing.RefreshWarning, o.Timing.RefreshCut = 300*time.Millisecond, 200*time.Millisecond
		},
		asker: &asker{answer: func(context.Context, commands.Request) *message.Post {
			time.Sleep(15 * time.Millisecond) // a database
			return nil
		}},
	})
	faults := map[int]string{20: "refresh", 45: "refresh", 70: "drop", 90: "refresh", 120: "warning", 140: "refresh", 160: "drop", 180: "refresh"}
	for i := range 200 {
		if kind := faults[i]; kind != "" {
			if kind == "drop" {
				// What Slack wrote to a socket at the moment it breaks is lost
				// with any client; so let it be quiet for that moment.
				eventually(t, 30*time.Second, "acks", func() bool { return len(acksOf(w)) == i })
			}
			if err := w.Inject(workspace.Fault{Method: "socket", Kind: kind, Count: 1}); err != nil {
				t.Fatal(err)
			}
		}
		w.say(w.alice, "", fmt.Sprintf("/integrity check number-%d", i))
		time.Sleep(10 * time.Millisecond)
	}
	eventually(t, 30*time.Second, "200 acks", func() bool { return len(acksOf(w)) == 200 })
	for _, e := range acksOf(w) {
		if e.Event != "" || e.LatencyMS >= 3000 {
			t.Errorf("ack of %s: event %q after %.0f ms", e.EnvelopeID, e.Event, e.LatencyMS)
		}
	}
	asked := w.asker.requests()
	seen := map[string]bool{}
	for _, r := range asked {
		seen[r.Text] = true
	}
	if len(asked) != 200 || len(seen) != 200 {
		t.Errorf("asked %d requests, %d different; want 200 of each", len(asked), len(seen))
	}
	eventually(t, 10*time.Second, "the old sockets to be gone", func() bool { return len(w.bot.Status().Links) == 2 })
	before := len(closeFrames(w))
	if err := w.halt(); err != nil {
		t.Errorf("Run returned %v", err)
	}
	if codes := closeFrames(w)[before:]; !slices.Equal(codes, []int{1000, 1000}) {
		t.Errorf("close frames at stop: %v, want two of 1000", codes)
	}
	w.check()
}

func acksOf(w *world) []workspace.Entry {
	var out []workspace.Entry
	for _, e := range w.Journal(0) {
		if e.Kind == "ack" {
			out = append(out, e)
		}
	}
	return out
}

func closeFrames(w *world) []int {
	var out []int
	for _, e := range w.Journal(0) {
		if e.Event == "close_frame" {
			out = append(out, e.Status)
		}
	}
	return out
}

func TestStopFinishesWhatWasReceived(t *testing.T) {
	begun := make(chan struct{}, 20)
	w := newWorld(t, setup{asker: &asker{answer: func(context.Context, commands.Request) *message.Post {
		begun <- struct{}{}
		time.Sleep(300 * time.Millisecond)
		return nil
	}}})
	for i := range 20 {
		w.say(w.alice, "", fmt.Sprintf("/integrity check %d", i))
	}
	for range 20 {
		<-begun
	}
	if err := w.halt(); err != nil {
		t.Fatal(err)
	}
	if acks := acksOf(w); len(acks) != 20 || slices.ContainsFunc(acks, func(e workspace.Entry) bool { return e.Event != "" }) {
		t.Errorf("%d acks after the stop, want 20: %+v", len(acks), acks)
	}
	if codes := closeFrames(w); !slices.Equal(codes, []int{1000, 1000}) {
		t.Errorf("close frames %v, want two of 1000", codes)
	}
}

func TestFatalRefusalsAreSentences(t *testing.T) {
	cases := []struct {
		name  string
		spoil func(w *world)
		opts  func(o *bot.Options)
		want  []string
	}{
		{name: "wrong app token", opts: func(o *bot.Options) { o.AppToken = "xapp-wrong" }, want: []string{"SLACK_APP_TOKEN", "connections:write", "invalid_auth"}},
		{name: "wrong bot token", opts: func(o *bot.Options) { o.BotToken = "xoxb-wrong" }, want: []string{"SLACK_BOT_TOKEN", "OAuth", "invalid_auth"}},
		{name: "no scope", spoil: func(w *world) { w.inject("no_open", "missing_scope") }, want: []string{"connections:write", "missing_scope"}},
		{name: "expired", spoil: func(w *world) { w.inject("no_open", "token_expired") }, want: []string{"rotation", "token_expired"}},
		{name: "wrong kind", spoil: func(w *world) { w.inject("no_open", "not_allowed_token_type") }, want: []string{"wrong kind", "xapp-"}},
		{name: "revoked", spoil: func(w *world) { w.inject("no_open", "token_revoked") }, want: []string{"revoked"}},
		{name: "inactive", spoil: func(w *world) { w.inject("no_open", "account_inactive") }, want: []string{"Install the app again"}},
		{name: "forbidden team", spoil: func(w *world) { w.inject("no_open", "forbidden_team") }, want: []string{"administrator"}},
		{name: "link disabled", spoil: func(w *world) { w.inject("link_disabled", "") }, want: []string{"Socket Mode was switched off", "Settings"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, setup{idle: true})
			if c.spoil != nil {
				c.spoil(w)
			}
			w.start(setup{unstarted: true, options: c.opts})
			select {
			case err := <-w.ended:
				var unfit *bot.FatalError
				if !errors.As(err, &unfit) {
					t.Fatalf("Run returned %v, want a FatalError", err)
				}
				for _, part := range c.want {
					if !strings.Contains(unfit.Error(), part) {
						t.Errorf("sentence %q does not say %q", unfit, part)
					}
				}
			case <-time.After(5 * time.Second):
				t.Fatal("the bot goes on")
			}
		})
	}
}

func (w *world) inject(kind, err string) {
	w.t.Helper()
	if e := w.Inject(workspace.Fault{Method: "socket", Kind: kind, Error: err}); e != nil {
		w.t.Fatal(e)
	}
}

func TestSilentSocketIsReplaced(t *testing.T) {
	w := newWorld(t, setup{options: func(o *bot.Options) { o.Timing.Silence = 600 * time.Millisecond }})
	first := w.bot.Status().Links
	time.Sleep(900 * time.Millisecond) // pings every 200 ms keep the sockets
	if got := w.bot.Status().Links; len(got) != 2 || got[0].Number > 2 || got[1].Number > 2 {
		t.Fatalf("sockets %+v although Slack pings, want %+v", got, first)
	}
	w.inject("silence", "")
	eventually(t, 30*time.Second, "new sockets", func() bool {
		for _, l := range w.bot.Status().Links {
			if l.Number > 2 {
				return true
			}
		}
		return false
	})
	w.ClearFaults()
	eventually(t, 30*time.Second, "two live sockets", func() bool { return len(w.bot.Status().Links) == 2 })
	w.say(w.alice, "", "/integrity help")
	eventually(t, 3*time.Second, "the command", func() bool { return len(w.asker.requests()) == 1 })
}

func TestComesBackAfterAnOutage(t *testing.T) {
	w := newWorld(t, setup{})
	if err := w.Inject(workspace.Fault{Method: "apps.connections.open", Kind: "500"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Inject(workspace.Fault{Method: "socket", Kind: "drop"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the bot to say that it is not ready", func() bool { return w.bot.Ready() != nil })
	if err := w.bot.Ready(); !strings.Contains(err.Error(), "no socket to Slack") {
		t.Errorf("Ready says %q", err)
	}
	w.ClearFaults()
	eventually(t, 30*time.Second, "two sockets", func() bool { return len(w.bot.Status().Links) == 2 })
}

func TestOpenHonoursRetryAfter(t *testing.T) {
	w := newWorld(t, setup{idle: true})
	if err := w.Inject(workspace.Fault{Method: "apps.connections.open", Kind: "429", RetryAfter: 1, Count: 1}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	w.start(setup{options: func(o *bot.Options) { o.Connections = 1 }})
	if took := time.Since(began); took < time.Second {
		t.Errorf("connected after %s, before Retry-After was over", took)
	}
}

// Slack allows ten sockets per app. Whoever is refused one says so, and goes on
// with those it has.
func TestTooManySockets(t *testing.T) {
	w := newWorld(t, setup{options: func(o *bot.Options) { o.Connections = 9 }})
	eventually(t, 30*time.Second, "nine sockets", func() bool { return len(w.bot.Status().Links) == 9 })
	second := &world{Workspace: w.Workspace, t: t, asker: &asker{}, outbox: newMemory()}
	second.start(setup{unstarted: true})
	defer func() { _ = second.halt() }()
	eventually(t, 30*time.Second, "one socket to open and the refusal of the other to be said", func() bool {
		status := second.bot.Status()
		return len(status.Links) == 1 && strings.Contains(status.Trouble, "more than 10 sockets")
	})
	if err := second.bot.Ready(); err != nil {
		t.Errorf("not ready although one socket is open: %v", err)
	}
}

// A handler that hangs for ever keeps neither the others nor the stop.
func TestHangingHandlerDoesNotKeepTheStop(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	w := newWorld(t, setup{asker: &asker{answer: func(context.Context, commands.Request) *message.Post { <-release; return nil }}, options: func(o *bot.Options) {
		o.Timing.Drain = 200 * time.Millisecond
	}})
	w.say(w.alice, "", "/integrity check orders")
	w.asked(1)
	began := time.Now()
	if err := w.halt(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("stopped after %s", took)
	}
}
