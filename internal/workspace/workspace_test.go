package workspace_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/slack-go/slack"
	"go.uber.org/goleak"

	"github.com/integritybot/integritybot/internal/workspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a workspace with some people on a loopback address, with a clock
// that stands still.
type fixture struct {
	*workspace.Workspace
	t       *testing.T
	clock   *workspace.ManualClock
	api     *slack.Client
	http    *http.Client
	alice   string
	bob     string
	channel string
}

// start is the moment at which the tests' clocks stand at first.
var start = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// quietEvents are the subscriptions without those of messages, so that what people say
// is one event at most.
func quietEvents() []string {
	return slices.DeleteFunc(workspace.DefaultEvents(), func(e string) bool { return strings.HasPrefix(e, "message.") })
}

func newFixture(t *testing.T, change func(*workspace.Options)) *fixture {
	t.Helper()
	clock := workspace.NewManualClock(start)
	opt := workspace.Options{
		Clock: clock, Seed: 7,
		App: workspace.App{
			Events:   quietEvents(),
			Commands: []workspace.Command{{Command: "/integrity", UsageHint: "check orders", Description: "Look for wrong data"}},
			Shortcuts: []workspace.Shortcut{
				{CallbackID: "pick-check", Name: "Run a check", Type: "global"},
				{CallbackID: "explain", Name: "Explain", Type: "message"},
			},
		},
	}
	if change != nil {
		change(&opt)
	}
	w, err := workspace.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	f := &fixture{Workspace: w, t: t, clock: clock, http: &http.Client{Transport: transport, Timeout: 20 * time.Second}}
	if err := w.Listen(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
	})
	f.alice = f.person(workspace.Person{Name: "alice", RealName: "Alice Archer"})
	f.bob = f.person(workspace.Person{Name: "bob", RealName: "Bob Baker"})
	f.channel = f.addChannel(workspace.Channel{Name: "incidents", Members: []string{f.alice, f.bob, w.BotUserID()}})
	f.api = slack.New(w.BotToken(), slack.OptionAPIURL(w.APIURL()), slack.OptionHTTPClient(f.http), slack.OptionAppLevelToken(w.AppToken()))
	return f
}

func (f *fixture) person(p workspace.Person) string {
	f.t.Helper()
	added, err := f.AddPerson(p)
	if err != nil {
		f.t.Fatal(err)
	}
	return added.ID
}

func (f *fixture) addChannel(c workspace.Channel) string {
	f.t.Helper()
	added, err := f.AddChannel(c)
	if err != nil {
		f.t.Fatal(err)
	}
	return added.ID
}

// raw calls a Web API method with a JSON body and returns the answer as it is.
func (f *fixture) raw(method string, args map[string]any) (answer map[string]any, status int, header http.Header) {
	f.t.Helper()
	return f.post(f.APIURL()+method, args)
}

func (f *fixture) post(url string, args map[string]any) (answer map[string]any, status int, header http.Header) {
	f.t.Helper()
	body, err := json.Marshal(args)
	if err != nil {
		f.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, url, strings.NewReader(string(body)))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+f.BotToken())
	res, err := f.http.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		f.t.Fatalf("%s answered HTTP %d without JSON: %v", url, res.StatusCode, err)
	}
	return answer, res.StatusCode, res.Header
}

func (f *fixture) do(req *http.Request) (answer map[string]any) {
	f.t.Helper()
	res, err := f.http.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		f.t.Fatal(err)
	}
	return answer
}

// socket is a bare Socket Mode connection.
type socket struct {
	t    *testing.T
	conn *websocket.Conn
}

// envelope is what Slack sends.
type envelope struct {
	EnvelopeID   string         `json:"envelope_id"`
	Type         string         `json:"type"`
	Reason       string         `json:"reason"`
	Payload      map[string]any `json:"payload"`
	Accepts      bool           `json:"accepts_response_payload"`
	RetryAttempt int            `json:"retry_attempt"`
	RetryReason  string         `json:"retry_reason"`
	NumConns     int            `json:"num_connections"`
	ConnInfo     map[string]any `json:"connection_info"`
	DebugInfo    map[string]any `json:"debug_info"`
	raw          string
}

// connect opens a connection and reads its hello.
func (f *fixture) connect() *socket {
	f.t.Helper()
	s := f.dial()
	if hello := s.next(); hello.Type != "hello" {
		f.t.Fatalf("first message is %s, want hello", hello.raw)
	}
	return s
}

func (f *fixture) dial() *socket {
	f.t.Helper()
	_, url, err := f.api.StartSocketModeContext(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return f.dialURL(url)
}

func (f *fixture) dialURL(url string) *socket {
	f.t.Helper()
	return f.dialWith(url, nil)
}

// dialWith calls ping, if it is given, for every ping of the server.
func (f *fixture) dialWith(url string, ping func(payload string)) *socket {
	f.t.Helper()
	conn, _, err := f.tryDial(url, ping)
	if err != nil {
		f.t.Fatal(err)
	}
	conn.SetReadLimit(1 << 22)
	s := &socket{t: f.t, conn: conn}
	f.t.Cleanup(func() { _ = conn.CloseNow() })
	return s
}

// tryDial reports the HTTP status with which the server refused.
func (f *fixture) tryDial(url string, ping func(payload string)) (*websocket.Conn, int, error) {
	opt := &websocket.DialOptions{HTTPClient: f.http}
	if ping != nil {
		opt.OnPingReceived = func(_ context.Context, payload []byte) bool { ping(string(payload)); return true }
	}
	conn, res, err := websocket.Dial(f.t.Context(), url, opt)
	if res == nil {
		return conn, 0, err
	}
	if res.Body != nil {
		_ = res.Body.Close()
	}
	return conn, res.StatusCode, err
}

// read is the next message, or an error once the connection is over.
func (s *socket) read(limit time.Duration) (envelope, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	defer cancel()
	_, raw, err := s.conn.Read(ctx)
	if err != nil {
		return envelope{}, err
	}
	e := envelope{raw: string(raw)}
	err = json.Unmarshal(raw, &e)
	return e, err
}

func (s *socket) next() envelope {
	s.t.Helper()
	e, err := s.read(5 * time.Second)
	if err != nil {
		s.t.Fatalf("read from the socket: %v", err)
	}
	return e
}

func (s *socket) ack(e envelope, payload any) {
	s.t.Helper()
	body := map[string]any{"envelope_id": e.EnvelopeID}
	if payload != nil {
		body["payload"] = payload
	}
	raw, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(raw)
}

func (s *socket) write(raw []byte) {
	s.t.Helper()
	if err := s.conn.Write(s.t.Context(), websocket.MessageText, raw); err != nil {
		s.t.Fatal(err)
	}
}

// waitFor polls until ok, for what happens on another goroutine.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited 5 s in vain for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// acks counts the acknowledgements in the journal with the given event ("" for
// those in time).
func (f *fixture) acks(event string) int {
	n := 0
	for _, e := range f.Journal(0) {
		if e.Kind == "ack" && e.Event == event {
			n++
		}
	}
	return n
}

// postButton posts a message with one button, "go", and returns its ts.
func (f *fixture) postButton() string {
	f.t.Helper()
	answer, _, _ := f.raw("chat.postMessage", map[string]any{"channel": f.channel, "text": "press", "blocks": buttonBlocks()})
	if answer["ok"] != true {
		f.t.Fatalf("chat.postMessage: %v", answer)
	}
	return answer["ts"].(string)
}

func buttonBlocks() []any {
	return []any{map[string]any{"type": "actions", "block_id": "b", "elements": []any{map[string]any{
		"type": "button", "action_id": "go", "value": "42", "text": map[string]any{"type": "plain_text", "text": "Go"},
	}}}}
}

func (f *fixture) messages(as string) []workspace.Message {
	f.t.Helper()
	messages, _, err := f.Messages(as, f.channel)
	if err != nil {
		f.t.Fatal(err)
	}
	return messages
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var refusal *workspace.Refusal
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Fatalf("got %v, want refusal %q", err, code)
	}
}

func TestSlashCommandToAnswer(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	if _, err := f.Say(f.alice, f.channel, "", "/integrity check orders"); err != nil {
		t.Fatal(err)
	}
	e := s.next()
	if e.Type != "slash_commands" || !e.Accepts || e.Payload["text"] != "check orders" || e.Payload["command"] != "/integrity" {
		t.Fatalf("envelope %s", e.raw)
	}
	if e.Payload["is_enterprise_install"] != "false" {
		t.Errorf("is_enterprise_install = %v, want the string false", e.Payload["is_enterprise_install"])
	}
	if _, ok := e.Payload["thread_ts"]; ok {
		t.Error("a slash command has no thread_ts")
	}
	s.ack(e, nil)
	answer, status, _ := f.post(e.Payload["response_url"].(string), map[string]any{"text": "on it"})
	if status != http.StatusOK || answer["ok"] != true {
		t.Fatalf("response_url answered %d %v", status, answer)
	}
	got := f.messages(f.alice)
	if len(got) != 1 || got[0].Text != "on it" || !got[0].Ephemeral {
		t.Fatalf("alice sees %+v", got)
	}
	if seen := f.messages(f.bob); len(seen) != 0 {
		t.Fatalf("bob sees %+v, want nothing", seen)
	}
	if v := f.Violations(); len(v) != 0 {
		t.Fatalf("violations %+v", v)
	}
}

func TestPage(t *testing.T) {
	f := newFixture(t, nil)
	for path, want := range map[string]int{"/": http.StatusOK, "/nothing.js": http.StatusNotFound} {
		res, err := f.http.Get(f.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != want {
			t.Errorf("%s: HTTP %d, %v; want %d", path, res.StatusCode, err, want)
		}
		if path == "/" && !strings.Contains(string(body), "<html") {
			t.Errorf("the page is %q", body)
		}
	}
}
