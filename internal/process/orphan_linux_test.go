package process

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// victimMode makes this test binary start programs in a home, say where, and wait to be killed.
const victimMode = "PROCESS_TEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victimMode) != "" {
		victim()
	}
	os.Exit(m.Run())
}

func victim() {
	h, err := NewHome("", homePattern)
	if err != nil {
		panic(err)
	}
	const obedient = `trap "echo told; exit" QUIT; echo ready; while :; do sleep 0.05; done`
	for n, o := range []Options{{Log: h.Path("0")}, {Log: filepath.Join(os.TempDir(), "1"), Orphaned: syscall.SIGQUIT}} {
		p, err := Start(exec.Command("/bin/sh", "-c", obedient), o)
		if err != nil {
			panic(err)
		}
		for p.Log() != "ready" {
			time.Sleep(pollInterval)
		}
		fmt.Print(n, " ", p.PID(), " ")
	}
	fmt.Println(h.Path())
	select {}
}

func TestNothingIsLeftAfterKill9(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victimMode+"=1", "TMPDIR="+parent)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the victim said %q: %v", line, err)
	}
	var numbers, pids [2]int
	var dir string
	if _, err := fmt.Sscan(line, &numbers[0], &pids[0], &numbers[1], &pids[1], &dir); err != nil {
		t.Fatalf("the victim said %q: %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed: that is the point
	for _, pid := range pids {
		await(t, fmt.Sprintf("process %d is gone", pid), func() bool { return !alive(strconv.Itoa(pid)) })
	}
	if told, err := os.ReadFile(filepath.Join(parent, "1")); err != nil || !strings.Contains(string(told), "told") {
		t.Errorf("the program that was to get another signal wrote %q: %v", told, err)
	}

	old := time.Now().Add(-2 * sweepAge)
	if err := os.Chtimes(dir, old, old); err != nil {
		t.Fatal(err)
	}
	newHome(t, parent)
	if exists(t, dir) {
		t.Errorf("%s of the killed process was not swept", dir)
	}
}

// TestAProgramOutlivesTheThreadThatAskedForIt: the runtime retires threads, and Linux sends the parent-death signal when
// a thread ends.
func TestAProgramOutlivesTheThreadThatAskedForIt(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("/bin/cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "log")
	started, thread := make(chan *Process), 0
	var ask func()
	ask = func() {
		runtime.LockOSThread() // it ends with this goroutine
		if thread = syscall.Gettid(); thread == os.Getpid() {
			defer runtime.UnlockOSThread() // but not if it is the first: while that is held here, another asks
			go ask()
			<-t.Context().Done()
			return
		}
		p, err := Start(cmd, Options{Log: log})
		if err != nil {
			t.Error(err)
		}
		started <- p
	}
	go ask()
	p := <-started
	if p == nil {
		t.FailNow()
	}
	t.Cleanup(p.Kill)
	await(t, "the thread is gone", func() bool { return !exists(t, fmt.Sprintf("/proc/self/task/%d", thread)) })
	if _, err := in.Write([]byte("still here\n")); err != nil {
		t.Fatal(err)
	}
	says(t, p, "still here")
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(pollInterval) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// alive does not count zombies: in some containers nobody reaps the children of a killed process.
func alive(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z")
}
