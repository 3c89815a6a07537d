package bot_test

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/workspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asker records what was asked and answers as it is told.
type asker struct {
	mu     sync.Mutex
	asked  []commands.Request
	answer func(ctx context.Context, r commands.Request) *message.Post
	// form gives the form of a request; nil: none has one.
	form   func(ctx context.Context, r commands.Request) *message.Form
	formed []commands.Request
}

func (a *asker) Form(ctx context.Context, r commands.Request) *message.Form {
	a.mu.Lock()
	form := a.form
	if form != nil {
		a.formed = append(a.formed, r)
	}
	a.mu.Unlock()
	if form == nil {
		return nil
	}
	return form(ctx, r)
}

func (a *asker) forms() []commands.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]commands.Request(nil), a.formed...)
}

func (a *asker) Ask(ctx context.Context, r commands.Request) *message.Post {
	a.mu.Lock()
	a.asked = append(a.asked, r)
	answer := a.answer
	a.mu.Unlock()
	if answer == nil {
		return nil
	}
	return answer(ctx, r)
}

func (a *asker) requests() []commands.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]commands.Request(nil), a.asked...)
}

// world is a simulated workspace with a bot in it.
type world struct {
	*workspace.Workspace
	t          *testing.T
	asker      *asker
	outbox     *memory
	bot        *bot.Bot
	alice, bob string
	channel    string
	stop       context.CancelFunc
	ended      chan error
}

// quick are clocks for tests: Slack's proportions, a tenth of the waiting.
func quick() bot.Timing {
	return bot.Timing{
		HTTP: time.Second, Upload: 5 * time.Second, Lease: 8 * time.Second, Silence: 2 * time.Second,
		Overlap: 1500 * time.Millisecond, Drain: 2 * time.Second, Backoff: 20 * time.Millisecond,
		EditGap: 50 * time.Millisecond, PostGap: 5 * time.Millisecond, Settle: 50 * time.Millisecond,
	}
}

type setup struct {
	workspace func(*workspace.Options)
	options   func(*bot.Options)
	deps      func(*bot.Deps)
	asker     *asker
	unstarted bool // do not wait until it is ready
	idle      bool // do not start a bot yet
}

func newWorld(t *testing.T, s setup) *world {
	t.Helper()
	opt := workspace.Options{
		Seed: 11, Rates: workspace.RatesOff,
		App: workspace.App{
			Scopes:   bot.Scopes(),
			Events:   bot.Events(),
			Commands: []workspace.Command{{Command: "/integrity", ShouldEscape: true}},
			Shortcuts: []workspace.Shortcut{
				{CallbackID: "pick_check", Name: "Check data", Type: "global"},
				{CallbackID: "declare_incident", Name: "Declare incident", Type: "global"},
			},
		},
		Timing: workspace.Timing{Ping: 200 * time.Millisecond},
	}
	if s.workspace != nil {
		s.workspace(&opt)
	}
	w, err := workspace.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Listen(context.Background(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	out := &world{Workspace: w, t: t, asker: s.asker, outbox: newMemory()}
	if out.asker == nil {
		out.asker = &asker{}
	}
	out.alice, out.bob = out.person("alice"), out.person("bob")
	c, err := w.AddChannel(workspace.Channel{Name: "incidents", Members: []string{out.alice, out.bob, w.BotUserID()}})
	if err != nil {
		t.Fatal(err)
	}
	out.channel = c.ID
	t.Cleanup(func() {
		_ = out.halt() // a test that minds how it ended has looked itself
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	if !s.idle {
		out.start(s)
	}
	return out
}

func (w *world) options() bot.Options {
	return bot.Options{
		AppToken: bot.Secret(w.AppToken()), BotToken: bot.Secret(w.BotToken()), APIURL: w.APIURL(), Timing: quick(),
	}
}

// start runs a bot in the world.
func (w *world) start(s setup) {
	w.t.Helper()
	o := w.options()
	o.Connections = 2
	if s.options != nil {
		s.options(&o)
	}
	d := bot.Deps{Asker: w.asker, Outbox: w.outbox}
	if os.Getenv("BOT_TEST_LOG") != "" {
		d.Log = slog.New(slog.NewTextHandler(w.t.Output(), nil))
	}
	if s.deps != nil {
		s.deps(&d)
	}
	b, err := bot.New(o, d)
	if err != nil {
		w.t.Fatal(err)
	}
	w.bot = b
	var ctx context.Context
	ctx, w.stop = context.WithCancel(context.Background())
	w.ended = make(chan error, 1)
	go func(ended chan error) { ended <- b.Run(ctx); close(ended) }(w.ended)
	if !s.unstarted {
		eventually(w.t, 5*time.Second, "the bot to be ready", func() bool {
			return b.Ready() == nil && len(b.Status().Links) == max(o.Connections, 1) || b.Ready() == nil && o.Connections == 0 && len(b.Status().Links) == 2
		})
	}
}

// halt stops the bot and gives what Run returned.
func (w *world) halt() error {
	if w.stop == nil {
		return nil
	}
	w.stop()
	select {
	case err := <-w.ended:
		return err
	case <-time.After(15 * time.Second):
		w.t.Error("the bot did not stop within 15 s")
		return nil
	}
}

func (w *world) person(name string) string {
	w.t.Helper()
	p, err := w.AddPerson(workspace.Person{Name: name, RealName: name})
	if err != nil {
		w.t.Fatal(err)
	}
	return p.ID
}

func (w *world) say(as, thread, text string) string {
	w.t.Helper()
	ts, err := w.Say(as, w.channel, thread, text)
	if err != nil {
		w.t.Fatalf("say %q: %v", text, err)
	}
	return ts
}

// messages are those of the channel as alice sees them, her own left out.
func (w *world) messages() []workspace.Message {
	w.t.Helper()
	all, _, err := w.Messages(w.alice, w.channel)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []workspace.Message
	for _, m := range all {
		if m.User == w.BotUserID() {
			out = append(out, m)
		}
	}
	return out
}

// check fails the test
// for everything that Slack would not have accepted.
func (w *world) check() {
	w.t.Helper()
	for _, e := range w.Violations() {
		w.t.Errorf("violation: %s (%s %s)", e.Violation, e.Kind, e.Method)
	}
}

func post(key, channel, headline string) message.Post {
	return message.Post{Key: key, Channel: channel, Message: message.Message{Headline: message.Text("%s", headline)}}
}
