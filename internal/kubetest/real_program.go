package kubetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// realLogBytes is how much of a program's log is shown.
const realLogBytes = 4096

// realCommand is what starts a program.
type realCommand struct {
	path string
	args []string
}

// realProgram is one process.
type realProgram struct {
	name string
	log  string // a path
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

func (c realCommand) start(home *realHome) (*realProgram, error) {
	name := filepath.Base(c.path)
	p := &realProgram{name: name, log: home.path(name + ".log"), done: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p.cmd = exec.Command(c.path, c.args...) //nolint:gosec,noctx // found by us, with arguments of ours; it outlives the test that starts it
	p.cmd.Dir = home.dir
	// Nothing of the caller's that a program would obey, such as a proxy or a kubeconfig.
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home.dir, "TZ=UTC", "LC_ALL=C"}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = log, log, attributes()
	started := make(chan error, 1)
	go p.supervise(log, started)
	return p, <-started
}

// supervise keeps the thread that started the process for as long as that runs: Linux sends the parent-death signal
// when this thread ends, not when the process does (man 2 prctl, PR_SET_PDEATHSIG).
func (p *realProgram) supervise(log *os.File, started chan<- error) {
	runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
	defer close(p.done)
	defer func() { _ = log.Close() }()
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	_ = p.cmd.Wait() // how it ended is in the log; that it ended is what done says
}

func (p *realProgram) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// explain says why the program may have ended: what it said last.
func (p *realProgram) explain() error {
	log, err := os.ReadFile(p.log)
	if err != nil {
		return fmt.Errorf("%s ended while starting: %w", p.name, err)
	}
	err = errors.New("it ended while starting")
	if bytes.Contains(log, []byte("address already in use")) {
		err = errPortTaken
	}
	return fmt.Errorf("%s: %w; it said: %s", p.name, err, strings.TrimSpace(string(log[max(0, len(log)-realLogBytes):])))
}

// kill ends the process by its own id and waits until it is gone. What it would save in an orderly end is thrown away.
func (p *realProgram) kill() {
	_ = p.cmd.Process.Kill() // fails only when it has ended
	<-p.done
}

// realPort is one on loopback.
type realPort int

func (p realPort) String() string  { return strconv.Itoa(int(p)) }
func (p realPort) address() string { return net.JoinHostPort("127.0.0.1", p.String()) }

// realPorts are all that the programs open.
type realPorts struct{ etcd, etcdPeer, api, kubelet realPort }

// freeRealPorts are free at this moment. Held until all are chosen, they differ.
func freeRealPorts(ctx context.Context) (p realPorts, err error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for _, port := range []*realPort{&p.etcd, &p.etcdPeer, &p.api, &p.kubelet} {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return realPorts{}, err
		}
		held = append(held, l)
		address, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			return realPorts{}, fmt.Errorf("%s is no address of TCP", l.Addr())
		}
		*port = realPort(address.Port)
	}
	return p, nil
}
