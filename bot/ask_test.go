package bot_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/workspace"
)

var _ bot.Dialogs = commands.Dialogs{}

// dialogs knows one question, until it is settled.
type dialogs struct {
	mu    sync.Mutex
	ask   *message.Ask
	err   error
	waits time.Duration // until it answers; it gives up with its caller
	seen  []string
}

func (d *dialogs) Ask(ctx context.Context, verb, ref string) (*message.Ask, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = append(d.seen, verb+" "+ref)
	if d.waits > 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(d.waits):
		}
	}
	return d.ask, d.err
}

func flushQuestion() *message.Ask {
	return &message.Ask{
		Title: "Approve P-77", Text: "Empty production/cache: 1,204,331 keys. This cannot be undone.",
		Label: "To make sure that it is meant, type its name", Want: "production/cache", Yes: "Do it",
	}
}

// flushPreview is a message with a button that wants something typed, in a thread.
func (w *world) flushPreview() (ts, thread string) {
	w.t.Helper()
	head := post("run/7", w.channel, "the cache is stale")
	p := post("plan/77", w.channel, "P-77 waiting: empty production/cache")
	p.Parent = "run/7"
	p.Message.Actions = []message.Action{
		{Verb: "confirm", Ref: "P-77", Label: "Approve", Style: message.Danger, Ask: flushQuestion(), Confirm: &message.Confirm{Title: "Never shown"}},
		{Verb: "cancel", Ref: "P-77", Label: "Cancel"},
	}
	w.outbox.Set(head, p)
	w.outbox.idle(w.t, 30*time.Second)
	thread = w.messages()[0].TS
	all, err := w.Thread(w.alice, w.channel, thread)
	if err != nil || len(all) != 2 {
		w.t.Fatalf("the thread is %+v, %v", all, err)
	}
	return all[1].TS, thread
}

func (w *world) press(ts, action string) error {
	return w.Click(workspace.Click{As: w.alice, Channel: w.channel, TS: ts, ActionID: action})
}

func (w *world) modal() map[string]any {
	w.t.Helper()
	modals, err := w.Modals(w.alice)
	if err != nil || len(modals) != 1 {
		w.t.Fatalf("modals %v, %v", modals, err)
	}
	return modals[0]
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func typed(text string) map[string]any {
	return map[string]any{"typed": map[string]any{"typed": map[string]any{"type": "plain_text_input", "value": text}}}
}

// TestAButtonThatWantsSomethingTyped: the click opens a dialog and asks nothing;
// what is typed there follows the ref, whatever it holds.
func TestAButtonThatWantsSomethingTyped(t *testing.T) {
	for _, text := range []string{"production/cache", "it's \"quoted\" &lt;b&gt; \\d", "—yes   so"} {
		t.Run(text, func(t *testing.T) {
			d := &dialogs{ask: flushQuestion()}
			w := newWorld(t, setup{deps: func(x *bot.Deps) { x.Dialogs = d }})
			ts, thread := w.flushPreview()
			if err := w.press(ts, "confirm~ask"); err != nil {
				t.Fatal(err)
			}
			view := w.modal()
			for _, want := range []string{`"Approve P-77"`, `"Do it"`, "1,204,331 keys", "type its name", "Type: production/cache"} {
				if !strings.Contains(asJSON(t, view), want) {
					t.Errorf("the dialog does not say %s:\n%s", want, asJSON(t, view))
				}
			}
			if n := len(w.asker.requests()); n != 0 {
				t.Fatalf("the click alone asked %d times", n)
			}
			id := view["id"].(string)
			if err := w.Submit(w.alice, id, typed("")); err == nil {
				t.Error("nothing typed was accepted")
			}
			if err := w.Submit(w.alice, id, typed(text)); err != nil {
				t.Fatal(err)
			}
			got := w.asked(1)
			words, err := commands.Split(got.Text)
			if diff := cmp.Diff([]string{"confirm", "P-77", strings.ReplaceAll(text, "—", "--")}, words); err != nil || diff != "" {
				t.Errorf("asked %q, %v (-want +got):\n%s", got.Text, err, diff)
			}
			got.Text = ""
			want := w.alicesRequest(audit.FromModal, "")
			want.Thread = thread
			if diff := cmp.Diff(want, got, unpredictable); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if !strings.HasPrefix(got.Key, id+":") || got.At.IsZero() {
				t.Errorf("key %q does not begin with the view, or there is no time", got.Key)
			}
			if modals, _ := w.Modals(w.alice); len(modals) != 0 {
				t.Error("the dialog is still open")
			}
			w.check()
		})
	}
}

// TestWhatNeedsNothingTypedIsAskedAtOnce: a late click, a store that does not say
// and an edge that knows no dialogs are answered as things stand, by the command.
func TestWhatNeedsNothingTypedIsAskedAtOnce(t *testing.T) {
	for name, d := range map[string]bot.Dialogs{
		"settled meanwhile":  &dialogs{},
		"the store is down":  &dialogs{ask: flushQuestion(), err: errors.New("connection refused")},
		"the store is slow":  &dialogs{ask: flushQuestion(), waits: time.Minute},
		"nobody to ask":      nil,
		"nothing to be said": &dialogs{ask: &message.Ask{Want: " "}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{deps: func(x *bot.Deps) { x.Dialogs = d }})
			ts, thread := w.flushPreview()
			if err := w.press(ts, "confirm~ask"); err != nil {
				t.Fatal(err)
			}
			want := w.alicesRequest(audit.FromButton, "confirm P-77")
			want.Thread = thread
			if diff := cmp.Diff(want, w.asked(1), unpredictable); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if modals, _ := w.Modals(w.alice); len(modals) != 0 {
				t.Error("a dialog was opened")
			}
			w.check()
		})
	}
}

// TestADialogThatSlackDoesNotOpenIsSaid: the person reads it, and nothing is asked.
func TestADialogThatSlackDoesNotOpenIsSaid(t *testing.T) {
	w := newWorld(t, setup{deps: func(x *bot.Deps) { x.Dialogs = &dialogs{ask: flushQuestion()} }})
	ts, _ := w.flushPreview()
	w.fault(workspace.Fault{Method: "views.open", Kind: "error", Error: "expired_trigger_id"})
	if err := w.press(ts, "confirm~ask"); err != nil {
		t.Fatal(err)
	}
	thread, err := w.Thread(w.alice, w.channel, w.messages()[0].TS)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, m := range append(thread, w.messages()...) {
		if m.Ephemeral {
			said = append(said, m.Text)
		}
	}
	if len(said) == 0 || !strings.Contains(said[0], "nothing was done. If you see none, press the button again, or type /integrity confirm P-77 production/cache.") {
		t.Errorf("said %q", said)
	}
	if n := len(w.asker.requests()); n != 0 {
		t.Errorf("asked %d times", n)
	}
	w.check()
}

// TestARedeliveredSubmissionIsOneRequest: Slack may send one on two sockets.
func TestARedeliveredSubmissionIsOneRequest(t *testing.T) {
	w := newWorld(t, setup{
		deps: func(x *bot.Deps) { x.Dialogs = &dialogs{ask: flushQuestion()} },
		asker: &asker{answer: func(context.Context, commands.Request) *message.Post {
			time.Sleep(100 * time.Millisecond) // so that the copies overlap
			return nil
		}},
	})
	ts, _ := w.flushPreview()
	if err := w.press(ts, "confirm~ask"); err != nil {
		t.Fatal(err)
	}
	w.fault(workspace.Fault{Method: "socket", Kind: "duplicate", Count: 2})
	if err := w.Submit(w.alice, w.modal()["id"].(string), typed("production/cache")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	if n := len(w.asker.requests()); n != 1 {
		t.Errorf("asked %d times, want 1", n)
	}
}

// TestTheOtherButtonsStayAsTheyAre: a message with both kinds, and several of each.
func TestTheOtherButtonsStayAsTheyAre(t *testing.T) {
	ask := flushQuestion()
	r := bot.Render(message.Message{Headline: message.Text("x"), Actions: []message.Action{
		{Verb: "confirm", Ref: "P-1", Label: "One", Ask: ask, Confirm: &message.Confirm{Title: "Sure?"}},
		{Verb: "confirm", Ref: "P-2", Label: "Two", Ask: ask},
		{Verb: "confirm", Ref: "P-3", Label: "Three", Confirm: &message.Confirm{Title: "Sure?"}},
	}}, bot.Look{Stamp: "s"})
	text := asJSON(t, r.Blocks)
	for _, want := range []string{`"action_id":"confirm~ask"`, `"action_id":"confirm~ask2"`, `"action_id":"confirm~3"`, `"value":"P-1"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if n := strings.Count(text, `"confirm":{"title"`); n != 1 {
		t.Errorf("%d confirm dialogs, want that of the third button alone: %s", n, text)
	}
}
