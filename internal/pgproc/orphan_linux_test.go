package pgproc

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// victimMode makes this test binary start a server, say where, and wait to be killed. It is the directory to use;
// "-" means a temporary one.
const victimMode = "PGPROC_TEST_VICTIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimMode); dir != "" {
		victim(strings.TrimPrefix(dir, "-"))
	}
	os.Exit(m.Run())
}

func victim(dir string) {
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	s, err := Start(ctx, Options{Dir: dir})
	cancel() // the server outlives the context
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(s.PID(), s.home.Path())
	<-s.Done()
	os.Exit(0)
}

// killVictim starts a server in another process, kills that process with kill -9, and returns the ids of the server's
// processes and its directory.
func killVictim(t *testing.T, dir string) ([]int, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victimMode+"="+dir)
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
	first, home, _ := strings.Cut(strings.TrimSpace(line), " ")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatalf("the victim said %q", line)
	}
	pids := append(childrenOf(t, pid), pid)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed: that is the point
	return pids, home
}

func TestNoProcessIsLeftAfterKill9(t *testing.T) {
	t.Setenv("TMPDIR", openDir(t))
	pids, home := killVictim(t, "-")
	if len(pids) < 3 {
		t.Fatalf("expected a postmaster with children, found %v", pids)
	}
	awaitGone(t, pids)

	// Its directory cannot be removed by a dead process; a later start does it, when it is not new any more.
	mine := mustStart(t, Options{})
	old := time.Now().Add(-time.Hour)
	for _, dir := range []string{home, mine.home.Path()} {
		if err := os.Chtimes(dir, old, old); err != nil {
			t.Fatal(err)
		}
	}
	mustStart(t, Options{})
	if _, err := os.Stat(home); !os.IsNotExist(err) {
		t.Errorf("%s of the killed process was not swept: %v", home, err)
	}
	if _, err := os.Stat(mine.home.Path()); err != nil {
		t.Errorf("the sweep removed the directory of a living server: %v", err)
	}
}

func TestRestartRightAfterKill9(t *testing.T) {
	dir := filepath.Join(openDir(t), "demo")
	pids, _ := killVictim(t, dir)
	s := mustStart(t, Options{Dir: dir})
	if got := sql(t, s.DSN("postgres", Superuser), "SELECT 1"); got != "1" {
		t.Errorf("got %q", got)
	}
	awaitGone(t, pids)
}

func childrenOf(t *testing.T, pid int) []int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, word := range strings.Fields(string(b)) {
		n, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, n)
	}
	return pids
}

func awaitGone(t *testing.T, pids []int) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for _, pid := range pids {
		for alive(pid) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d is still there", pid)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// alive does not count zombies: in some containers nobody reaps the children of a killed process.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z")
}
