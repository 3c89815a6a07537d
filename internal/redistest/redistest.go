// Package redistest gives tests real Redis servers, a journal of every command that
// they were sent, and a network between that can hang or break.
//
// It is for tests alone. Servers listen on loopback and end with the test.
package redistest

import (
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/integritybot/integritybot/internal/redisproc"
)

// Options say what to start; see redisproc.Options.
type Options struct {
	Shape    redisproc.Shape
	Settings map[string]string
}

// Server is one Redis of a test.
type Server struct {
	*redisproc.Server
	t     testing.TB
	shape redisproc.Shape
}

// Main silences the client's library, which would write to standard error what tests
// provoke, and runs the tests of a package.
func Main(m *testing.M) int {
	logging.Disable()
	return m.Run()
}

// Start starts a Redis that ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := redisproc.Start(t.Context(), redisproc.Options{Shape: o.Shape, Temp: t.TempDir(), Settings: o.Settings})
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	t.Cleanup(s.Stop)
	return &Server{Server: s, t: t, shape: o.Shape}
}

// Client is a client of the test's own, past every proxy.
func (s *Server) Client() goredis.UniversalClient {
	s.t.Helper()
	o := &goredis.UniversalOptions{Addrs: s.Addrs(), IsClusterMode: s.shape == redisproc.Cluster, Protocol: 2}
	if s.shape == redisproc.Watched {
		o.MasterName = redisproc.Master
	}
	client := goredis.NewUniversalClient(o)
	s.t.Cleanup(func() { _ = client.Close() })
	return client
}

// Do runs commands, each a line, and fails the test if one fails. Words stand apart by
// spaces; there are no quotes.
func (s *Server) Do(commands ...string) {
	s.t.Helper()
	client := s.Client()
	for _, line := range commands {
		var words []any
		for _, w := range strings.Fields(line) {
			words = append(words, w)
		}
		if err := client.Do(s.t.Context(), words...).Err(); err != nil {
			s.t.Fatalf("redistest: %s: %v", line, err)
		}
	}
}

// Direct is a client of one server, whatever it belongs to.
func Direct(t testing.TB, addr string) *goredis.Client {
	t.Helper()
	client := goredis.NewClient(&goredis.Options{Addr: addr, Protocol: 2})
	t.Cleanup(func() { _ = client.Close() })
	return client
}
