package alertmanager

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/incidents"
)

const secret = "a-token-of-the-tests"

// book is a Taker that remembers.
type book struct {
	mu      sync.Mutex
	taken   [][]incidents.Fired
	refused []string
	err     error
	hang    chan struct{} // Take waits for it
}

func (b *book) Take(ctx context.Context, fired []incidents.Fired) (string, error) {
	if b.hang != nil {
		select {
		case <-b.hang:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return "", b.err
	}
	b.taken = append(b.taken, fired)
	return fmt.Sprintf("%d alerts are recorded.", len(fired)), nil
}

func (b *book) Refuse(_ context.Context, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused = append(b.refused, why)
}

func (b *book) sum() (taken int, refused []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.taken), b.refused
}

// one is a payload with so many alerts.
func one(alerts int) string {
	each := `{"status":"firing","labels":{"alertname":"DataInconsistencyDetected","severity":"critical","domain":"orders"},
	"annotations":{"summary":"7 orders are orphaned"},"startsAt":"2026-11-26T02:03:04.5Z","endsAt":"0001-01-01T00:00:00Z",
	"generatorURL":"https://prometheus.example.com/graph?g0.expr=x","fingerprint":"1a30ba71cca2921f"}`
	return `{"version":"4","groupKey":"{}:{alertname=\"DataInconsistencyDetected\"}","status":"firing","receiver":"integritybot",
	"truncatedAlerts":0,"externalURL":"https://alertmanager.example.com","alerts":[` + strings.Repeat(each+",", alerts-1) + each + `]}`
}

func post(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/alerts", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+secret)
	return r
}

func TestAlertsAreTakenAsTheyWereSent(t *testing.T) {
	b := &book{}
	w := httptest.NewRecorder()
	Handler(Options{Token: secret, Taker: b}).ServeHTTP(w, post(one(1)))
	if w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != "1 alerts are recorded." {
		t.Fatalf("the answer is %d %q", w.Code, w.Body)
	}
	want := [][]incidents.Fired{{{
		Group: `{}:{alertname="DataInconsistencyDetected"}`, Fingerprint: "1a30ba71cca2921f", Name: "DataInconsistencyDetected", Firing: true,
		Since: time.Date(2026, 11, 26, 2, 3, 4, 5e8, time.UTC), Severity: "critical", Domain: "orders",
		Summary: "7 orders are orphaned", URL: "https://prometheus.example.com/graph?g0.expr=x",
	}}}
	if diff := cmp.Diff(want, b.taken); diff != "" {
		t.Errorf("what was taken (-want +got):\n%s", diff)
	}
}

func TestWhatIsRefusedGetsOneSentenceAndIsRecorded(t *testing.T) {
	change := func(f func(r *http.Request)) func() *http.Request {
		return func() *http.Request { r := post(one(1)); f(r); return r }
	}
	for _, tt := range []struct {
		name    string
		request func() *http.Request
		status  int
		says    string
	}{
		{"no token", change(func(r *http.Request) { r.Header.Del("Authorization") }), 401, "The token is missing or wrong"},
		{"another token", change(func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret+"x") }), 401, "The token is missing or wrong"},
		{"the token as a password", change(func(r *http.Request) { r.SetBasicAuth("u", secret) }), 401, "The token is missing or wrong"},
		{"the token without its scheme", change(func(r *http.Request) { r.Header.Set("Authorization", secret) }), 401, "The token is missing or wrong"},
		{"a look", change(func(r *http.Request) { r.Method = http.MethodGet }), 405, "Alerts come by POST."},
		{"a form", change(func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }), 415, "Alerts come as application/json."},
		{"no JSON", func() *http.Request { return post("hello") }, 400, "The body is not the JSON"},
		{"half of it", func() *http.Request { return post(one(1)[:200]) }, 400, "The body is not the JSON"},
		{"two of it", func() *http.Request { return post(one(1) + one(1)) }, 400, "Something stands behind the JSON."},
		{"a list", func() *http.Request { return post("[]") }, 400, "The body is not the JSON"},
		{"nothing", func() *http.Request { return post("") }, 400, "The body is not the JSON"},
		{"an older payload", func() *http.Request { return post(strings.Replace(one(1), `"4"`, `"3"`, 1)) }, 400, "The version of the payload is not"},
		{"no alerts", func() *http.Request { return post(`{"version":"4","alerts":[]}`) }, 400, "There is no alert in it."},
		{"an alert that is neither", func() *http.Request {
			return post(strings.Replace(one(2), `[{"status":"firing"`, `[{"status":"maybe"`, 1))
		}, 400, "Alert 1 of 2: its status is neither firing nor resolved."},
		{"an alert of no time", func() *http.Request {
			return post(strings.Replace(one(1), "2026-11-26T02:03:04.5Z", "0001-01-01T00:00:00Z", 1))
		}, 400, "Alert 1 of 1: it does not say since when"},
		{"more alerts than one may send", func() *http.Request { return post(one(501)) }, 413, "There are more than 500 alerts"},
		{"ten megabytes", func() *http.Request { return post(strings.Repeat(" ", 10<<20)) }, 413, "The body has more than 1048576 bytes"},
		{"ten megabytes that nobody announced", func() *http.Request {
			r := post("")
			r.Body, r.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(`{"version":"4","x":"`), io.LimitReader(zeros{}, 10<<20))), -1
			return r
		}, 413, "The body has more than 1048576 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := &book{}
			w := httptest.NewRecorder()
			Handler(Options{Token: secret, Taker: b}).ServeHTTP(w, tt.request())
			if w.Code != tt.status || !strings.HasPrefix(w.Body.String(), tt.says) || strings.Count(strings.TrimSpace(w.Body.String()), "\n") > 0 {
				t.Errorf("the answer is %d %q, want %d %q", w.Code, w.Body, tt.status, tt.says)
			}
			if strings.Contains(w.Body.String(), secret) {
				t.Error("the answer holds the token")
			}
			if taken, refused := b.sum(); taken != 0 || len(refused) != 1 || !strings.HasPrefix(refused[0], tt.says) {
				t.Errorf("taken %d, recorded as refused %q", taken, refused)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestWithoutATokenInTheConfigNobodyIsLetIn(t *testing.T) {
	b := &book{}
	for _, header := range []string{"", "Bearer ", "Bearer x"} {
		r := post(one(1))
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		Handler(Options{Taker: b}).ServeHTTP(w, r)
		if w.Code != http.StatusNotFound || !strings.HasPrefix(w.Body.String(), "Alerts are off here") {
			t.Errorf("with %q the answer is %d %q", header, w.Code, w.Body)
		}
	}
	if taken, refused := b.sum(); taken != 0 || len(refused) != 3 {
		t.Errorf("taken %d, refused %q", taken, refused)
	}
}

func TestWhatIsNotRecordedIsAskedForAgain(t *testing.T) {
	b := &book{err: errors.New("postgres://user:password@store: connection refused")}
	h := Handler(Options{Token: secret, Taker: b})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, post(one(3)))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "password") {
		t.Errorf("while the store is away the answer is %d %q", w.Code, w.Body)
	}
	b.err = nil
	w = httptest.NewRecorder()
	h.ServeHTTP(w, post(one(3)))
	if taken, _ := b.sum(); w.Code != http.StatusOK || taken != 1 {
		t.Errorf("afterwards it is %d, taken %d", w.Code, taken)
	}
}

func TestAStoreThatHangsKeepsNobodyWaiting(t *testing.T) {
	b := &book{hang: make(chan struct{})}
	defer close(b.hang)
	w := httptest.NewRecorder()
	begun := time.Now()
	Handler(Options{Token: secret, Taker: b, TakeWithin: 50 * time.Millisecond}).ServeHTTP(w, post(one(1)))
	if took := time.Since(begun); w.Code != http.StatusServiceUnavailable || took > 5*time.Second {
		t.Errorf("the answer is %d after %s", w.Code, took)
	}
}

// TestABodyThatDoesNotComeHoldsNobodyUp is about real sockets: eight senders with the
// token hang, a ninth is told to come again, and all is well when the eight are gone.
func TestABodyThatDoesNotComeHoldsNobodyUp(t *testing.T) {
	b := &book{}
	server := httptest.NewServer(Handler(Options{Token: secret, Taker: b, ReadWithin: 500 * time.Millisecond, AtOnce: 8}))
	defer server.Close()
	addr := strings.TrimPrefix(server.URL, "http://")
	var hanging []net.Conn
	for range 8 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		fmt.Fprintf(conn, "POST /alerts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: 5000\r\n\r\n{", secret)
		hanging = append(hanging, conn)
	}
	send := func() int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/alerts", strings.NewReader(one(1)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+secret)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	deadline := time.Now().Add(10 * time.Second)
	busy, well := false, false
	for time.Now().Before(deadline) && !well {
		switch send() {
		case http.StatusServiceUnavailable:
			busy = true
		case http.StatusOK:
			well = busy
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !busy || !well {
		t.Errorf("busy while eight hang: %v, well afterwards: %v", busy, well)
	}
	for _, conn := range hanging {
		answer, _ := io.ReadAll(conn) // the server closes it
		if !strings.HasPrefix(string(answer), "HTTP/1.1 503") {
			t.Errorf("a body that did not come got %q", answer)
		}
	}
	if _, refused := b.sum(); len(refused) < 9 {
		t.Errorf("%d refusals are recorded, want the eight and those who were told to come again", len(refused))
	}
}

// hung is a Taker whose store does not answer.
type hung struct{ book }

func (*hung) Refuse(ctx context.Context, _ string) { <-ctx.Done() }

// TestWhoIsRefusedIsAnsweredAtOnce is about real sockets: neither a body that does not
// come, which nobody without the token may wait for, nor a store that hangs keeps the
// answer or the connection.
func TestWhoIsRefusedIsAnsweredAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name    string
		taker   Taker
		request string
		status  string
	}{
		{"no token, a body that does not come", &book{}, "POST /alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{", "401"},
		{"no token, chunks that do not come", &book{}, "POST /alerts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", "401"},
		{"a look with a body that does not come", &book{}, "GET /alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + secret + "\r\nContent-Length: 5000\r\n\r\n{", "405"},
		{"a store that hangs", &hung{}, "POST /alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "401"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(Handler(Options{Token: secret, Taker: tt.taker, ReadWithin: 500 * time.Millisecond, TakeWithin: 3 * time.Second}))
			defer server.Close()
			conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			begun := time.Now()
			fmt.Fprint(conn, tt.request)
			_ = conn.SetReadDeadline(begun.Add(20 * time.Second))
			in := bufio.NewReader(conn)
			answer, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("no answer after %s: %v", time.Since(begun), err)
			}
			defer answer.Body.Close()
			sentence, err := io.ReadAll(answer.Body)
			if took := time.Since(begun); err != nil || took > 2*time.Second || !strings.HasPrefix(answer.Status, tt.status) || len(sentence) == 0 {
				t.Errorf("%s %q after %s, %v", answer.Status, sentence, took, err)
			}
			if _, err := in.ReadByte(); errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) > 10*time.Second {
				t.Errorf("the connection is still there after %s: %v", time.Since(begun), err)
			}
		})
	}
}

// TestABodyThatComesSlowlyLeavesRecordingItsTime: what is left of the time to read is not
// the time to record.
func TestABodyThatComesSlowlyLeavesRecordingItsTime(t *testing.T) {
	b := &book{hang: make(chan struct{})}
	server := httptest.NewServer(Handler(Options{Token: secret, Taker: b, ReadWithin: 300 * time.Millisecond, TakeWithin: 10 * time.Second}))
	defer server.Close()
	time.AfterFunc(time.Second, func() { close(b.hang) })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(one(1)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = post("").Header
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if taken, _ := b.sum(); answer.StatusCode != http.StatusOK || taken != 1 {
		t.Errorf("the answer is %s, taken %d", answer.Status, taken)
	}
}

// TestRefusalsDoNotFillTheLog, which anybody could make them do.
func TestRefusalsDoNotFillTheLog(t *testing.T) {
	var text strings.Builder
	h := Handler(Options{Token: secret, Taker: &book{}, Log: slog.New(slog.NewTextHandler(&text, nil))})
	begun := time.Now()
	for range 1000 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/alerts", nil))
	}
	if n, most := strings.Count(text.String(), "\n"), 1+int(time.Since(begun)/time.Second); n < 1 || n > most {
		t.Errorf("%d lines for 1000 refusals, want 1 to %d", n, most)
	}
}
