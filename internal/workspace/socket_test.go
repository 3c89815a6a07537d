package workspace_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/internal/workspace"
)

// say types a command as alice and returns nothing: its envelope is read from
// a socket.
func (f *fixture) command(text string) {
	f.t.Helper()
	if _, err := f.Say(f.alice, f.channel, "", "/integrity "+text); err != nil {
		f.t.Fatal(err)
	}
}

// mention speaks to the bot, which is an event.
func (f *fixture) mention(text string) {
	f.t.Helper()
	if _, err := f.Say(f.alice, f.channel, "", "@integrity "+text); err != nil {
		f.t.Fatal(err)
	}
}

func TestHelloAndPings(t *testing.T) {
	f := newFixture(t, nil)
	_, url, err := f.api.StartSocketModeContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pings := make(chan string, 10)
	s := f.dialWith(url, func(payload string) { pings <- payload })
	hello := s.next()
	if hello.Type != "hello" || hello.NumConns != 1 || hello.ConnInfo["app_id"] != "A0INTEGRITY" || hello.DebugInfo["approximate_connection_time"] != 18060.0 {
		t.Fatalf("hello is %s", hello.raw)
	}
	go func() { _, _ = s.read(5 * time.Second) }() // pings are handled while reading
	f.clock.Advance(10 * time.Second)
	select {
	case got := <-pings:
		if !strings.HasPrefix(got, "Ping from applink-") {
			t.Fatalf("ping says %q", got)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("no ping")
	}
}

func TestClientThatStopsAnsweringPingsIsDropped(t *testing.T) {
	f := newFixture(t, func(o *workspace.Options) { o.Timing.Pong = 30 * time.Second })
	f.connect() // and never read again
	for range 4 {
		f.clock.Advance(10 * time.Second)
	}
	state, err := f.State(f.alice)
	if err != nil || state.Bot.Online {
		t.Fatalf("the bot is still online (%v)", err)
	}
}

func TestUnacknowledgedCommandTimesOut(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	f.command("check orders")
	e := s.next()
	f.clock.Advance(2999 * time.Millisecond)
	if got := f.messages(f.alice); len(got) != 0 {
		t.Fatalf("alice sees %+v before 3 s are over", got)
	}
	f.clock.Advance(time.Millisecond)
	got := f.messages(f.alice)
	if len(got) != 1 || got[0].Text != `/integrity failed with the error "operation_timeout"` || got[0].User != "USLACKBOT" || !got[0].Ephemeral {
		t.Fatalf("alice sees %+v", got)
	}
	s.ack(e, nil) // too late, and noted as such
	waitFor(t, "the late acknowledgement", func() bool { return f.acks("late") == 1 })
	f.clock.Advance(10 * time.Minute)
	f.command("again")
	if next := s.next(); next.Payload["text"] != "again" {
		t.Fatalf("a slash command was redelivered: %s", next.raw)
	}
}

func TestCommandWithoutConnection(t *testing.T) {
	f := newFixture(t, nil)
	f.command("check orders")
	got := f.messages(f.alice)
	if len(got) != 1 || got[0].Text != "/integrity failed because the app did not respond" {
		t.Fatalf("alice sees %+v", got)
	}
}

func TestEventsAreRedelivered(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	f.mention("hello")
	first := s.next()
	if first.Type != "events_api" || first.RetryAttempt != 0 || first.RetryReason != "" {
		t.Fatalf("first delivery %s", first.raw)
	}
	envelopes := map[string]bool{first.EnvelopeID: true}
	for attempt, wait := range []time.Duration{0, time.Minute, 5 * time.Minute} {
		f.clock.Advance(3*time.Second + wait)
		e := s.next()
		if e.RetryAttempt != attempt+1 || e.RetryReason != "timeout" {
			t.Fatalf("delivery %d is %s", attempt+2, e.raw)
		}
		if e.Payload["event_id"] != first.Payload["event_id"] {
			t.Fatalf("event_id changed from %v to %v", first.Payload["event_id"], e.Payload["event_id"])
		}
		if envelopes[e.EnvelopeID] {
			t.Fatalf("envelope_id %s was used before", e.EnvelopeID)
		}
		envelopes[e.EnvelopeID] = true
	}
	f.clock.Advance(time.Hour)
	f.mention("another")
	if e := s.next(); e.RetryAttempt != 0 || e.Payload["event_id"] == first.Payload["event_id"] {
		t.Fatalf("a fifth delivery: %s", e.raw)
	}
}

func TestAcknowledgedEventIsNotRedelivered(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	f.mention("hello")
	s.ack(s.next(), nil)
	waitFor(t, "the acknowledgement", func() bool { return f.acks("") == 1 })
	f.clock.Advance(10 * time.Minute)
	for _, e := range f.Journal(0) {
		if e.Retry > 0 {
			t.Fatalf("redelivered: %+v", e)
		}
	}
}

func TestEventWaitsForConnection(t *testing.T) {
	f := newFixture(t, nil)
	f.mention("hello")
	s := f.connect()
	f.clock.Advance(time.Second)
	if e := s.next(); e.Type != "events_api" || e.RetryAttempt != 1 {
		t.Fatalf("got %s", e.raw)
	}
}

func TestClicksAreNotRedelivered(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	ts := f.postButton()
	result := make(chan error, 1)
	go func() { result <- f.Click(workspace.Click{As: f.alice, Channel: f.channel, TS: ts, ActionID: "go"}) }()
	if e := s.next(); e.Type != "interactive" || e.Accepts {
		t.Fatalf("got %s", e.raw)
	}
	f.clock.Advance(3 * time.Second)
	wantCode(t, <-result, "operation_timeout")
	f.clock.Advance(time.Hour)
	f.command("next")
	if e := s.next(); e.Type != "slash_commands" {
		t.Fatalf("the click was redelivered: %s", e.raw)
	}
}

func TestRefreshOverlap(t *testing.T) {
	f := newFixture(t, nil)
	old := f.connect()
	if err := f.Inject(workspace.Fault{Method: "socket", Kind: "refresh"}); err != nil {
		t.Fatal(err)
	}
	if e := old.next(); e.Type != "disconnect" || e.Reason != "warning" {
		t.Fatalf("got %s, want a warning", e.raw)
	}
	f.command("on the old one")
	old.ack(old.next(), nil)
	f.clock.Advance(10 * time.Second)
	if e := old.next(); e.Type != "disconnect" || e.Reason != "refresh_requested" {
		t.Fatalf("got %s, want refresh_requested", e.raw)
	}
	// Until the cut envelopes still arrive on the old connection.
	f.command("after the request")
	if e := old.next(); e.Payload["text"] != "after the request" {
		t.Fatalf("got %s", e.raw)
	}
	fresh := f.connect()
	f.clock.Advance(2 * time.Second)
	if _, err := old.read(5 * time.Second); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Fatalf("the old connection ended with %v", err)
	}
	f.command("on the new one")
	if e := fresh.next(); e.Payload["text"] != "on the new one" {
		t.Fatalf("got %s", e.raw)
	}
}

func TestConnectionsAreRefreshedByThemselves(t *testing.T) {
	f := newFixture(t, func(o *workspace.Options) { o.Timing.Connection = 5 * time.Second })
	s := f.connect()
	f.clock.Advance(5 * time.Second)
	if e := s.next(); e.Reason != "warning" {
		t.Fatalf("got %s", e.raw)
	}
}

func TestDebugReconnects(t *testing.T) {
	f := newFixture(t, nil)
	_, url, err := f.api.StartSocketModeContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := f.dialURL(url + "&debug_reconnects=true")
	s.next()
	f.clock.Advance(6 * time.Minute)
	if e := s.next(); e.Reason != "warning" {
		t.Fatalf("got %s", e.raw)
	}
}

func TestEnvelopesAreSpread(t *testing.T) {
	f := newFixture(t, nil)
	const connections, commands = 4, 200
	var got [connections]atomic.Int32
	for i := range connections {
		s := f.connect()
		go func() {
			for {
				if _, err := s.read(10 * time.Second); err != nil {
					return
				}
				got[i].Add(1)
			}
		}()
	}
	for range commands {
		f.command("x")
	}
	total := func() (n int32) {
		for i := range got {
			n += got[i].Load()
		}
		return n
	}
	waitFor(t, "all commands", func() bool { return total() == commands })
	for i := range got {
		if n := got[i].Load(); n < commands/connections/2 || n > commands/connections*2 {
			t.Errorf("connection %d got %d of %d commands", i, n, commands)
		}
	}
}

func TestTicketIsGoodForOneConnection(t *testing.T) {
	f := newFixture(t, nil)
	open := func() string {
		_, url, err := f.api.StartSocketModeContext(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return url
	}
	refused := func(name, url string) {
		conn, status, err := f.tryDial(url, nil)
		if err == nil {
			_ = conn.CloseNow()
			t.Fatalf("%s ticket was accepted", name)
		}
		if status != http.StatusUnauthorized {
			t.Fatalf("%s ticket: %v", name, err)
		}
	}
	url := open()
	f.dialURL(url)
	refused("a used", url)
	url = open()
	f.clock.Advance(31 * time.Second)
	refused("an old", url)
	refused("an invented", strings.Replace(url, "ticket=", "ticket=x", 1))
}

func TestEleventhConnectionIsRefused(t *testing.T) {
	f := newFixture(t, nil)
	for i := range 10 {
		if hello := f.dial().next(); hello.NumConns != i+1 {
			t.Fatalf("hello %d is %s", i+1, hello.raw)
		}
	}
	last := f.dial()
	if e := last.next(); e.Type != "disconnect" || e.Reason != "too_many_websockets" {
		t.Fatalf("got %s", e.raw)
	}
	if _, err := last.read(5 * time.Second); err == nil {
		t.Fatal("the eleventh connection stayed open")
	}
}

func TestAcknowledgementsThatSlackIgnores(t *testing.T) {
	f := newFixture(t, nil)
	a := f.connect()
	f.command("large")
	e := a.next()
	a.ack(e, map[string]any{"text": strings.Repeat("x", 20*1024)})
	waitFor(t, "the large acknowledgement", func() bool { return f.acks("dropped") == 1 })

	// In fragments: Slack does not put them together.
	w, err := a.conn.Writer(t.Context(), websocket.MessageText)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`{"envelope_id":"` + e.EnvelopeID + `","payload":{"text":"`, strings.Repeat("x", 9000), `"}}`} {
		if _, err := w.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a.write([]byte(`{"hello":1}`))
	waitFor(t, "the stray message", func() bool { return f.acks("dropped") == 3 })
	f.clock.Advance(3 * time.Second)
	if got := f.messages(f.alice); len(got) != 1 || !strings.Contains(got[0].Text, "operation_timeout") {
		t.Fatalf("alice sees %+v, want a timeout", got)
	}
	if v := f.Violations(); len(v) != 3 {
		t.Fatalf("violations %+v, want 3", v)
	}
}

func TestAcknowledgementOnAnotherConnection(t *testing.T) {
	f := newFixture(t, nil)
	a := f.connect()
	f.command("x")
	e := a.next()
	b := f.connect()
	b.ack(e, nil)
	waitFor(t, "the acknowledgement", func() bool { return f.acks("") == 1 })
	v := f.Violations()
	if len(v) != 1 || v[0].Conn != "2" || !strings.Contains(v[0].Violation, "another connection") {
		t.Fatalf("violations %+v", v)
	}
}

func TestPayloadInAcknowledgement(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	f.command("x")
	s.ack(s.next(), map[string]any{"text": "right away", "response_type": "in_channel"})
	waitFor(t, "the answer", func() bool { return len(f.messages(f.bob)) == 2 })
	got := f.messages(f.bob)
	if got[0].Command != "/integrity x" || got[0].User != f.alice || got[1].Text != "right away" {
		t.Fatalf("bob sees %+v", got)
	}
	f.mention("x")
	s.ack(s.next(), map[string]any{"text": "ignored"})
	waitFor(t, "the violation", func() bool { return len(f.Violations()) == 1 })
	if text := f.Violations()[0].Violation; !strings.Contains(text, "does not accept a response payload") {
		t.Fatal(text)
	}
}

func TestSocketFaults(t *testing.T) {
	inject := func(f *fixture, kind string, count int) {
		if err := f.Inject(workspace.Fault{Method: "socket", Kind: kind, Count: count, Error: "internal_error"}); err != nil {
			f.t.Fatal(err)
		}
	}
	t.Run("warning", func(t *testing.T) {
		f := newFixture(t, nil)
		a, b := f.connect(), f.connect()
		inject(f, "warning", 1)
		if e := a.next(); e.Reason != "warning" {
			t.Fatalf("got %s", e.raw)
		}
		inject(f, "warning", 0)
		if e := b.next(); e.Reason != "warning" {
			t.Fatalf("got %s", e.raw)
		}
	})
	t.Run("drop", func(t *testing.T) {
		f := newFixture(t, nil)
		s := f.connect()
		inject(f, "drop", 0)
		_, err := s.read(5 * time.Second)
		if err == nil || websocket.CloseStatus(err) != -1 {
			t.Fatalf("got %v, want an end without a close frame", err)
		}
		f.connect()
	})
	t.Run("link_disabled", func(t *testing.T) {
		f := newFixture(t, nil)
		s := f.connect()
		inject(f, "link_disabled", 0)
		if e := s.next(); e.Reason != "link_disabled" {
			t.Fatalf("got %s", e.raw)
		}
		again := f.connect()
		if e := again.next(); e.Reason != "link_disabled" {
			t.Fatalf("a later connection got %s", e.raw)
		}
		f.ClearFaults()
		f.connect()
		f.command("x")
	})
	t.Run("silence", func(t *testing.T) {
		f := newFixture(t, nil)
		_, url, err := f.api.StartSocketModeContext(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var pings atomic.Int32
		s := f.dialWith(url, func(string) { pings.Add(1) })
		s.next()
		inject(f, "silence", 1)
		f.clock.Advance(time.Minute)
		f.command("still there")
		if e := s.next(); e.Payload["text"] != "still there" || pings.Load() != 0 {
			t.Fatalf("got %s and %d pings", e.raw, pings.Load())
		}
		f.ClearFaults()
		f.clock.Advance(10 * time.Second)
		f.command("again")
		s.next()
		if pings.Load() != 1 {
			t.Fatalf("%d pings after the silence, want 1", pings.Load())
		}
	})
	t.Run("duplicate", func(t *testing.T) {
		f := newFixture(t, nil)
		s := f.connect()
		inject(f, "duplicate", 3)
		f.command("x")
		first := s.next()
		for range 2 {
			if e := s.next(); e.EnvelopeID != first.EnvelopeID {
				t.Fatalf("copy has envelope_id %s, want %s", e.EnvelopeID, first.EnvelopeID)
			}
		}
	})
	t.Run("no_open", func(t *testing.T) {
		f := newFixture(t, nil)
		inject(f, "no_open", 2)
		for range 2 {
			_, _, err := f.api.StartSocketModeContext(t.Context())
			var known slack.SlackErrorResponse
			if !errors.As(err, &known) || known.Err != "internal_error" {
				t.Fatalf("got %v", err)
			}
		}
		f.connect()
	})
}
