package pgproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	logTailBytes = 4096
	pollInterval = 5 * time.Millisecond
	// stopPatience is how long each step of stop waits for the server before it uses a stronger signal.
	stopPatience = 5 * time.Second
	// predecessorPatience is how long a start waits for the server of a killed predecessor to end.
	predecessorPatience = 10 * time.Second
	// statusLine is the line of postmaster.pid, from 0, that says "ready" (PostgreSQL's pidfile.h,
	// LOCK_FILE_LINE_PM_STATUS); pg_ctl waits for the same.
	statusLine = 7
)

var errEnded = errors.New("the server ended while starting")

// process is a running postmaster.
type process struct {
	pid      int
	cmd      *exec.Cmd
	kept     bool // its data will be used again, so it is worth a clean shutdown
	done     chan struct{}
	stopOnce sync.Once
}

type processOptions struct {
	binary string
	args   []string
	home   *home
	who    owner
	kept   bool
	log    io.Writer
}

// startProcess starts the postmaster and waits until it says that it is ready.
func startProcess(ctx context.Context, o processOptions) (*process, error) {
	pidFile := filepath.Join(o.home.dataDir, "postmaster.pid")
	awaitPredecessor(ctx, pidFile)
	logPath := filepath.Join(o.home.dir, logFile)
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{kept: o.kept, done: make(chan struct{})}
	p.cmd = exec.Command(o.binary, o.args...) //nolint:gosec,noctx // our own arguments; it outlives Start's context on purpose
	p.cmd.Dir, p.cmd.Env = o.home.dir, environment()
	p.cmd.SysProcAttr = attributes(o.who, p.gentle())
	// A file is inherited as it is; a writer costs a pipe and a goroutine, so only who asks for it pays.
	p.cmd.Stderr = log
	if o.log != nil {
		p.cmd.Stderr = io.MultiWriter(log, o.log)
		p.cmd.WaitDelay = stopPatience
	}
	if err := p.launch(log); err != nil {
		return nil, err
	}
	if err := p.awaitReady(ctx, pidFile); err != nil {
		p.stop()
		return nil, fmt.Errorf("%w; the end of its log: %s", err, strings.TrimSpace(tail(logPath, logTailBytes)))
	}
	return p, nil
}

// launch starts the postmaster from a thread that lives as long as the postmaster does: Linux sends the parent-death
// signal when the thread that started a child ends, not the process (man 2 prctl, PR_SET_PDEATHSIG).
func (p *process) launch(log io.Closer) error {
	started := make(chan error, 1)
	go p.supervise(log, started)
	return <-started
}

func (p *process) supervise(log io.Closer, started chan<- error) {
	runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
	defer close(p.done)
	defer func() { _ = log.Close() }()
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	p.pid = p.cmd.Process.Pid
	started <- nil
	_ = p.cmd.Wait() // how it ended is in the log; that it ended is what done says
}

// awaitReady returns when the server accepts connections.
func (p *process) awaitReady(ctx context.Context, pidFile string) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready in time: %w", ctx.Err())
		case <-tick.C:
			if lines := readPIDFile(pidFile); len(lines) > statusLine &&
				lines[0] == strconv.Itoa(p.pid) && strings.TrimSpace(lines[statusLine]) == "ready" {
				return nil
			}
		}
	}
}

// awaitPredecessor gives the server of a killed process the moment it needs to end. If it does not, PostgreSQL's own
// lock refuses the start and says why.
func awaitPredecessor(ctx context.Context, pidFile string) {
	ctx, cancel := context.WithTimeout(ctx, predecessorPatience)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		lines := readPIDFile(pidFile)
		if len(lines) == 0 {
			return
		}
		pid, err := strconv.Atoi(lines[0])
		if err != nil || syscall.Kill(pid, 0) != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func readPIDFile(path string) []string {
	b, err := os.ReadFile(path)
	if err != nil || len(b) == 0 {
		return nil
	}
	return strings.Split(string(b), "\n")
}

// gentle is the signal for an ordinary stop. SIGINT is the "fast shutdown" with a checkpoint, for data that will be
// used again; SIGQUIT the "immediate" one, for data that is thrown away (PostgreSQL manual, 19.5).
func (p *process) gentle() syscall.Signal {
	if p.kept {
		return syscall.SIGINT
	}
	return syscall.SIGQUIT
}

// stop ends the postmaster by its own pid and waits until it is gone.
func (p *process) stop() {
	p.stopOnce.Do(func() {
		for _, signal := range []syscall.Signal{p.gentle(), syscall.SIGQUIT, syscall.SIGKILL} {
			_ = p.cmd.Process.Signal(signal) // fails only when it has ended
			select {
			case <-p.done:
				return
			case <-time.After(stopPatience):
			}
		}
	})
	<-p.done
}

// onOwnThread runs f on a thread of its own and waits: a child started in f is not ended early because the runtime
// retired the thread it was started from.
func onOwnThread(f func()) {
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer close(done)
		f()
	}()
	<-done
}
