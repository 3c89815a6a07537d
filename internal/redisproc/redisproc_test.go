package redisproc_test

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/integritybot/integritybot/internal/redisproc"
)

func TestMain(m *testing.M) {
	if os.Getenv("REDISPROC_TEST_CHILD") != "" {
		child()
		return
	}
	os.Exit(m.Run())
}

// child starts a server, says where, and waits to be killed.
func child() {
	s, err := redisproc.Start(context.Background(), redisproc.Options{})
	if err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString(s.Addr() + "\n")
	select {}
}

func TestAServerServesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	s, err := redisproc.Start(t.Context(), redisproc.Options{Temp: temp, Settings: map[string]string{"requirepass": "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	client := goredis.NewClient(&goredis.Options{Addr: s.Addr(), Password: "secret"})
	defer func() { _ = client.Close() }()
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if save := client.ConfigGet(t.Context(), "save").Val()["save"]; save != "" {
		t.Errorf("it saves to disk: %q", save)
	}
	s.Stop()
	s.Stop()
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Error("it answers after Stop")
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAClusterAndAWatchedPairServe(t *testing.T) {
	t.Parallel()
	for name, shape := range map[string]redisproc.Shape{"cluster": redisproc.Cluster, "watched": redisproc.Watched} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := redisproc.Start(t.Context(), redisproc.Options{Shape: shape})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Stop()
			o := &goredis.UniversalOptions{Addrs: s.Addrs(), IsClusterMode: shape == redisproc.Cluster}
			if shape == redisproc.Watched {
				o.MasterName = redisproc.Master
			}
			client := goredis.NewUniversalClient(o)
			defer func() { _ = client.Close() }()
			for i := range 30 {
				if err := client.Set(t.Context(), "k"+strconv.Itoa(i), i, 0).Err(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A server must not outlive whoever started it, whatever ended that.
func TestAServerEndsWithItsStarter(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "REDISPROC_TEST_CHILD=1", "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 64)
	n, err := out.Read(said)
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(&goredis.Options{Addr: strings.TrimSpace(string(said[:n])), MaxRetries: -1, DialerRetries: 1})
	defer func() { _ = client.Close() }()
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	deadline := time.Now().Add(10 * time.Second)
	for client.Ping(t.Context()).Err() == nil {
		if time.Now().After(deadline) {
			t.Fatal("the server is still there")
		}
	}
}
