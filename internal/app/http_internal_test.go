package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestABodyThatDoesNotComeHoldsNoConnection: whoever reaches the port could otherwise use
// up the connections, so that the cluster takes the bot for dead.
func TestABodyThatDoesNotComeHoldsNoConnection(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	opened, ended := make(chan string, 1), make(chan error, 1)
	e := endpoints{
		listen: "127.0.0.1:0", opened: func(addr string) { opened <- addr }, metrics: prometheus.NewRegistry(),
		alerts: http.NotFoundHandler(), within: 300 * time.Millisecond, log: slog.New(slog.DiscardHandler),
	}
	go func() { ended <- e.serve(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	addr := <-opened
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/alerts", "/nothing"} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{", path)
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		answer, err := io.ReadAll(conn) // until the server closes it
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 ") {
			t.Errorf("%s: %q, %v", path, answer, err)
		}
		_ = conn.Close()
	}
}
