package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/workspace/web"
)

// fake is the control API with canned answers: enough of a simulator for the
// page to be driven, and a record of what the page sent.
type fake struct {
	*httptest.Server

	mu         sync.Mutex
	state      map[string]any
	messages   map[string][]map[string]any // channel → top-level messages
	threads    map[string][]map[string]any // "channel/ts" → parent and replies
	pins       map[string][]string
	views      []map[string]any
	home       map[string]any
	homeOpened int
	faults     []map[string]any
	files      map[string]string               // path → content
	refuse     map[string]map[string]any       // path of a POST → its refusal
	onPost     map[string]func(map[string]any) // path of a POST → what follows
	streams    map[chan string]struct{}
	closing    chan struct{}
	refused    bool // streams are refused while the "connection" is down

	posted chan sent
}

// sent is one POST of the page.
type sent struct {
	Path string
	Body map[string]any
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{
		state: scenery(), messages: map[string][]map[string]any{}, threads: map[string][]map[string]any{}, pins: map[string][]string{},
		files: map[string]string{}, refuse: map[string]map[string]any{}, onPost: map[string]func(map[string]any){},
		streams: map[chan string]struct{}{}, closing: make(chan struct{}), posted: make(chan sent, 64),
	}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(web.Assets()))
	mux.HandleFunc("GET /sim/state", f.serveState)
	mux.HandleFunc("GET /sim/channels/{id}/messages", f.serveMessages)
	mux.HandleFunc("GET /sim/channels/{id}/threads/{ts}", f.serveThread)
	mux.HandleFunc("GET /sim/views", func(w http.ResponseWriter, _ *http.Request) {
		f.answer(w, func() any { return map[string]any{"ok": true, "stack": f.views} })
	})
	mux.HandleFunc("GET /sim/home", func(w http.ResponseWriter, _ *http.Request) {
		f.answer(w, func() any {
			f.homeOpened++
			return map[string]any{"ok": true, "view": f.home}
		})
	})
	mux.HandleFunc("GET /sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		f.answer(w, func() any { return map[string]any{"ok": true, "faults": f.faults} })
	})
	mux.HandleFunc("GET /sim/events", f.serveEvents)
	mux.HandleFunc("POST /sim/", f.servePost)
	mux.HandleFunc("GET /files/", f.serveFile)
	f.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		close(f.closing)
		f.Server.Close()
	})
	return f
}

// scenery is the workspace that every test starts from.
func scenery() map[string]any {
	person := func(id, name, full, kind string, groups ...string) map[string]any {
		return map[string]any{"id": id, "name": name, "real_name": full, "kind": kind, "groups": groups}
	}
	channel := func(id, name string, private bool, unread int, members ...string) map[string]any {
		return map[string]any{"id": id, "name": name, "is_private": private, "unread": unread, "members": members, "bot_is_member": true}
	}
	direct := channel("D0APP", "", false, 0, "U0ALICE", "U0BOT")
	direct["is_im"] = true
	withBob := channel("D0BOB", "", false, 0, "U0ALICE", "U0BOB")
	withBob["is_im"] = true
	return map[string]any{
		"ok": true, "rev": 1, "me": "U0ALICE", "team": map[string]any{"id": "T0", "name": "Acme Shop"},
		"bot": map[string]any{"user_id": "U0BOT", "name": "Integrity", "online": true},
		"people": []any{
			person("U0ALICE", "alice", "Alice Archer", "member", "S0RESP"), person("U0BOB", "bob", "Bob Bell", "member", "S0APPR"),
			person("U0GUS", "gus", "Gus Guest", "guest"), person("U0BOT", "integrity", "Integrity", "bot"),
		},
		"groups": []any{map[string]any{"id": "S0RESP", "handle": "responders", "users": []string{"U0ALICE"}}, map[string]any{"id": "S0APPR", "handle": "approvers", "users": []string{"U0BOB"}}},
		"channels": []any{
			channel("C0INC", "inc-orders", false, 0, "U0ALICE", "U0BOB", "U0BOT"), channel("C0GEN", "general", false, 2, "U0ALICE", "U0BOB"),
			channel("C0SEC", "payments-core", true, 0, "U0ALICE", "U0BOT"), direct, withBob,
		},
		"commands":  []any{map[string]any{"command": "/integrity", "usage_hint": "check [all | domain | check] | help", "description": "Check data, see what is wrong, fix it"}},
		"shortcuts": []any{map[string]any{"callback_id": "pick_check", "name": "Run a check", "description": "Pick a check to run", "type": "global"}, map[string]any{"callback_id": "explain", "name": "Explain this finding", "type": "message"}},
		"tries":     []string{"/integrity check orders", "/integrity help", "@integrity whoami"},
	}
}

// ts is a message time: minutes after a fixed morning, in the current year so
// that dates are drawn without one.
func ts(minute int) string {
	morning := time.Now().Truncate(24 * time.Hour).Add(-15 * time.Hour)
	return fmt.Sprintf("%d.%06d", morning.Add(time.Duration(minute)*time.Minute).Unix(), minute)
}

func (f *fake) answer(w http.ResponseWriter, body func() any) {
	f.mu.Lock()
	encoded, err := json.Marshal(body())
	f.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(encoded) // a browser that went away cannot be told
}

func (f *fake) serveState(w http.ResponseWriter, r *http.Request) {
	f.answer(w, func() any {
		if as := r.URL.Query().Get("as"); as != "" {
			f.state["me"] = as
		}
		return f.state
	})
}

func (f *fake) serveMessages(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	f.answer(w, func() any {
		return map[string]any{"ok": true, "messages": append([]map[string]any{}, f.messages[id]...), "pins": f.pins[id]}
	})
}

func (f *fake) serveThread(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("id") + "/" + r.PathValue("ts")
	f.answer(w, func() any {
		return map[string]any{"ok": true, "messages": append([]map[string]any{}, f.threads[key]...)}
	})
}

func (f *fake) serveFile(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	content, known := f.files[r.URL.Path]
	f.mu.Unlock()
	if !known {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, r.URL.Path, time.Time{}, strings.NewReader(content))
}

func (f *fake) servePost(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/sim/")
	f.posted <- sent{Path: path, Body: body}
	f.mu.Lock()
	refusal, after := f.refuse[path], f.onPost[path]
	f.mu.Unlock()
	if refusal != nil {
		w.WriteHeader(http.StatusBadRequest)
		f.answer(w, func() any { return refusal })
		return
	}
	if after != nil {
		after(body)
	}
	f.answer(w, func() any { return map[string]any{"ok": true} })
}

func (f *fake) serveEvents(w http.ResponseWriter, r *http.Request) {
	stream := make(chan string, 16)
	f.mu.Lock()
	refused := f.refused
	if !refused {
		f.streams[stream] = struct{}{}
	}
	f.mu.Unlock()
	if refused {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	defer func() {
		f.mu.Lock()
		delete(f.streams, stream)
		f.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	_, _ = fmt.Fprint(w, ": hello\n\n")
	for control.Flush() == nil {
		select {
		case event, open := <-stream:
			if !open {
				return
			}
			_, _ = fmt.Fprintf(w, "data: %s\n\n", event)
		case <-r.Context().Done():
			return
		case <-f.closing:
			return
		}
	}
}

// emit sends one event to every open page.
func (f *fake) emit(event map[string]any) {
	encoded, err := json.Marshal(event)
	if err != nil {
		panic(err) // events are literals of the tests
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for stream := range f.streams {
		stream <- string(encoded)
	}
}

// cut ends every stream and refuses new ones until mend.
func (f *fake) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = true
	for stream := range f.streams {
		close(stream)
		delete(f.streams, stream)
	}
}

func (f *fake) mend() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = false
}

// add puts a message into a channel and tells the pages.
func (f *fake) add(channel string, message map[string]any) {
	f.mu.Lock()
	f.messages[channel] = append(f.messages[channel], message)
	f.mu.Unlock()
	f.emit(map[string]any{"type": "message", "channel": channel, "ts": message["ts"]})
}

// set changes the canned answers.
func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// next waits for the page's next POST to path.
func (f *fake) next(t *testing.T, path string) map[string]any {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case got := <-f.posted:
			if got.Path == path {
				return got.Body
			}
		case <-deadline:
			t.Fatalf("the page sent nothing to /sim/%s within %s", path, patience)
		}
	}
}

// none fails if the page posted to path; it looks only at what has arrived.
func (f *fake) none(t *testing.T, path string) {
	t.Helper()
	for {
		select {
		case got := <-f.posted:
			if got.Path == path {
				t.Fatalf("the page sent %v to /sim/%s, which it must not", got.Body, path)
			}
		default:
			return
		}
	}
}
