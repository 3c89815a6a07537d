package notify_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/notify"
)

func hook(t *testing.T, url string, change func(*notify.WebhookOptions)) *notify.Webhook {
	t.Helper()
	o := notify.WebhookOptions{Name: "statuspage", URL: url + "/hook/s3cret-path", Token: "s3cret-token", Timeout: 10 * time.Second}
	if change != nil {
		change(&o)
	}
	w, err := notify.NewWebhook(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestAWebhookGetsTheTextAndWhatItIsAbout(t *testing.T) {
	var header http.Header
	got := map[string]any{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer s.Close()
	l := letter
	l.About = notify.About{Incident: "INC-12", Severity: "P0", Status: "fixing", Template: "update", Audience: "support", Drill: true}
	if err := hook(t, s.URL, nil).Send(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"id": "notice/12/3", "incident": "INC-12", "severity": "P0", "status": "fixing", "template": "update", "audience": "support", "drill": true,
		"subject": letter.Subject, "text": letter.Body, "at": "2026-11-21T12:30:00Z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for name, want := range map[string]string{"Authorization": "Bearer s3cret-token", "Idempotency-Key": "notice/12/3", "Content-Type": "application/json"} {
		if header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, header.Get(name), want)
		}
	}
}

func TestWhatAWebhookAnswersIsUnderstood(t *testing.T) {
	for status, want := range map[int]outcome{
		200: {Taken: true},
		204: {Taken: true},
		302: {Final: true, Sentence: "The webhook statuspage answered 302 Found: it points somewhere else, and that is not followed."},
		400: {Final: true, Sentence: "The webhook statuspage answered 400 Bad Request."},
		401: {Final: true, Sentence: "The webhook statuspage answered 401 Unauthorized: its token is not accepted."},
		404: {Final: true, Sentence: "The webhook statuspage answered 404 Not Found."},
		408: {Unclear: true, Sentence: "The webhook statuspage got the whole text and answered 408 Request Timeout, so nobody knows whether it was taken."},
		429: {Sentence: "The webhook statuspage answered 429 Too Many Requests."},
		500: {Sentence: "The webhook statuspage answered 500 Internal Server Error."},
		502: {Unclear: true, Sentence: "The webhook statuspage got the whole text and answered 502 Bad Gateway, so nobody knows whether it was taken."},
		503: {Unclear: true, Sentence: "The webhook statuspage got the whole text and answered 503 Service Unavailable, so nobody knows whether it was taken."},
		504: {Unclear: true, Sentence: "The webhook statuspage got the whole text and answered 504 Gateway Timeout, so nobody knows whether it was taken."},
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			var asked atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
			}))
			defer s.Close()
			if diff := cmp.Diff(want, outcomeOf(t, hook(t, s.URL, nil).Send(t.Context(), letter))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if n := asked.Load(); n != 1 {
				t.Errorf("it was asked %d times, want once", n)
			}
		})
	}
}

// raw serves connections by hand.
func raw(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			serve(conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = socket.Close()
		<-ended
	})
	return "http://" + socket.Addr().String()
}

// readAll reads a whole request.
func readAll(c net.Conn) {
	buffer, got := make([]byte, 4096), ""
	for !strings.Contains(got, "INC-12") || !strings.HasSuffix(got, "}") {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		got += string(buffer[:n])
	}
}

func TestAWebhookThatHangsOrHangsUpMayHaveTakenIt(t *testing.T) {
	l := letter
	l.About.Incident = "INC-12"
	for name, tt := range map[string]struct {
		serve func(net.Conn)
		want  outcome
	}{
		"hangs behind the text": {
			func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
			outcome{Unclear: true, Sentence: "The webhook statuspage got the whole text and did not answer in time, so nobody knows whether it took it."},
		},
		"hangs up behind the text": {
			func(c net.Conn) { readAll(c) },
			outcome{Unclear: true, Sentence: "The webhook statuspage got the whole text and hung up without an answer, so nobody knows whether it took it."},
		},
		"answers and never ends": {
			func(c net.Conn) {
				readAll(c)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\nx")
				_, _ = io.Copy(io.Discard, c)
			},
			outcome{Taken: true},
		},
		"answers without end": {
			func(c net.Conn) {
				readAll(c)
				_, err := io.WriteString(c, "HTTP/1.1 500 No\r\nContent-Length: 10000000000\r\n\r\n")
				for chunk := strings.Repeat("x", 1<<16); err == nil; {
					_, err = io.WriteString(c, chunk)
				}
			},
			outcome{Sentence: "The webhook statuspage answered 500 Internal Server Error."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := hook(t, raw(t, tt.serve), func(o *notify.WebhookOptions) { o.Timeout = 500 * time.Millisecond })
			if diff := cmp.Diff(tt.want, outcomeOf(t, w.Send(t.Context(), l))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAWebhookThatIsNotThereOrIsAStranger(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = socket.Close()
	want := outcome{Sentence: "The webhook statuspage cannot be reached."}
	sent := hook(t, "http://"+socket.Addr().String(), nil).Send(t.Context(), letter)
	if diff := cmp.Diff(want, outcomeOf(t, sent)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for e := sent; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), "s3cret") {
			t.Errorf("it tells the address: %v", e)
		}
	}

	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	defer s.Close()
	s.Config.ErrorLog = nil
	want = outcome{Final: true, Sentence: "The webhook statuspage has a certificate that cannot be trusted."}
	if diff := cmp.Diff(want, outcomeOf(t, hook(t, s.URL, nil).Send(t.Context(), letter))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAWebhookWithACertificateOfItsOwn(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	if err := hook(t, s.URL, func(o *notify.WebhookOptions) { o.CAs = pool }).Send(t.Context(), letter); err != nil {
		t.Error(err)
	}
}

func TestWebhookOptionsNameAllThatIsWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		options notify.WebhookOptions
		want    []string
	}{
		"everything":       {notify.WebhookOptions{URL: "http://s3cret.example.com", Token: "s3cret\r\nX: y", Timeout: -1}, []string{"name:", "url: it has to be https", "token:", "timeout:"}},
		"no address":       {notify.WebhookOptions{Name: "a", URL: "s3cret"}, []string{"url: it is no address"}},
		"another scheme":   {notify.WebhookOptions{Name: "a", URL: "ftp://s3cret.example.com"}, []string{"url: it has to be https"}},
		"a user":           {notify.WebhookOptions{Name: "a", URL: "https://u:s3cret@example.com"}, []string{"url: it holds a user"}},
		"a broken address": {notify.WebhookOptions{Name: "a", URL: "https://s3cret\x7f"}, []string{"url: it is no address"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := notify.NewWebhook(tt.options)
			if err == nil {
				t.Fatal("they were accepted")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("it does not name %q:\n%s", want, err)
				}
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("it tells a secret: %s", err)
			}
		})
	}
}
