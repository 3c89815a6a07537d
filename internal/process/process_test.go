package process

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const pollInterval = 5 * time.Millisecond

// shell starts a script whose log is in a directory of the test.
func shell(t *testing.T, script string, o Options) *Process {
	t.Helper()
	if o.Log == "" {
		o.Log = filepath.Join(t.TempDir(), "log")
	}
	p, err := Start(exec.Command("/bin/sh", "-c", script), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

// says waits until a program has written something.
func says(t *testing.T, p *Process, what string) {
	t.Helper()
	err := p.Await(t.Context(), pollInterval, func(context.Context) error {
		if !strings.Contains(p.Log(), what) {
			return errors.New("not yet")
		}
		return nil
	})
	if err != nil {
		t.Fatalf("waiting for %q: %v", what, p.Explain(err))
	}
}

func TestAProgramRunsUntilItIsEnded(t *testing.T) {
	t.Parallel()
	p := shell(t, `trap "echo told; exit" INT; echo ready; while :; do sleep 0.05; done`, Options{})
	says(t, p, "ready")
	if err := p.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if got := p.Log(); got != "ready\ntold" {
		t.Errorf("it wrote %q", got)
	}
	if err := p.Signal(syscall.SIGINT); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a signal after the end: %v", err)
	}

	p = shell(t, `trap "" INT; exec sleep 1000`, Options{})
	p.Kill()
	p.Kill() // again does nothing
	if err := syscall.Kill(p.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there: %v", p.PID(), err)
	}
}

func TestWhatAProgramWritesIsInItsLogAndItsCopy(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte("of a former start"), 0o600); err != nil {
		t.Fatal(err)
	}
	var copied bytes.Buffer
	p := shell(t, "echo out; echo err >&2", Options{Log: log, Copy: &copied})
	<-p.Done()
	if want := "out\nerr"; p.Log() != want || strings.TrimSpace(copied.String()) != want {
		t.Errorf("the log has %q, the copy %q", p.Log(), copied.String())
	}
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	if got := p.Log(); !strings.Contains(got, "cannot be read: open "+log) {
		t.Errorf("without a log: %q", got)
	}
}

func TestWhatCannotBeStartedIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, row := range map[string]struct{ program, log string }{
		"no program":         {filepath.Join(dir, "absent"), filepath.Join(dir, "log")},
		"no place for a log": {"/bin/sh", filepath.Join(dir, "absent", "log")},
	} {
		if _, err := Start(exec.Command(row.program), Options{Log: row.log}); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAwaitSaysWhyItIsNotReady(t *testing.T) {
	t.Parallel()
	cause := errors.New("nobody answers")
	never := func(context.Context) error { return cause }

	ended := shell(t, "printf %05000d 0; echo the end", Options{})
	err := ended.Explain(ended.Await(t.Context(), pollInterval, never))
	if !errors.Is(err, ErrEnded) || !strings.HasSuffix(err.Error(), "0the end") || len(err.Error()) > tailBytes+100 {
		t.Errorf("of a program that ended: %v", err)
	}

	running := shell(t, "exec sleep 1000", Options{})
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	err = running.Await(ctx, pollInterval, func(ctx context.Context) error {
		if tries++; tries == 3 {
			cancel()
			return ctx.Err()
		}
		return cause
	})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, cause) || tries != 3 {
		t.Errorf("after %d tries: %v", tries, err)
	}
}

func TestOutput(t *testing.T) {
	t.Parallel()
	out, err := Output(exec.CommandContext(t.Context(), "/bin/sh", "-c", "echo out; echo err >&2; exit 3"))
	if exit := new(exec.ExitError); string(out) != "out\nerr\n" || !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestFreePortsDifferAndAreFree(t *testing.T) {
	t.Parallel()
	var one, two Port
	if err := FreePorts(t.Context(), &one, &two); err != nil {
		t.Fatal(err)
	}
	if one == two || one.Address() != "127.0.0.1:"+one.String() {
		t.Errorf("got %s and %s", one.Address(), two.Address())
	}
	for _, p := range []Port{one, two} {
		l, err := net.Listen("tcp", p.Address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	}
}

func TestInstalledIsTheNewestThatIsComplete(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	if dir, err := Installed("kafka"); dir != "" || err != nil {
		t.Errorf("of none: %q, %v", dir, err)
	}
	for version, complete := range map[string]bool{"kafka-4.9.1": true, "kafka-4.10.0": true, "kafka-4.11.0": false, "kube-9.0.0": true} {
		dir := filepath.Join(cache, "integritybot", version)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if complete {
			if err := os.WriteFile(filepath.Join(dir, "recipe"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := filepath.Join(cache, "integritybot", "kafka-4.10.0") // by number, not by letter
	if dir, err := Installed("kafka"); dir != want || err != nil {
		t.Errorf("got %q, %v, want %q", dir, err, want)
	}
}
