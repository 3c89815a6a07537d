//go:build peers

package kubetest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/process"
)

func TestAKubernetesThatIsNotInstalledIsExplained(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if _, err := startReal(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "deploy/scripts/setup.sh all") {
		t.Errorf("got %v", err)
	}
}

func TestWhatAProgramSaidLastIsInTheError(t *testing.T) {
	t.Parallel()
	home, err := process.NewHome(t.TempDir(), realHomePattern)
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	for said, taken := range map[string]bool{"what went wrong": false, "bind: address already in use": true} {
		p, err := (realCommand{"/bin/sh", []string{"-c", "echo " + said + "; exit 1"}}).start(home)
		if err != nil {
			t.Fatal(err)
		}
		<-p.Done()
		if err := p.explain(); !strings.Contains(err.Error(), said) || strings.Contains(err.Error(), errPortTaken.Error()) != taken {
			t.Errorf("got %v", err)
		}
	}
}

// victimMode makes this test binary start a cluster, say what it consists of, and wait to be killed.
const victimMode = "KUBETEST_VICTIM"

func TestNoProcessIsLeftAfterKill9(t *testing.T) {
	if os.Getenv(victimMode) != "" {
		victim(t)
	}
	t.Parallel()
	parent := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), victimMode+"=1", "TMPDIR="+parent)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	pids := strings.Fields(line)
	if err != nil || len(pids) != 4 {
		t.Fatalf("the victim said %q: %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed: that is the point
	eventually(t, new(realCluster), "the programs are gone", func(context.Context) error {
		for _, pid := range pids {
			if alive(pid) {
				return fmt.Errorf("process %s lives", pid)
			}
		}
		return nil
	})
	made, err := filepath.Glob(filepath.Join(parent, realHomePattern))
	if err != nil || len(made) != 1 {
		t.Fatalf("the victim left %v, %v", made, err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(made[0], old, old); err != nil {
		t.Fatal(err)
	}
	next, err := process.NewHome(parent, realHomePattern)
	if err != nil {
		t.Fatal(err)
	}
	next.Close()
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("the directory of the killed process was not swept: %v, %v", left, err)
	}
}

func victim(t *testing.T) {
	c, err := startReal(t.Context(), os.TempDir())
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	for _, p := range c.programs {
		fmt.Print(p.PID(), " ")
	}
	fmt.Println()
	<-c.programs[0].Done()
	os.Exit(0)
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
