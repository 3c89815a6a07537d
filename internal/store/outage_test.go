package store_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/store"
)

func intent(run int64) commands.Intent {
	return commands.Intent{
		Run: order(run, "a"), Events: []audit.Event{event("check")},
		Posts: []message.Post{post(fmt.Sprintf("run/%d", run), "C1", "queued")},
	}
}

// A store that is down is an error at once, and its return needs nobody.
func TestStoreDownAndBack(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "ibstore")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // the server's user passes through
		t.Fatal(err)
	}
	start := func() *pgproc.Server {
		server, err := pgproc.Start(t.Context(), pgproc.Options{Dir: filepath.Join(dir, "pg")})
		if err != nil {
			t.Fatal(err)
		}
		return server
	}
	server := start()
	t.Cleanup(func() { server.Stop() })
	dsn := server.DSN(pgproc.Superuser, pgproc.Superuser)
	if err := store.Migrate(t.Context(), dsn, ""); err != nil {
		t.Fatal(err)
	}
	s := open(t, dsn)
	if _, err := s.Record(t.Context(), "before", true, intent); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	for i := range 3 {
		asked := time.Now()
		if _, err := s.Record(t.Context(), "during", true, intent); err == nil {
			t.Errorf("%d. Record succeeded without a store", i)
		}
		if took := time.Since(asked); took > 2500*time.Millisecond {
			t.Errorf("the error took %s", took)
		}
	}
	if err := s.Ping(within(t, time.Second)); err == nil {
		t.Error("Ping succeeded without a store")
	}
	server = start()
	if _, err := s.Record(t.Context(), "during", true, intent); err != nil {
		t.Errorf("after its return: %v", err)
	}
	if n := count(t, s, `SELECT count(*) FROM runs`); n != 2 {
		t.Errorf("%d runs", n)
	}
}

// A store that hangs at any step of Record is an error within the deadline.
// Asked again, the request is recorded exactly once.
func TestStoreHangsAtEachStep(t *testing.T) {
	p := newProxy(t, database(t))
	const timeout = 250 * time.Millisecond
	s := open(t, p.dsn, func(o *store.Options) { o.WriteTimeout = timeout })
	reached := 0
	const steps = 16
	for step := range steps {
		if _, err := s.Record(t.Context(), fmt.Sprintf("warm-%d", step), true, intent); err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprintf("key-%d", step)
		p.hangAfter(step)
		asked := time.Now()
		_, err := s.Record(t.Context(), key, true, intent)
		if took := time.Since(asked); took > timeout+time.Second {
			t.Errorf("step %d: the answer took %s", step, took)
		}
		if err != nil {
			reached++
		}
		p.free()
		for deadline := time.Now().Add(patience); ; {
			if _, err = s.Record(t.Context(), key, true, intent); err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("step %d: %v", step, err)
			}
		}
	}
	if reached < 4 {
		t.Errorf("only %d hangs were noticed", reached)
	}
	for _, table := range []string{"runs", "audit_events", "river_job", "posts", "inbox"} {
		if n := count(t, s, `SELECT count(*) FROM `+table); n != 2*steps {
			t.Errorf("%d rows in %s, want %d", n, table, 2*steps)
		}
	}
	if report, err := s.VerifyAudit(t.Context(), store.VerifyOptions{}); err != nil || report.Fault != nil {
		t.Errorf("%v, %v", report.Fault, err)
	}
}

// If the answer to the commit is lost, Record finds out on another connection:
// what it says is what is true.
func TestLostAnswerIsFoundOut(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	p := newProxy(t, dsn)
	s, direct := open(t, p.dsn), open(t, dsn)
	const steps, rounds = 12, 10
	rescued := 0
	for n := 0; n < steps || rescued == 0 && n < rounds*steps; n++ {
		if _, err := s.Record(t.Context(), fmt.Sprintf("warm-%d", n), true, intent); err != nil {
			t.Fatal(err)
		}
		key, answer := fmt.Sprintf("key-%d", n), make(chan error, 1)
		recorded := func() bool { return count(t, direct, `SELECT count(*) FROM inbox WHERE key = $1`, key) == 1 } // not by the muted way
		muted := p.muteAfter(n % steps)
		go func() {
			_, err := s.Record(t.Context(), key, true, intent)
			answer <- err
		}()
		var err error
		lost := false // the answer to the commit
		select {
		case err = <-answer: // it had less to say than would be answered
		case <-muted:
			for patient := time.Now().Add(300 * time.Millisecond); !lost && time.Now().Before(patient); {
				lost = recorded()
			}
			p.free()
			err = <-answer
		}
		p.free()
		if there := recorded(); there != (err == nil) {
			t.Errorf("message %d: recorded %v, but Record said %v", n%steps, there, err)
		}
		if lost && err == nil {
			rescued++
		}
	}
	if rescued == 0 {
		t.Error("no answer to a commit was lost: the test tests nothing")
	}
}

// A replica that hangs with the audit head locked must not stop the others.
func TestHangingReplicaDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	p := newProxy(t, dsn)
	other := open(t, dsn)
	hung := open(t, p.dsn)
	for _, step := range []int{0, 5, 6, 7} {
		if _, err := hung.Record(t.Context(), fmt.Sprintf("warm-%d", step), true, intent); err != nil {
			t.Fatal(err)
		}
		p.hangAfter(step)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = hung.Record(t.Context(), fmt.Sprintf("hung-%d", step), true, intent) })
		time.Sleep(50 * time.Millisecond) // it is somewhere in the transaction
		asked := time.Now()
		for err := errors.New("not yet"); err != nil; {
			if err = other.Append(t.Context(), event("start")); time.Since(asked) > 10*time.Second {
				t.Fatalf("step %d: stopped for %s: %v", step, time.Since(asked), err)
			}
		}
		wg.Wait()
		p.free()
	}
}

// A run lives through a short absence of the store, and a save whose outcome
// was lost is not done twice.
func TestJournalLivesThroughHangs(t *testing.T) {
	t.Parallel()
	p := newProxy(t, database(t))
	s := open(t, p.dsn, func(o *store.Options) { o.WriteTimeout = 300 * time.Millisecond })
	run := ask(t, s, "k", "a")
	c, err := s.Claim(t.Context(), run, "one", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	j := s.Journal(run, c.Epoch)
	const saves = 8
	for i := range saves {
		p.hangAfter(i % 4)
		timer := time.AfterFunc(500*time.Millisecond, p.free)
		if err := j.Save(t.Context(), "a", check.State{Cursor: check.Cursor(fmt.Sprint(i))}, [][]string{{fmt.Sprint(i)}}); err != nil {
			t.Errorf("save %d: %v", i, err)
		}
		timer.Stop()
		p.free()
	}
	var want string
	for i := range saves {
		want += fmt.Sprintf("%d\n", i)
	}
	r, _, err := s.Open(t.Context(), fmt.Sprintf("run/%d/a", run))
	if got := readFile(t, r, err); got != "finding,money_at_stake,currency,bad_since\n"+want {
		t.Errorf("file %q", got)
	}
}

// proxy stands between a store and its server and can stop answering without
// closing a connection, as a hanging server or a broken network does.
type proxy struct {
	dsn    string
	server string

	mu     sync.Mutex
	hang   bool // nothing passes
	mute   bool // the server's answers do not pass
	armed  bool
	muting bool // what happens then is mute, not hang
	left   int
	struck chan struct{} // closed when that happened
	conns  []net.Conn
	freed  chan struct{}
}

func newProxy(t testing.TB, dsn string) *proxy {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "ibproxy")
	if err != nil {
		t.Fatal(err)
	}
	const socket = "/.s.PGSQL.5432"
	p := &proxy{server: u.Query().Get("host") + socket, freed: make(chan struct{})}
	listener, err := net.Listen("unix", dir+socket)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("host", dir)
	u.RawQuery = query.Encode()
	p.dsn = u.String()
	var work sync.WaitGroup
	work.Go(func() { p.accept(listener, &work) })
	t.Cleanup(func() {
		_ = listener.Close()
		p.free()
		p.cut()
		work.Wait()
		_ = os.RemoveAll(dir)
	})
	return p
}

func (p *proxy) accept(listener net.Listener, work *sync.WaitGroup) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		work.Go(func() { p.forward(client, server, true) })
		work.Go(func() { p.forward(server, client, false) })
	}
}

func (p *proxy) forward(from, to net.Conn, counts bool) {
	defer func() { _ = to.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if !p.pass(counts) {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				return
			}
			if !p.pass(false) { // nor is a closed connection noticed while it hangs
				return
			}
			return
		}
	}
}

// pass waits while the proxy hangs; what waited is cut off then.
func (p *proxy) pass(counts bool) bool {
	p.mu.Lock()
	if counts && p.armed {
		if p.left == 0 {
			p.armed, p.hang, p.mute = false, !p.muting, p.muting
			close(p.struck)
		}
		p.left--
	}
	hang, freed := p.hang || p.mute && !counts, p.freed
	p.mu.Unlock()
	if !hang {
		return true
	}
	<-freed
	return false
}

// hangAfter lets n more messages of the client through.
func (p *proxy) hangAfter(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed, p.muting, p.left, p.struck = true, false, n, make(chan struct{})
}

// muteAfter lets n more messages of the client be answered. The server gets
// the next ones too, but its answers are lost. The channel is closed when the
// first of those has come.
func (p *proxy) muteAfter(n int) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed, p.muting, p.left, p.struck = true, true, n, make(chan struct{})
	return p.struck
}

// free lets new messages through again and cuts the connections that hung.
func (p *proxy) free() {
	p.mu.Lock()
	var hung []net.Conn // not one that is opened as soon as this lock is free
	if p.hang || p.mute {
		hung, p.conns = p.conns, nil
	}
	p.hang, p.mute, p.armed = false, false, false
	close(p.freed)
	p.freed = make(chan struct{})
	p.mu.Unlock()
	for _, c := range hung {
		_ = c.Close()
	}
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}
