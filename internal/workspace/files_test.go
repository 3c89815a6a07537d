package workspace_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/internal/workspace"
)

func (f *fixture) get(address string) (body string, status int) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	res, err := f.http.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(raw), res.StatusCode
}

func TestUploadWithSlackGo(t *testing.T) {
	f := newFixture(t, nil)
	parent := f.postButton()
	content := "order,total\n" + strings.Repeat("o1,45.10\n", 1000)
	summary, err := f.api.UploadFileContext(t.Context(), slack.UploadFileParameters{
		Reader: strings.NewReader(content), FileSize: len(content), Filename: "orders.csv", Title: "Orders",
		InitialComment: "all rows", Channel: f.channel, ThreadTimestamp: parent, AltTxt: "a table",
	})
	if err != nil {
		t.Fatal(err)
	}
	thread, err := f.Thread(f.alice, f.channel, parent)
	if err != nil || len(thread) != 2 || len(thread[1].Files) != 1 || thread[1].Text != "all rows" {
		t.Fatalf("thread %+v, %v", thread, err)
	}
	file := thread[1].Files[0]
	if file.ID != summary.ID || file.Title != "Orders" || file.Size != int64(len(content)) || file.MimeType != "text/csv" || file.AltText != "a table" {
		t.Errorf("file %+v", file)
	}
	if body, status := f.get(f.URL() + file.URL); status != http.StatusOK || body != content {
		t.Errorf("download: HTTP %d, %d bytes", status, len(body))
	}
	info, _, _, err := f.api.GetFileInfoContext(t.Context(), file.ID, 1, 1)
	if err != nil || len(info.Shares.Public[f.channel]) != 1 {
		t.Errorf("files.info: %+v, %v", info, err)
	}
}

func TestUploadStepByStep(t *testing.T) {
	f := newFixture(t, nil)
	begin := func(size int) (address, id string) {
		t.Helper()
		answer, _, _ := f.raw("files.getUploadURLExternal", args{"filename": "a.csv", "length": size})
		if answer["ok"] != true {
			t.Fatal(answer)
		}
		return answer["upload_url"].(string), answer["file_id"].(string)
	}
	send := func(address, body string) int {
		t.Helper()
		res, err := f.http.Post(address, "text/csv", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	complete := func(id string) any {
		answer, _, _ := f.raw("files.completeUploadExternal", args{"files": []any{args{"id": id}}, "channel_id": f.channel})
		if answer["ok"] == true {
			return "ok"
		}
		return answer["error"]
	}
	address, id := begin(5)
	upload, _ := url.Parse(address)
	api, _ := url.Parse(f.APIURL())
	if upload.Host != api.Host {
		t.Errorf("the upload goes to %s, the API is at %s", upload.Host, api.Host)
	}
	if got := complete(id); got != "file_not_found" {
		t.Errorf("completed before the bytes came: %v", got)
	}
	for _, wrong := range []string{"1234", "123456"} {
		if status := send(address, wrong); status != http.StatusBadRequest {
			t.Errorf("%d of 5 bytes: HTTP %d", len(wrong), status)
		}
	}
	if status := send(address, "12345"); status != http.StatusOK {
		t.Errorf("HTTP %d", status)
	}
	if body, status := f.get(f.URL() + "/files/" + id + "/a.csv"); status != http.StatusNotFound {
		t.Errorf("an unfinished file is served: %d %q", status, body)
	}
	if got := complete(id); got != "ok" {
		t.Error(got)
	}
	if got := complete(id); got != "file_not_found" {
		t.Errorf("completed twice: %v", got)
	}
	if status := send(address, "54321"); status != http.StatusNotFound {
		t.Errorf("new bytes for a shared file: HTTP %d", status)
	}
	address, id = begin(1)
	f.clock.Advance(time.Hour)
	if status := send(address, "1"); status != http.StatusNotFound {
		t.Errorf("an old upload address: HTTP %d", status)
	}
	if got := complete(id); got != "file_not_found" {
		t.Errorf("an old upload: %v", got)
	}
}

func TestUploadsAreBounded(t *testing.T) {
	f := newFixture(t, func(o *workspace.Options) { o.Limits.FileBytes = 1000 })
	for i, want := range []any{nil, "storage_limit_reached"} {
		answer, _, _ := f.raw("files.getUploadURLExternal", args{"filename": "a", "length": 600})
		if answer["error"] != want {
			t.Errorf("upload %d: %v", i+1, answer)
		}
	}
	f.clock.Advance(time.Hour) // the unfinished upload is forgotten
	if answer, _, _ := f.raw("files.getUploadURLExternal", args{"filename": "a", "length": 600}); answer["ok"] != true {
		t.Error(answer)
	}
}

func TestOldFilesMakeRoom(t *testing.T) {
	f := newFixture(t, func(o *workspace.Options) { o.Limits.FileBytes = 1000 })
	var urls []string
	for i := range 3 {
		content := strings.Repeat(fmt.Sprint(i), 400)
		if _, err := f.api.UploadFileContext(t.Context(), slack.UploadFileParameters{
			Content: content, FileSize: len(content), Filename: "a.txt", Channel: f.channel,
		}); err != nil {
			t.Fatal(err)
		}
		messages := f.messages(f.alice)
		urls = append(urls, f.URL()+messages[len(messages)-1].Files[0].URL)
	}
	for i, want := range []int{http.StatusNotFound, http.StatusOK, http.StatusOK} {
		if body, status := f.get(urls[i]); status != want {
			t.Errorf("file %d: HTTP %d with %d bytes, want %d", i+1, status, len(body), want)
		}
	}
}

func TestUploadsForbidden(t *testing.T) {
	f := newFixture(t, func(o *workspace.Options) { o.FilesForbidden = true })
	_, err := f.api.UploadFileContext(t.Context(), slack.UploadFileParameters{Content: "x", FileSize: 1, Filename: "a", Channel: f.channel})
	if err == nil || !strings.Contains(err.Error(), "file_uploads_disabled") {
		t.Fatalf("got %v", err)
	}
}

func TestMessagesAreBounded(t *testing.T) {
	f := newFixture(t, func(o *workspace.Options) {
		o.Limits = workspace.Limits{Messages: 10, Ephemeral: 3, Journal: 40}
		o.Rates = workspace.RatesOff
	})
	parent := f.postButton()
	for i := range 9 {
		f.raw("chat.postMessage", args{"channel": f.channel, "thread_ts": parent, "text": fmt.Sprint(i)})
	}
	if thread, err := f.Thread(f.alice, f.channel, parent); err != nil || len(thread) != 10 {
		t.Fatalf("thread of %d, %v", len(thread), err)
	}
	f.raw("chat.postMessage", args{"channel": f.channel, "text": "one more"})
	if got := f.messages(f.alice); len(got) != 1 || got[0].Text != "one more" {
		t.Errorf("after the limit: %+v", got)
	}
	for range 5 {
		f.raw("chat.postEphemeral", args{"channel": f.channel, "user": f.alice, "text": "x"})
	}
	if got := f.messages(f.alice); len(got) != 4 {
		t.Errorf("%d messages, want 1 and 3 ephemeral ones", len(got))
	}
	for range 100 {
		f.raw("auth.test", args{})
	}
	if entries := f.Journal(0); len(entries) > 40 || entries[len(entries)-1].N < 100 {
		t.Errorf("%d entries, last is %d", len(entries), entries[len(entries)-1].N)
	}
}

func TestCallFaults(t *testing.T) {
	post := func(f *fixture) (args, int, http.Header) {
		return f.raw("chat.postMessage", args{"channel": f.channel, "text": "x"})
	}
	inject := func(f *fixture, fault workspace.Fault) {
		f.t.Helper()
		setDefault(&fault.Method, "chat.postMessage")
		if err := f.Inject(fault); err != nil {
			f.t.Fatal(err)
		}
	}
	t.Run("429", func(t *testing.T) {
		f := newFixture(t, nil)
		inject(f, workspace.Fault{Kind: "429", RetryAfter: 7, Count: 1})
		answer, status, header := post(f)
		if status != http.StatusTooManyRequests || header.Get("Retry-After") != "7" || answer["error"] != "ratelimited" {
			t.Errorf("%d %v, Retry-After %q", status, answer, header.Get("Retry-After"))
		}
		if answer, _, _ := post(f); answer["ok"] != true {
			t.Errorf("after the fault: %v", answer)
		}
	})
	t.Run("500", func(t *testing.T) {
		f := newFixture(t, nil)
		inject(f, workspace.Fault{Kind: "500", Count: 2})
		for range 2 {
			if _, status, _ := post(f); status != http.StatusInternalServerError {
				t.Errorf("HTTP %d", status)
			}
		}
		if len(f.messages(f.alice)) != 0 {
			t.Error("the message was posted")
		}
	})
	t.Run("error until cleared, for every method", func(t *testing.T) {
		f := newFixture(t, nil)
		inject(f, workspace.Fault{Method: "*", Kind: "error", Error: "fatal_error"})
		for range 3 {
			if answer, _, _ := post(f); answer["error"] != "fatal_error" {
				t.Error(answer)
			}
		}
		if answer, _, _ := f.raw("auth.test", args{}); answer["error"] != "fatal_error" {
			t.Error(answer)
		}
		f.ClearFaults()
		if answer, _, _ := post(f); answer["ok"] != true {
			t.Error(answer)
		}
	})
	t.Run("lost answer: done, but nobody is told", func(t *testing.T) {
		f := newFixture(t, nil)
		inject(f, workspace.Fault{Kind: "lost_answer", Count: 1})
		_, _, err := f.api.PostMessageContext(t.Context(), f.channel, slack.MsgOptionText("x", false))
		if err == nil {
			t.Error("an answer came")
		}
		if len(f.messages(f.alice)) != 1 {
			t.Error("the message was not posted")
		}
	})
	t.Run("timeout: neither done nor told", func(t *testing.T) {
		f := newFixture(t, nil)
		inject(f, workspace.Fault{Kind: "timeout", Count: 1})
		f.http.Timeout = 200 * time.Millisecond
		_, _, err := f.api.PostMessageContext(t.Context(), f.channel, slack.MsgOptionText("x", false))
		var known slack.SlackErrorResponse
		if err == nil || errors.As(err, &known) {
			t.Errorf("got %v", err)
		}
		if len(f.messages(f.alice)) != 0 {
			t.Error("the message was posted")
		}
	})
	t.Run("slow", func(t *testing.T) {
		f := newFixture(t, nil)
		inject(f, workspace.Fault{Kind: "slow", DelayMS: 5000, Count: 1})
		done := run(func() error {
			_, _, err := f.api.PostMessageContext(t.Context(), f.channel, slack.MsgOptionText("x", false))
			return err
		})
		waitFor(t, "the message", func() bool { return len(f.messages(f.alice)) == 1 })
		select {
		case err := <-done:
			t.Fatalf("answered at once: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
		f.clock.Advance(5 * time.Second)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Run("now and then", func(t *testing.T) {
		f := newFixture(t, func(o *workspace.Options) { o.Rates = workspace.RatesOff })
		inject(f, workspace.Fault{Kind: "500", Probability: 0.5})
		failed := 0
		for range 200 {
			if _, status, _ := post(f); status != http.StatusOK {
				failed++
			}
		}
		if failed < 60 || failed > 140 {
			t.Errorf("%d of 200 calls failed", failed)
		}
	})
	t.Run("response_url", func(t *testing.T) {
		f := newFixture(t, nil)
		s := f.connect()
		f.command("x")
		address := s.next().Payload["response_url"].(string)
		inject(f, workspace.Fault{Method: "response_url", Kind: "500", Count: 1})
		if _, status, _ := f.post(address, args{"text": "x"}); status != http.StatusInternalServerError {
			t.Errorf("HTTP %d", status)
		}
	})
	t.Run("upload", func(t *testing.T) {
		f := newFixture(t, nil)
		inject(f, workspace.Fault{Method: "files.upload", Kind: "500", Count: 1})
		_, err := f.api.UploadFileContext(t.Context(), slack.UploadFileParameters{Content: "x", FileSize: 1, Filename: "a", Channel: f.channel})
		if err == nil {
			t.Error("the upload went through")
		}
	})
	t.Run("nonsense is refused", func(t *testing.T) {
		f := newFixture(t, nil)
		for _, fault := range []workspace.Fault{
			{Kind: "500"},
			{Method: "socket", Kind: "500"},
			{Method: "auth.test", Kind: "drop"},
			{Method: "*", Kind: "500", Count: -1},
			{Method: "*", Kind: "500", Probability: 2},
		} {
			if err := f.Inject(fault); err == nil {
				t.Errorf("%+v was accepted", fault)
			}
		}
		if got := f.Faults(); len(got) != 0 {
			t.Errorf("faults %+v", got)
		}
	})
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}
