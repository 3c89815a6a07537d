package redisproc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	pollInterval = 5 * time.Millisecond
	// portTries is how often a port is chosen: another process may take the one that was
	// free just now.
	portTries = 10
	logBytes  = 2_000
)

var errEnded = errors.New("the server ended while starting")

// Node is one server process.
type Node struct {
	port int
	bus  int // of a cluster's servers among themselves
	cmd  *exec.Cmd
	done chan struct{}
	end  sync.Once
}

// start runs a server on a free port and waits until it answers.
func start(ctx context.Context, binary, dir string, number int, settings map[string]string) (*Node, error) {
	for try := 1; ; try++ {
		n, err := startOnce(ctx, binary, filepath.Join(dir, fmt.Sprintf("%d-%d", number, try)), settings)
		if err == nil || !errors.Is(err, errEnded) || try == portTries {
			return n, err
		}
	}
}

func startOnce(ctx context.Context, binary, dir string, settings map[string]string) (*Node, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	n := &Node{done: make(chan struct{})}
	var err error
	if n.port, n.bus, err = freePorts(ctx); err != nil {
		return nil, err
	}
	all := map[string]string{
		"bind": "127.0.0.1", "port": strconv.Itoa(n.port), "dir": dir, "daemonize": "no", "protected-mode": "no",
		"save": "", "appendonly": "no", "databases": "16", "logfile": filepath.Join(dir, "log"), "loglevel": "warning",
	}
	maps.Copy(all, settings)
	for name, value := range all {
		all[name] = strings.ReplaceAll(value, "{bus}", strconv.Itoa(n.bus))
	}
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(lines(all)), 0o600); err != nil {
		return nil, err
	}
	args := []string{filepath.Join(dir, "conf")}
	if _, watches := all["sentinel monitor"]; watches {
		args = append(args, "--sentinel")
	}
	n.cmd = exec.Command(binary, args...) //nolint:gosec,noctx // our own arguments; it outlives the caller's context on purpose
	n.cmd.Dir, n.cmd.SysProcAttr = dir, attributes()
	if err := n.launch(); err != nil {
		return nil, err
	}
	if err := n.await(ctx); err != nil {
		n.Kill()
		return nil, fmt.Errorf("%w: %s", err, tail(filepath.Join(dir, "log")))
	}
	return n, nil
}

// lines are settings as a configuration file has them.
func lines(settings map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		value := settings[name]
		if value == "" {
			value = `""`
		}
		for one := range strings.SplitSeq(value, "\n") {
			fmt.Fprintf(&b, "%s %s\n", name, one)
		}
	}
	return b.String()
}

// freePorts gives two ports that were free a moment ago.
func freePorts(ctx context.Context) (one, two int, err error) {
	var ports [2]int
	for i := range ports {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return 0, 0, err
		}
		defer func() { _ = l.Close() }()
		address, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			return 0, 0, errors.New("a listener without a port")
		}
		ports[i] = address.Port
	}
	return ports[0], ports[1], nil
}

// launch starts the process from a thread that lives as long as it does: Linux sends
// the parent-death signal when the thread that started a child ends, not the process
// (man 2 prctl, PR_SET_PDEATHSIG).
func (n *Node) launch() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		defer close(n.done)
		err := n.cmd.Start()
		started <- err
		if err == nil {
			_ = n.cmd.Wait() // that it ended is what done says
		}
	}()
	return <-started
}

// await returns when the server answers.
func (n *Node) await(ctx context.Context) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-n.done:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("the server did not answer in time: %w", ctx.Err())
		case <-tick.C:
			if n.answers(ctx) {
				return nil
			}
		}
	}
}

// answers tells whether something that speaks Redis's protocol is there.
func (n *Node) answers(ctx context.Context) bool {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", n.Addr())
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return false
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	answer := make([]byte, 64)
	got, err := conn.Read(answer)
	return err == nil && (strings.HasPrefix(string(answer[:got]), "+PONG") || strings.HasPrefix(string(answer[:got]), "-NOAUTH"))
}

// Addr is where it listens.
func (n *Node) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(n.port)) }

// Kill ends the server at once, by its own process id, and waits until it is gone.
func (n *Node) Kill() {
	n.end.Do(func() {
		if n.cmd.Process != nil {
			_ = n.cmd.Process.Kill() // fails only when it has ended
		}
	})
	if n.cmd.Process != nil {
		<-n.done
	}
}

// Freeze makes the server answer nobody, and Thaw go on.
func (n *Node) Freeze() error { return n.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw makes a frozen server go on.
func (n *Node) Thaw() error { return n.cmd.Process.Signal(syscall.SIGCONT) }

// tail is the end of a log, for an error.
func tail(path string) string {
	text, err := os.ReadFile(path) //nolint:gosec // our own directory
	if err != nil {
		return "it left no log"
	}
	return strings.TrimSpace(string(text[max(0, len(text)-logBytes):]))
}
