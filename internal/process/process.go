// Package process promises that a program started here does not outlive this process, whatever ends that, and that the
// directory the program works in goes as well: if this process was killed, with the next one that makes a directory of
// the same kind. It must never signal a program that it did not start, nor remove a directory whose owner lives.
//
// It is for servers of the demo and of tests, and knows nothing of what they are.
package process

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// copyPatience is how long the end of a program waits for its children to close what is copied to [Options.Copy].
const copyPatience = 5 * time.Second

// Options say how a program is started.
type Options struct {
	// Log is the path of the file that takes what the program writes. What was in it is lost.
	Log string
	// Copy, if not nil, is written the same.
	Copy io.Writer
	// Orphaned is the signal that Linux sends the program when this process has ended. 0: SIGKILL.
	Orphaned syscall.Signal
}

// Process is a running program. Its methods may be called from several goroutines, and after its end.
type Process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// Start starts a program. It stays out of this process group, so that Ctrl-C in a terminal reaches us first and the
// program is still there while we finish. The command's own attributes, such as a user, are kept.
func Start(cmd *exec.Cmd, o Options) (*Process, error) {
	log, err := os.OpenFile(o.Log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	// A file is inherited as it is; a writer costs a pipe and a goroutine, so only who asks for it pays.
	cmd.Stdout = log
	if o.Copy != nil {
		cmd.Stdout, cmd.WaitDelay = io.MultiWriter(log, o.Copy), copyPatience
	}
	cmd.Stderr = cmd.Stdout
	if o.Orphaned == 0 {
		o.Orphaned = syscall.SIGKILL
	}
	bind(cmd, o.Orphaned)
	p := &Process{cmd: cmd, log: o.Log, done: make(chan struct{})}
	started := make(chan error, 1)
	go p.supervise(log, started)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// supervise keeps the thread that started the program for as long as that runs: Linux sends the parent-death signal
// when this thread ends, not when the process does (man 2 prctl, PR_SET_PDEATHSIG).
func (p *Process) supervise(log io.Closer, started chan<- error) {
	runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
	defer close(p.done)
	defer func() { _ = log.Close() }()
	err := p.cmd.Start()
	started <- err
	if err == nil {
		_ = p.cmd.Wait() // how it ended is in the log; that it ended is what done says
	}
}

// Output runs a program to its end, or to the end of this process, and gives what it wrote.
func Output(cmd *exec.Cmd) ([]byte, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	bind(cmd, syscall.SIGKILL)
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // see supervise
		ended <- cmd.Run()
	}()
	err := <-ended
	return out.Bytes(), err
}

// PID is the program's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal fails if the program has ended.
func (p *Process) Signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// Kill ends the program, by its own id, and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // fails only when it has ended
	<-p.done
}
