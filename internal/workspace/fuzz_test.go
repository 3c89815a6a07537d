package workspace_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/integritybot/integritybot/internal/workspace"
)

// Whatever a bot sends, the simulator answers with JSON and keeps running, and
// what it stored can be shown.
func FuzzWebAPI(f *testing.F) {
	methods := []string{
		"chat.postMessage", "chat.update", "chat.postEphemeral", "chat.delete", "views.publish", "views.open", "views.update",
		"conversations.history", "conversations.replies", "conversations.create", "conversations.open", "conversations.list",
		"files.getUploadURLExternal", "files.completeUploadExternal", "reactions.add", "pins.add", "bookmarks.add", "users.info",
	}
	f.Add(uint(0), `{"channel":"C0FUZZ","text":"x","blocks":[{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"x"}}]}]}`)
	f.Add(uint(0), `{"channel":"C0FUZZ","blocks":"[{\"type\":\"table\",\"rows\":[[{\"type\":\"raw_text\",\"text\":\"x\"}]]}]","metadata":{"event_type":"a","event_payload":{}}}`)
	f.Add(uint(0), `{"channel":"U0FUZZ","attachments":[{"blocks":[1,null,{}]}],"thread_ts":1}`)
	f.Add(uint(4), `{"user_id":"U0FUZZ","view":{"type":"home","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"x"},"accessory":{"type":"overflow","options":[]}}]}}`)
	f.Add(uint(7), `{"channel":"C0FUZZ","limit":"-1","cursor":"YXQ6OTk5","oldest":".","latest":"1e9"}`)
	f.Add(uint(13), `{"files":[{"id":"F"},3],"channels":["C0FUZZ",4]}`)
	f.Fuzz(func(t *testing.T, which uint, body string) {
		w, err := workspace.New(workspace.Options{Clock: workspace.NewManualClock(start), Rates: workspace.RatesOff})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}()
		if _, err := w.AddPerson(workspace.Person{ID: "U0FUZZ", Name: "alice"}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.AddChannel(workspace.Channel{ID: "C0FUZZ", Name: "fuzz", Members: []string{"U0FUZZ", w.BotUserID()}}); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"application/json", "application/x-www-form-urlencoded"} {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/"+methods[which%uint(len(methods))], strings.NewReader(body))
			req.Header.Set("Content-Type", kind)
			req.Header.Set("Authorization", "Bearer "+w.BotToken())
			rec := httptest.NewRecorder()
			w.Handler().ServeHTTP(rec, req)
			var answer map[string]any
			if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil || answer["ok"] == nil {
				t.Fatalf("%s answered %q", req.URL.Path, rec.Body)
			}
		}
		for _, path := range []string{"state?as=U0FUZZ", "channels/C0FUZZ/messages?as=U0FUZZ", "journal", "home?as=U0FUZZ"} {
			rec := httptest.NewRecorder()
			w.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/sim/"+path, nil))
			if rec.Code != http.StatusOK || !json.Valid(rec.Body.Bytes()) {
				t.Fatalf("%s answered HTTP %d %q", path, rec.Code, rec.Body)
			}
		}
	})
}
