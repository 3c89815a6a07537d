package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/kafkatest"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/shop"
	"github.com/integritybot/integritybot/internal/workspace"
)

// replicaEnv makes this test binary a replica of the bot: see TestMain.
const replicaEnv = "INTEGRITYBOT_TEST_REPLICA"

func TestMain(m *testing.M) {
	if path := os.Getenv(replicaEnv); path != "" {
		os.Exit(replicaMain(path))
	}
	pgtest.AtOnce(4) // most of them wait: for a message a second, for a time-out, for a dead replica's lease
	pgtest.Main(kafkatest.Tests(m))
}

// replicaMain is one replica as a process of its own, to be killed.
func replicaMain(path string) int {
	go func() { // it must not outlive the test that started it, however that ends
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	c, err := config.Load(path, config.System())
	if err == nil {
		err = app.Run(context.Background(), c, app.RunOptions{Log: slog.New(slog.NewJSONHandler(os.Stderr, nil)), Version: "test"})
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

const (
	alice    = "U0ALICE"
	incident = "C0INCIDENT"
)

// world is a shop, a store and a workspace, and as many replicas of the bot as
// a test starts.
type world struct {
	t     *testing.T
	slack *workspace.Workspace
	truth *shop.Truth
	env   map[string]string
	dsn   string // the shop's, for its owner
	yaml  []byte // the config; the example's unless a test changes it
}

const smallShop = 1500

func newWorld(t *testing.T, options workspace.Options) *world {
	t.Helper()
	var truth *shop.Truth
	path := filepath.Join(os.TempDir(), fmt.Sprintf("integritybot-truth-%d.json", os.Getpid()))
	dsn := pgtest.Template(t, "shop", func(dsn string) {
		made, err := shop.Generate(t.Context(), dsn, shop.Options{Orders: smallShop, Seed: 7, Plant: shop.PlantLasting, Plain: *screenshots != ""})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(made)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &truth); err != nil {
		t.Fatal(err)
	}
	slack := newSlack(t, options)
	store := pgtest.Database(t)
	w := &world{t: t, slack: slack, truth: truth, dsn: dsn, yaml: config.Example(), env: map[string]string{
		"SLACK_APP_TOKEN": slack.AppToken(), "SLACK_BOT_TOKEN": slack.BotToken(), "SLACK_API_URL": slack.APIURL(),
		"STORE_DSN": store, "STORE_OWNER_DSN": store, "HTTP_LISTEN": "off",
	}}
	reader := pgtest.Role(t, "reader")
	pgtest.Exec(t, dsn, "GRANT pg_read_all_data, pg_read_all_stats TO "+reader)
	w.env["SHOP_DSN"] = pgtest.As(dsn, reader)
	if err := app.Migrate(t.Context(), w.config()); err != nil {
		t.Fatal(err)
	}
	return w
}

func newSlack(t *testing.T, options workspace.Options) *workspace.Workspace {
	t.Helper()
	slack, err := app.DemoWorkspace(options)
	if err != nil {
		t.Fatal(err)
	}
	if err := slack.Listen(context.WithoutCancel(t.Context()), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := slack.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return slack
}

func (w *world) config() *config.Config {
	w.t.Helper()
	c, err := config.Parse("config.example.yaml", w.yaml, config.Environment{
		LookupEnv: func(name string) (string, bool) { v, ok := w.env[name]; return v, ok },
		ReadFile:  os.ReadFile,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// replica starts one inside this process and waits until it is ready; the
// returned function stops it.
func (w *world) replica() (stop func()) {
	w.t.Helper()
	_, stop = w.replicaAt()
	return stop
}

// replicaAt tells where it serves HTTP, too, if it does.
func (w *world) replicaAt() (addr string, stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	ready, done := make(chan struct{}), make(chan error, 1)
	served := make(chan string, 1)
	go func() {
		done <- app.Run(ctx, w.config(), app.RunOptions{
			Log: slog.New(slog.NewTextHandler(w.log(), nil)), Version: "test", OnReady: sync.OnceFunc(func() { close(ready) }),
			OnHTTP: func(addr string) { served <- addr },
		})
	}()
	select {
	case <-ready:
	case err := <-done:
		cancel()
		w.t.Fatalf("the replica ended: %v", err)
	case <-time.After(30 * time.Second):
		cancel()
		w.t.Fatal("the replica was not ready in 30 s")
	}
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				w.t.Errorf("the replica ended with: %v", err)
			}
		case <-time.After(30 * time.Second):
			w.t.Error("the replica did not stop in 30 s")
		}
	})
	w.t.Cleanup(stop)
	if w.env["HTTP_LISTEN"] != "off" {
		addr = <-served
	}
	return addr, stop
}

func (w *world) log() io.Writer {
	if testing.Verbose() {
		return os.Stderr
	}
	return io.Discard
}

// process starts a replica as a process of its own.
func (w *world) process() *exec.Cmd {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, w.yaml, 0o600); err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), replicaEnv+"="+path)
	for k, v := range w.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stderr = w.log()
	if _, err := cmd.StdinPipe(); err != nil { // closed by the end of either process
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	return cmd
}

// say types something as Alice in the incident channel.
func (w *world) say(text string) {
	w.t.Helper()
	if _, err := w.slack.Say(alice, incident, "", text); err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
}

// await polls until the condition gives a value.
func await[T any](t *testing.T, what string, limit time.Duration, look func() (T, bool)) T {
	t.Helper()
	for deadline := time.Now().Add(limit); ; {
		v, ok := look()
		if ok {
			return v
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen in %s", what, limit)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// heads are the bot's own top-level messages in the channel, seen by Alice.
func (w *world) heads() []workspace.Message {
	w.t.Helper()
	all, _, err := w.slack.Messages(alice, incident)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []workspace.Message
	for _, m := range all {
		if m.BotID != "" && !m.Ephemeral {
			out = append(out, m)
		}
	}
	return out
}

// finished waits for the head message with this title to have its verdict.
func (w *world) finished(title string, limit time.Duration) workspace.Message {
	w.t.Helper()
	return await(w.t, title+" finishing", limit, func() (workspace.Message, bool) {
		heads := w.heads()
		for i := len(heads) - 1; i >= 0; i-- {
			for _, verdict := range []string{"FAIL ", "PASS ", "UNKNOWN "} {
				if strings.Contains(heads[i].Text, verdict+title+":") {
					return heads[i], true
				}
			}
		}
		return workspace.Message{}, false
	})
}

// files waits until the thread holds n files and gives their content by name.
func (w *world) files(head workspace.Message, n int) map[string]string {
	w.t.Helper()
	return await(w.t, fmt.Sprintf("%d files in the thread", n), time.Minute, func() (map[string]string, bool) {
		thread, err := w.slack.Thread(alice, incident, head.TS)
		if err != nil {
			w.t.Fatal(err)
		}
		found := map[string]string{}
		for _, m := range thread {
			for _, f := range m.Files {
				found[f.Name] = w.download(f.URL)
			}
		}
		return found, len(found) >= n
	})
}

func (w *world) download(path string) string {
	w.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = w.slack.URL() + path
	}
	res, err := http.Get(path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(body)
}
