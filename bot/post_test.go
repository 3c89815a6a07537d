package bot_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/workspace"
)

func (w *world) fault(f workspace.Fault) {
	w.t.Helper()
	if err := w.Inject(f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) texts() []string {
	var out []string
	for _, m := range w.messages() {
		out = append(out, m.Text)
	}
	return out
}

// Goal R3: whatever goes wrong between us and Slack, every message stands once
// and in its order.
func TestEveryMessageStandsOnceAndInOrder(t *testing.T) {
	cases := []struct {
		name  string
		fault workspace.Fault
	}{
		{"429", workspace.Fault{Method: "chat.postMessage", Kind: "429", RetryAfter: 1, Count: 1}},
		{"500", workspace.Fault{Method: "chat.postMessage", Kind: "500", Count: 2}},
		{"time-out", workspace.Fault{Method: "chat.postMessage", Kind: "timeout", Count: 1}},
		{"lost answer", workspace.Fault{Method: "chat.postMessage", Kind: "lost_answer", Count: 2}},
		{"slower than the time-out", workspace.Fault{Method: "chat.postMessage", Kind: "slow", DelayMS: 1200, Count: 1}},
		{"internal error by name", workspace.Fault{Method: "chat.postMessage", Kind: "error", Error: "internal_error", Count: 1}},
		{"everything now and then", workspace.Fault{Method: "*", Kind: "lost_answer", Probability: 0.3, Count: 8}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.fault(c.fault)
			var want []string
			for i := range 8 {
				text := fmt.Sprintf("message %d", i)
				want = append(want, text)
				w.outbox.Set(post(fmt.Sprintf("run/%d", i), w.channel, text))
			}
			w.outbox.idle(t, 20*time.Second)
			if got := w.texts(); !slices.Equal(got, want) {
				t.Errorf("channel shows %q, want %q\n%s", got, want, strings.Join(w.outbox.log(), "\n"))
			}
			w.check()
		})
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	w := newWorld(t, setup{})
	w.fault(workspace.Fault{Method: "chat.postMessage", Kind: "429", RetryAfter: 2, Count: 1})
	w.outbox.Set(post("a", w.channel, "one"))
	w.outbox.idle(t, 10*time.Second)
	var calls []time.Time
	for _, e := range w.Journal(0) {
		if e.Kind == "api" && e.Method == "chat.postMessage" {
			calls = append(calls, e.At)
		}
	}
	if len(calls) != 2 || calls[1].Sub(calls[0]) < 2*time.Second {
		t.Errorf("calls at %v, want two with at least 2 s between", calls)
	}
}

// A replica that dies between the call and its report leaves a delivery whose
// outcome is unknown; the next one finds the message by its key.
func TestDeadReplicasMessageIsFound(t *testing.T) {
	w := newWorld(t, setup{idle: true})
	w.start(setup{})
	w.outbox.Set(post("run/7", w.channel, "first version"))
	w.outbox.idle(t, 30*time.Second)
	// As if the report never came: the row is as it was after Begin.
	w.outbox.mu.Lock()
	r := w.outbox.find("run/7", "")
	r.state, r.ts, r.sent, r.unknown, r.tried, r.version = "waiting", "", 0, true, time.Now().Add(-time.Second), 2
	r.post.Message.Headline = message.Text("second version")
	w.outbox.mu.Unlock()
	w.outbox.signal()
	w.outbox.idle(t, 30*time.Second)
	if got := w.texts(); !slices.Equal(got, []string{"second version"}) {
		t.Errorf("channel shows %q, want one message with the second version", got)
	}
}

func TestEditsInPlaceWithDetailsInItsThread(t *testing.T) {
	w := newWorld(t, setup{})
	w.outbox.Set(post("run/1", w.channel, "0 of 5 done"))
	w.outbox.idle(t, 30*time.Second)
	for i := range 40 { // faster than edits may come
		w.outbox.Set(post("run/1", w.channel, fmt.Sprintf("%d of 40 done", i)))
		time.Sleep(5 * time.Millisecond)
	}
	final := post("run/1", w.channel, "3 of 5 checks fail")
	final.Final = true
	detail := post("run/1/orphans", w.channel, "30 orphans")
	detail.Parent = "run/1"
	w.outbox.Set(final, detail)
	w.outbox.idle(t, 10*time.Second)
	if got := w.texts(); !slices.Equal(got, []string{"3 of 5 checks fail"}) {
		t.Fatalf("channel shows %q", got)
	}
	thread, err := w.Thread(w.alice, w.channel, w.messages()[0].TS)
	if err != nil || len(thread) != 2 || thread[1].Text != "30 orphans" {
		t.Errorf("thread is %+v, %v", thread, err)
	}
	edits := 0
	for _, e := range w.Journal(0) {
		if e.Kind == "api" && e.Method == "chat.update" {
			edits++
		}
	}
	if edits == 0 || edits > 12 {
		t.Errorf("%d edits for 41 versions in 200 ms, want a few", edits)
	}
}

func TestMessageThatCannotBeEditedIsPostedAnew(t *testing.T) {
	for _, code := range []string{"message_not_found", "edit_window_closed", "cant_update_message", "is_inactive"} {
		t.Run(code, func(t *testing.T) {
			w := newWorld(t, setup{})
			w.outbox.Set(post("run/1", w.channel, "before"))
			w.outbox.idle(t, 30*time.Second)
			w.fault(workspace.Fault{Method: "chat.update", Kind: "error", Error: code})
			w.fault(workspace.Fault{Method: "chat.postMessage", Kind: "lost_answer", Count: 1}) // and that is uncertain, too
			final := post("run/1", w.channel, "after")
			final.Final = true
			w.outbox.Set(final)
			w.outbox.idle(t, 10*time.Second)
			if got := w.texts(); !slices.Equal(got, []string{"before", "after"}) {
				t.Fatalf("channel shows %q, want the old one and the new one once", got)
			}
			if r := w.outbox.row("run/1", ""); r.ts != w.messages()[1].TS {
				t.Errorf("outbox knows %q, the new message is %q", r.ts, w.messages()[1].TS)
			}
		})
	}
}

func TestDeletedMessageIsPostedAnew(t *testing.T) {
	w := newWorld(t, setup{})
	w.outbox.Set(post("run/1", w.channel, "before"))
	w.outbox.idle(t, 30*time.Second)
	old := w.outbox.row("run/1", "").ts
	w.deleteAsAdmin(old)
	w.fault(workspace.Fault{Method: "chat.postMessage", Kind: "lost_answer", Count: 1})
	final := post("run/1", w.channel, "after")
	final.Final = true
	w.outbox.Set(final)
	w.outbox.idle(t, 10*time.Second)
	if got := w.texts(); !slices.Equal(got, []string{"after"}) {
		t.Errorf("channel shows %q, want the new version once", got)
	}
	if r := w.outbox.row("run/1", ""); r.ts == old || r.ts != w.messages()[0].TS {
		t.Errorf("outbox knows %q, channel has %q", r.ts, w.messages()[0].TS)
	}
}

func (w *world) deleteAsAdmin(ts string) {
	w.t.Helper()
	admin, err := w.AddPerson(workspace.Person{Name: "root", Admin: true})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.Invite(w.alice, w.channel, admin.ID); err != nil {
		w.t.Fatal(err)
	}
	if err := w.Delete(admin.ID, w.channel, ts); err != nil {
		w.t.Fatal(err)
	}
}

func TestDetailsOfADeletedMessageDoNotSpillIntoTheChannel(t *testing.T) {
	w := newWorld(t, setup{})
	w.outbox.Set(post("run/1", w.channel, "result"))
	w.outbox.idle(t, 30*time.Second)
	w.deleteAsAdmin(w.outbox.row("run/1", "").ts)
	detail := post("run/1/orphans", w.channel, "30 orphans")
	detail.Parent = "run/1"
	w.outbox.Set(detail)
	w.outbox.idle(t, 30*time.Second)
	if got := w.texts(); len(got) != 0 {
		t.Errorf("channel shows %q, want nothing", got)
	}
	if r := w.outbox.row("run/1/orphans", ""); r.state != "failed" || !strings.Contains(r.reason, "deleted") {
		t.Errorf("detail is %s: %s", r.state, r.reason)
	}
}

func TestResultReachesThePersonWhereTheBotIsNoMember(t *testing.T) {
	w := newWorld(t, setup{})
	outside, err := w.AddChannel(workspace.Channel{Name: "elsewhere", Members: []string{w.alice}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Say(w.alice, outside.ID, "", "/integrity check orders"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 3*time.Second, "the command", func() bool { return len(w.asker.requests()) == 1 })
	url := w.asker.requests()[0].ResponseURL
	running := post("run/1", outside.ID, "0 of 5 done")
	running.ResponseURL = url
	w.outbox.Set(running)
	w.outbox.idle(t, 30*time.Second)
	final := post("run/1", outside.ID, "3 of 5 checks fail")
	final.ResponseURL, final.Final = url, true
	detail := post("run/1/orphans", outside.ID, "30 orphans")
	detail.Parent, detail.ResponseURL, detail.Final = "run/1", url, true
	w.outbox.Set(final, detail)
	w.outbox.idle(t, 30*time.Second)
	all, _, err := w.Messages(w.alice, outside.ID)
	if err != nil {
		t.Fatal(err)
	}
	var shown []workspace.Message
	for _, m := range all {
		if m.User == w.BotUserID() {
			shown = append(shown, m)
		}
	}
	if len(shown) != 1 || !shown[0].Ephemeral {
		t.Fatalf("shown %+v, want one ephemeral message", shown)
	}
	if all := fmt.Sprint(shown[0].Blocks); !strings.Contains(all, "/invite @integrity") || !strings.Contains(all, "3 of 5 checks fail") {
		t.Errorf("message says %s", all)
	}
	if r := w.outbox.row("run/1/orphans", ""); r.state != "failed" || !strings.Contains(r.reason, "does not stand in the channel") {
		t.Errorf("detail is %s: %s", r.state, r.reason)
	}
	w.check()
}

func TestEphemeralIsShownOnceOrNotAtAll(t *testing.T) {
	refusal := func(w *world) message.Post {
		p := post("refusal/1", w.channel, "You may look but not fix here.")
		p.OnlyTo = w.alice
		return p
	}
	cases := []struct {
		name  string
		slash bool
		fault *workspace.Fault
		shown int
		state string
	}{
		{"plain", false, nil, 1, "sent"},
		{"through the response_url", true, nil, 1, "sent"},
		{"the response_url is used up", true, &workspace.Fault{Method: "response_url", Kind: "error", Error: "used_url", Count: 1}, 1, "sent"},
		{"its answer got lost", true, &workspace.Fault{Method: "response_url", Kind: "lost_answer", Count: 1}, 1, "failed"},
		{"chat.postEphemeral's answer got lost", false, &workspace.Fault{Method: "chat.postEphemeral", Kind: "lost_answer", Count: 1}, 1, "failed"},
		{"chat.postEphemeral is limited", false, &workspace.Fault{Method: "chat.postEphemeral", Kind: "429", RetryAfter: 1, Count: 1}, 1, "sent"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, setup{})
			p := refusal(w)
			if c.slash {
				w.say(w.alice, "", "/integrity fix orders")
				eventually(t, 3*time.Second, "the command", func() bool { return len(w.asker.requests()) == 1 })
				p.ResponseURL = w.asker.requests()[0].ResponseURL
			}
			if c.fault != nil {
				w.fault(*c.fault)
			}
			w.outbox.Set(p)
			w.outbox.idle(t, 30*time.Second)
			shown := w.messages()
			if len(shown) != c.shown || !shown[0].Ephemeral {
				t.Errorf("shown %+v", shown)
			}
			if r := w.outbox.row("refusal/1", ""); r.state != c.state {
				t.Errorf("delivery is %s (%s), want %s", r.state, r.reason, c.state)
			}
		})
	}
}

func TestBlocksThatSlackRefusesBecomePlainer(t *testing.T) {
	w := newWorld(t, setup{})
	p := post("run/1", w.channel, "30 orphans")
	p.Message.Parts = []message.Part{{Table: &message.Table{
		Columns: []message.Column{{Name: "order"}, {Name: "total", Numeric: true}},
		Rows:    [][]string{{"o100000", "45.10"}}, Total: 30,
	}}}
	p.Message.Actions = []message.Action{{Verb: "again", Ref: "R-1", Label: "Run again"}}
	w.fault(workspace.Fault{Method: "chat.postMessage", Kind: "error", Error: "invalid_attachments", Count: 2})
	w.outbox.Set(p)
	w.outbox.idle(t, 30*time.Second)
	shown := w.messages()
	if len(shown) != 1 {
		t.Fatalf("shown %+v", shown)
	}
	blocks := fmt.Sprint(shown[0].Blocks)
	for _, want := range []string{"o100000", "29 more rows", "Run again"} {
		if !strings.Contains(blocks, want) {
			t.Errorf("blocks do not say %q: %s", want, blocks)
		}
	}
	if strings.Contains(blocks, "table") || strings.Contains(blocks, "rich_text") {
		t.Errorf("the third form still has %s", blocks)
	}
}

func TestRevokedTokenEndsTheBot(t *testing.T) {
	w := newWorld(t, setup{})
	w.fault(workspace.Fault{Method: "chat.postMessage", Kind: "error", Error: "token_revoked"})
	w.outbox.Set(post("run/1", w.channel, "hello"))
	select {
	case err := <-w.ended:
		if err == nil || !strings.Contains(err.Error(), "SLACK_BOT_TOKEN") {
			t.Errorf("Run returned %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the bot goes on")
	}
	if r := w.outbox.row("run/1", ""); r.state != "waiting" {
		t.Errorf("the message is %s, want it kept for a bot with a better token", r.state)
	}
}

func filePost(w *world, f message.File) message.Post {
	p := post("run/1", w.channel, "3 of 5 checks fail")
	p.Final = true
	p.Message.Files = []message.File{f}
	return p
}

func csvFile(rows int) []byte {
	var b bytes.Buffer
	b.WriteString("order,customer_id,total\n")
	for i := range rows {
		fmt.Fprintf(&b, "o%07d,gone-%d,%d.10\n", i, i, i%100)
	}
	return b.Bytes()
}

func TestFileStandsInTheThreadOnce(t *testing.T) {
	big := csvFile(800_000) // about 20 MB
	cases := []struct {
		name   string
		faults []workspace.Fault
	}{
		{"plain", nil},
		{"the share's answer got lost", []workspace.Fault{{Method: "files.completeUploadExternal", Kind: "lost_answer", Count: 1}}},
		{"the share timed out", []workspace.Fault{{Method: "files.completeUploadExternal", Kind: "timeout", Count: 1}}},
		{"the upload broke off", []workspace.Fault{{Method: "files.upload", Kind: "500", Count: 2}}},
		{"limited", []workspace.Fault{{Method: "files.completeUploadExternal", Kind: "429", RetryAfter: 1, Count: 1}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, setup{})
			w.outbox.files["run/1/orphans"] = big
			for _, f := range c.faults {
				w.fault(f)
			}
			w.outbox.Set(filePost(w, message.File{Name: "orphans-R-1.csv", Title: "All rows", Source: "run/1/orphans"}))
			w.outbox.idle(t, 20*time.Second)
			thread, err := w.Thread(w.alice, w.channel, w.messages()[0].TS)
			if err != nil {
				t.Fatal(err)
			}
			var files []workspace.FileInfo
			for _, m := range thread {
				files = append(files, m.Files...)
			}
			if len(files) != 1 || files[0].Size != int64(len(big)) || files[0].Name != "orphans-R-1.csv" || files[0].Title != "All rows" {
				t.Errorf("files in the thread: %+v\n%s", files, strings.Join(w.outbox.log(), "\n"))
			}
			w.check()
		})
	}
}

func TestForbiddenFilesBecomePages(t *testing.T) {
	for _, faults := range [][]workspace.Fault{
		nil,
		{{Method: "chat.postMessage", Kind: "lost_answer", Count: 3}},
	} {
		t.Run(fmt.Sprint(len(faults), " faults"), func(t *testing.T) {
			w := newWorld(t, setup{workspace: func(o *workspace.Options) { o.FilesForbidden = true }})
			w.outbox.files["run/1/orphans"] = csvFile(5000)
			for _, f := range faults {
				w.fault(f)
			}
			w.outbox.Set(filePost(w, message.File{Name: "orphans-R-1.csv", Source: "run/1/orphans"}))
			w.outbox.idle(t, 20*time.Second)
			thread, err := w.Thread(w.alice, w.channel, w.messages()[0].TS)
			if err != nil {
				t.Fatal(err)
			}
			if len(thread) != 11 {
				t.Fatalf("%d messages in the thread, want the result and 10 pages:\n%s", len(thread), strings.Join(w.outbox.log(), "\n"))
			}
			seen := map[string]bool{}
			for _, m := range thread {
				seen[m.Text] = true
			}
			if len(seen) != 11 {
				t.Errorf("pages are repeated: %v", seen)
			}
			last := fmt.Sprint(thread[10].Blocks)
			if !strings.Contains(last, "of 5,000 rows are not shown") || !strings.Contains(last, "does not let me upload") {
				t.Errorf("the last page does not say what is missing: %s", last)
			}
			w.check()
		})
	}
}

func TestEmptyAndMissingFiles(t *testing.T) {
	w := newWorld(t, setup{options: func(o *bot.Options) { o.Timing.Backoff = time.Millisecond }})
	w.outbox.files["empty"] = []byte{}
	p := filePost(w, message.File{Name: "none.csv", Source: "empty"})
	p.Message.Files = append(p.Message.Files, message.File{Name: "gone.csv", Source: "not there"})
	w.outbox.Set(p)
	w.outbox.idle(t, 10*time.Second)
	thread, err := w.Thread(w.alice, w.channel, w.messages()[0].TS)
	if err != nil || len(thread) != 2 || thread[1].Text != "none.csv is empty." {
		t.Errorf("thread %+v, %v", thread, err)
	}
	if r := w.outbox.row("run/1", "gone.csv"); r.state != "failed" || !strings.Contains(r.reason, "gone.csv") {
		t.Errorf("missing file is %s: %s", r.state, r.reason)
	}
}
