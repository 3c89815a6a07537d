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
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/process"
)

const (
	pollInterval = 5 * time.Millisecond
	// portTries is how often a port is chosen: another process may take the one that was
	// free just now.
	portTries = 10
)

// Node is one server process.
type Node struct {
	port    process.Port
	bus     process.Port // of a cluster's servers among themselves
	process *process.Process
}

// start runs a server on a free port and waits until it answers.
func start(ctx context.Context, binary, dir string, number int, settings map[string]string) (*Node, error) {
	for try := 1; ; try++ {
		n, err := startOnce(ctx, binary, filepath.Join(dir, fmt.Sprintf("%d-%d", number, try)), settings)
		if err == nil || !errors.Is(err, process.ErrEnded) || try == portTries {
			return n, err
		}
	}
}

func startOnce(ctx context.Context, binary, dir string, settings map[string]string) (*Node, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	n := new(Node)
	if err := process.FreePorts(ctx, &n.port, &n.bus); err != nil {
		return nil, err
	}
	all := map[string]string{
		"bind": "127.0.0.1", "port": n.port.String(), "dir": dir, "daemonize": "no", "protected-mode": "no",
		"save": "", "appendonly": "no", "databases": "16", "loglevel": "warning",
	}
	maps.Copy(all, settings)
	for name, value := range all {
		all[name] = strings.ReplaceAll(value, "{bus}", n.bus.String())
	}
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(lines(all)), 0o600); err != nil {
		return nil, err
	}
	args := []string{filepath.Join(dir, "conf")}
	if _, watches := all["sentinel monitor"]; watches {
		args = append(args, "--sentinel")
	}
	cmd := exec.Command(binary, args...) //nolint:gosec,noctx // our own arguments; it outlives the caller's context on purpose
	cmd.Dir = dir
	var err error
	if n.process, err = process.Start(cmd, process.Options{Log: filepath.Join(dir, "log")}); err != nil {
		return nil, err
	}
	if err := n.process.Await(ctx, pollInterval, n.answers); err != nil {
		n.Kill()
		return nil, n.process.Explain(err)
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

// answers tells whether something that speaks Redis's protocol is there.
func (n *Node) answers(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", n.Addr())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer := make([]byte, 64)
	got, err := conn.Read(answer)
	if err == nil && !strings.HasPrefix(string(answer[:got]), "+PONG") && !strings.HasPrefix(string(answer[:got]), "-NOAUTH") {
		err = fmt.Errorf("it answers %q", answer[:got])
	}
	return err
}

// Addr is where it listens.
func (n *Node) Addr() string { return n.port.Address() }

// Kill ends the server at once, by its own process id, and waits until it is gone.
func (n *Node) Kill() { n.process.Kill() }
