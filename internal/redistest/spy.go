package redistest

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/redisproc"
)

// Command is one command that a server ran.
type Command struct {
	Words  []string // the name first, as it was sent
	Script bool     // a script ran it
}

// Spy is a journal of the commands that all servers of a Redis ran, those that scripts
// ran among them (MONITOR). Commands of logging in are not in it.
type Spy struct {
	t     testing.TB
	nodes []*monitor
}

// monitor is the journal of one server.
type monitor struct {
	conn net.Conn
	addr string

	mu   sync.Mutex
	all  []Command
	seen chan struct{} // closed, and replaced, when a command comes
}

// Spy begins a journal that ends with the test.
func (s *Server) Spy() *Spy {
	s.t.Helper()
	spy := &Spy{t: s.t}
	for _, n := range s.Nodes() {
		spy.nodes = append(spy.nodes, watch(s.t, n))
	}
	return spy
}

func watch(t testing.TB, n *redisproc.Node) *monitor {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", n.Addr())
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	m := &monitor{conn: conn, addr: n.Addr(), seen: make(chan struct{})}
	if _, err := conn.Write([]byte("MONITOR\r\n")); err != nil {
		t.Fatalf("redistest: %v", err)
	}
	reader := bufio.NewReader(conn)
	if line, err := reader.ReadString('\n'); err != nil || !strings.HasPrefix(line, "+OK") {
		t.Fatalf("redistest: MONITOR: %q, %v", line, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m.read(reader)
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-ended
	})
	return m
}

// read takes lines such as +1700000000.123456 [0 127.0.0.1:5000] "get" "k".
func (m *monitor) read(from *bufio.Reader) {
	for {
		line, err := from.ReadString('\n')
		if err != nil {
			return
		}
		_, rest, ok := strings.Cut(line, "[")
		who, words, ok2 := strings.Cut(rest, "] ")
		if !ok || !ok2 {
			continue
		}
		m.mu.Lock()
		m.all = append(m.all, Command{quoted(words), strings.HasSuffix(who, " lua")})
		close(m.seen)
		m.seen = make(chan struct{})
		m.mu.Unlock()
	}
}

// quoted takes "get" "k\"1" apart.
func quoted(s string) []string {
	var out []string
	for {
		s = strings.TrimSpace(s)
		prefix, err := strconv.QuotedPrefix(s)
		if err != nil {
			return out
		}
		word, err := strconv.Unquote(prefix)
		if err != nil {
			word = prefix
		}
		out = append(out, word)
		s = s[len(prefix):]
	}
}

// patience is how long a journal may lag behind.
const patience = 10 * time.Second

// Commands are all commands until now.
func (s *Spy) Commands() []Command {
	s.t.Helper()
	var out []Command
	for i, m := range s.nodes {
		mark := fmt.Sprintf("spy-%d-%d", i, time.Now().UnixNano())
		conn, err := new(net.Dialer).DialContext(s.t.Context(), "tcp", m.addr)
		if err != nil {
			s.t.Fatalf("redistest: %v", err)
		}
		_, err = fmt.Fprintf(conn, "ECHO %s\r\n", mark)
		if err != nil {
			s.t.Fatalf("redistest: %v", err)
		}
		out = append(out, m.until(s.t, mark)...)
		_ = conn.Close()
	}
	return out
}

// until gives the commands before a mark.
func (m *monitor) until(t testing.TB, mark string) []Command {
	t.Helper()
	late := time.After(patience)
	for {
		m.mu.Lock()
		var before []Command
		for _, c := range m.all {
			if len(c.Words) == 2 && c.Words[1] == mark {
				m.mu.Unlock()
				return before
			}
			if c.Words[0] != "ECHO" {
				before = append(before, c)
			}
		}
		seen := m.seen
		m.mu.Unlock()
		select {
		case <-seen:
		case <-late:
			t.Fatal("redistest: the journal does not come")
		}
	}
}
