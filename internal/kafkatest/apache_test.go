//go:build peers

package kafkatest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/process"
)

// victimMode makes this test binary start a broker, say where, and wait to be killed.
const victimMode = "KAFKATEST_VICTIM"

func mainOrVictim(m *testing.M) {
	if os.Getenv(victimMode) != "" {
		victim()
	}
	Main(m)
}

func victim() {
	b, err := startBroker(setup{})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(b.process.PID(), b.home.Path())
	<-b.process.Done()
	os.Exit(0)
}

func TestNoProcessIsLeftAfterKill9(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victimMode+"=1")
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
	first, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatalf("the victim said %q", line)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed: that is the point
	await(patience(t), t, "the broker is gone", func() bool { return !alive(pid) })
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(dir, old, old); err != nil {
		t.Fatal(err)
	}
	next, err := process.NewHome("", homePattern)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s of the killed process was not swept: %v", dir, err)
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

func TestTestsShareABrokerUnlessTheyWouldDisturbEachOther(t *testing.T) {
	start := func(t *testing.T, o Options) string {
		t.Helper()
		o.Peer = Apache
		return Start(t, o).Brokers[0]
	}
	plain := start(t, Options{})
	t.Run("another test", func(t *testing.T) {
		if other := start(t, Options{}); other != plain {
			t.Errorf("%s and %s", plain, other)
		}
	})
	if private := start(t, Options{Proxy: true}); private == plain {
		t.Error("a proxy is in front of a shared broker")
	}
}

func TestWhatABrokerComplainedOfIsInTheError(t *testing.T) {
	_, err := startBroker(setup{options: Options{Users: []User{{"not a name", "", Plain}}}})
	if err == nil || !strings.Contains(err.Error(), "it said: ERROR") || !strings.Contains(err.Error(), "JAAS") {
		t.Errorf("got %v", err)
	}
}

// BenchmarkStart is what a test waits for that needs a broker of its own.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		one, err := startBroker(setup{})
		if err != nil {
			b.Fatal(err)
		}
		one.end()
	}
}
