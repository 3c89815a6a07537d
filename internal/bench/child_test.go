//go:build bench

package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// memoryPoll is how often a child's peak is read. The kernel keeps the peak, so that only what is reached in the
	// last moments before the end can escape.
	memoryPoll = 10 * time.Millisecond
	// stopPatience is how long a bot may finish what it acknowledged before it is killed.
	stopPatience = 15 * time.Second
)

// run runs a program to its end; env nil is ours.
func run(ctx context.Context, t *trial, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, env
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, tail(problems.String()))
	}
	return out.String()
}

func tail(text string) string {
	const most = 3000
	return text[max(0, len(text)-most):]
}

// environ is a child's environment: ours without whatever could reach a real system, and these.
func environ(vars map[string]string) []string {
	env := []string{}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "USER"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	for name, v := range vars {
		env = append(env, name+"="+v)
	}
	return env
}

// finished is how a child ran.
type finished struct {
	took time.Duration
	code int
	how  string // "exit status 1", "signal: killed"
	peak int64  // bytes of resident memory
	cpu  time.Duration
	err  string // its stderr
}

// watch runs a child to its end with its output in a file, and its memory watched.
func watch(ctx context.Context, t *trial, env map[string]string, out, name string, args ...string) finished {
	t.Helper()
	file, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var problems bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = environ(env), file, &problems
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	f := finished{}
	tick := time.NewTicker(memoryPoll)
	defer tick.Stop()
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-tick.C:
			f.peak = max(f.peak, memory(cmd.Process.Pid, "VmHWM"))
		}
	}
	if ctx.Err() != nil {
		t.Fatalf("%s %s did not end: %v", name, strings.Join(args, " "), ctx.Err())
	}
	f.took, f.err = time.Since(began), problems.String()
	f.code, f.how = cmd.ProcessState.ExitCode(), cmd.ProcessState.String()
	f.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if f.peak == 0 { // no /proc. Where there is one it is right: ru_maxrss starts with what the forking process had.
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			f.peak = usage.Maxrss << 10
		}
	}
	return f
}

// memory reads one figure of a process, in bytes; 0 if it is gone or the system does not tell.
func memory(pid int, field string) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err == nil {
				return kb << 10
			}
		}
	}
	return 0
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.0f MB", float64(bytes)/(1<<20)) }

// child is a process that runs beside the benchmark.
type child struct {
	t      *trial
	cmd    *exec.Cmd
	began  time.Time
	done   chan error
	errors *bytes.Buffer // to be read when it has ended
}

// begin starts one; it ends with the benchmark at the latest.
func begin(t *trial, env map[string]string, prepare func(*exec.Cmd), name string, args ...string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command(name, args...), done: make(chan error, 1), errors: &bytes.Buffer{}} // it ends in Cleanup
	c.cmd.Env, c.cmd.Stderr = environ(env), c.errors
	if prepare != nil {
		prepare(c.cmd)
	}
	c.began = time.Now()
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.done <- c.cmd.Wait(); close(c.done) }()
	t.Cleanup(c.stop)
	return c
}

// stop ends it, gently first. It may be called more than once.
func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // fails only when it has ended
	select {
	case <-c.done:
	case <-time.After(stopPatience):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// bot starts the product and waits until it says that it is ready.
func (b *bed) bot(t *trial, env map[string]string) (*child, time.Duration) {
	t.Helper()
	env["HTTP_LISTEN"] = freeAddress(t)
	c := begin(t, env, nil, b.binary, "run", "--config", b.config())
	for {
		if ready(t.Context(), env["HTTP_LISTEN"]) {
			return c, time.Since(c.began)
		}
		select {
		case err := <-c.done:
			t.Fatalf("the bot ended: %v\n%s", err, tail(c.errors.String()))
		case <-time.After(2 * time.Millisecond):
		}
		if time.Since(c.began) > time.Minute {
			c.stop()
			t.Fatalf("the bot was not ready in a minute\n%s", tail(c.errors.String()))
		}
	}
}

func freeAddress(t *trial) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
