package pgproc

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/integritybot/integritybot/internal/process"
)

const (
	pollInterval = 5 * time.Millisecond
	// stopPatience is how long each step of stop waits for the server before it uses a stronger signal.
	stopPatience = 5 * time.Second
	// predecessorPatience is how long a start waits for the server of a killed predecessor to end.
	predecessorPatience = 10 * time.Second
	// statusLine is the line of postmaster.pid, from 0, that says "ready" (PostgreSQL's pidfile.h,
	// LOCK_FILE_LINE_PM_STATUS); pg_ctl waits for the same.
	statusLine = 7
)

var errNotReady = errors.New("the server was not ready in time")

// postmaster is the server's first process, which starts and ends the others.
type postmaster struct {
	*process.Process
	kept     bool // its data will be used again, so it is worth a clean shutdown
	stopOnce sync.Once
}

type postmasterOptions struct {
	binary string
	args   []string
	home   *home
	kept   bool
	log    io.Writer
}

// startPostmaster starts the postmaster and waits until it says that it is ready.
func startPostmaster(ctx context.Context, o postmasterOptions) (*postmaster, error) {
	pidFile := filepath.Join(o.home.dataDir, "postmaster.pid")
	awaitPredecessor(ctx, pidFile)
	cmd := exec.Command(o.binary, o.args...) //nolint:gosec,noctx // our own arguments; it outlives Start's context on purpose
	cmd.Dir, cmd.Env = o.home.Path(), environment()
	o.home.who.runs(cmd)
	p := &postmaster{kept: o.kept}
	var err error
	if p.Process, err = process.Start(cmd, process.Options{Log: o.home.Path(logFile), Copy: o.log, Orphaned: p.gentle()}); err != nil {
		return nil, err
	}
	err = p.Await(ctx, pollInterval, func(context.Context) error {
		if lines := readPIDFile(pidFile); len(lines) > statusLine &&
			lines[0] == strconv.Itoa(p.PID()) && strings.TrimSpace(lines[statusLine]) == "ready" {
			return nil
		}
		return errNotReady
	})
	if err != nil {
		p.stop()
		return nil, p.Explain(err)
	}
	return p, nil
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
func (p *postmaster) gentle() syscall.Signal {
	if p.kept {
		return syscall.SIGINT
	}
	return syscall.SIGQUIT
}

// stop ends the postmaster by its own pid and waits until it is gone.
func (p *postmaster) stop() {
	p.stopOnce.Do(func() {
		for _, signal := range []syscall.Signal{p.gentle(), syscall.SIGQUIT, syscall.SIGKILL} {
			_ = p.Signal(signal) // fails only when it has ended
			select {
			case <-p.Done():
				return
			case <-time.After(stopPatience):
			}
		}
	})
	<-p.Done()
}
