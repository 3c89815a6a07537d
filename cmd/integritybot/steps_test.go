package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/workspace"
)

type step = func(ts *testscript.TestScript, neg bool, args []string)

// steps are the words of the scripts beside testscript's own.
func steps() map[string]step {
	return map[string]step{
		"shop":      stepShop,      // shop broken|clean|none: SHOP_DSN, read-only
		"store":     stepStore,     // store: STORE_DSN and STORE_OWNER_DSN, empty
		"broker":    stepBroker,    // broker: KAFKA_BROKERS, with the shop's topics, and ecommerce-dlq-copy
		"workspace": stepWorkspace, // workspace: SLACK_APP_TOKEN, SLACK_BOT_TOKEN, SLACK_API_URL
		"planted":   stepPlanted,   // planted VAR CHECK: how many rows the truth says
		"sql":       stepSQL,       // sql VAR STATEMENT [RESULT]: as superuser in the database of VAR
		"lock":      stepLock,      // lock VAR TABLE: nobody else can read it until the script ends
		"waiting":   stepWaiting,   // waiting VAR: until a session waits for a lock
		"exits":     stepExits,     // exits CODE COMMAND…: like exec, with the exact exit code
		"json":      stepJSON,      // json FILE [PATH VALUE]…
		"lines":     stepLines,     // lines FILE NUMBER
		"port":      stepPort,      // port VAR: 127.0.0.1 and a free port
		"answers":   stepAnswers,   // answers STATUS URL [TEXT], waiting up to 20 s
		"terminate": stepTerminate, // terminate LIMIT: SIGTERM to all that runs, which must end within LIMIT
		"keypair":   stepKeypair,   // keypair PRIVATE PUBLIC: what audit keygen prints
		"written":   stepWritten,   // written FILE, waiting up to 20 s
		"empty":     stepEmpty,     // empty DIRECTORY
		"scratch":   stepScratch,   // scratch VAR: a directory that any user may enter
		"nobody":    stepNobody,    // nobody TEXT: no process has TEXT in its command line
	}
}

func usage(ts *testscript.TestScript, neg, ok bool, text string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", text)
	}
}

func stepShop(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "shop broken|clean|none")
	ts.Check(shared.start())
	from := args[0]
	if from == "none" {
		from = noShop
	}
	ts.Setenv("SHOP_DSN", shared.server.DSN(clone(ts, from, "postgres"), readerRole))
}

func stepStore(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "store")
	ts.Check(shared.start())
	name := clone(ts, noShop, ownerRole)
	ts.Setenv("STORE_DSN", shared.server.DSN(name, runtimeRole))
	ts.Setenv("STORE_OWNER_DSN", shared.server.DSN(name, ownerRole))
}

func clone(ts *testscript.TestScript, from, databaseOwner string) string {
	name, err := shared.clone(from, databaseOwner)
	ts.Check(err)
	ts.Defer(func() { ts.Check(shared.drop(name)) })
	return name
}

func stepBroker(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "broker")
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "ecommerce-events", "ecommerce-dlq", "ecommerce-quarantine", "ecommerce-dlq-copy"))
	ts.Check(err)
	ts.Defer(cluster.Close)
	ts.Setenv("KAFKA_BROKERS", strings.Join(cluster.ListenAddrs(), ","))
}

func stepWorkspace(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "workspace")
	w, err := app.DemoWorkspace(workspace.Options{})
	ts.Check(err)
	ts.Check(w.Listen(context.Background(), "127.0.0.1:0"))
	ts.Defer(func() { ts.Check(w.Close()) })
	ts.Setenv("SLACK_APP_TOKEN", w.AppToken())
	ts.Setenv("SLACK_BOT_TOKEN", w.BotToken())
	ts.Setenv("SLACK_API_URL", w.APIURL())
}

func stepPlanted(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "planted VAR CHECK")
	ts.Check(shared.start())
	n := shared.planted(args[1])
	if n == 0 {
		ts.Fatalf("nothing is planted for %s", args[1])
	}
	ts.Setenv(args[0], strconv.Itoa(n))
}

func stepSQL(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2 || len(args) == 3, "sql VAR STATEMENT [RESULT]")
	dsn, err := asSuperuser(ts.Getenv(args[0]))
	ts.Check(err)
	rows, err := ask(dsn, args[1])
	ts.Check(err)
	got := strings.Join(rows, " ")
	ts.Logf("[sql] %s", got)
	if len(args) == 3 && got != args[2] {
		ts.Fatalf("got %q, want %q", got, args[2])
	}
}

func stepLock(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "lock VAR TABLE")
	dsn, err := asSuperuser(ts.Getenv(args[0]))
	ts.Check(err)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	ts.Check(err)
	ts.Defer(func() { ts.Check(conn.Close(ctx)) })
	tx, err := conn.Begin(ctx)
	ts.Check(err)
	_, err = tx.Exec(ctx, "LOCK TABLE "+pgx.Identifier{args[1]}.Sanitize())
	ts.Check(err)
}

func stepWaiting(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "waiting VAR")
	dsn, err := asSuperuser(ts.Getenv(args[0]))
	ts.Check(err)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		rows, err := ask(dsn, "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
		ts.Check(err)
		if len(rows) > 0 {
			return
		}
	}
	ts.Fatalf("nobody waits for a lock")
}

// stepExits is exec with an exact exit code, which CronJobs and scripts tell
// apart.
func stepExits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "exits CODE COMMAND…")
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	stderr := ts.ReadFile("stderr")
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
	if strings.Contains(stderr, "goroutine ") || strings.Contains(stderr, "panic:") {
		ts.Fatalf("a stack trace is no sentence")
	}
}

// stepJSON reads a file as JSON and compares values at paths such as
// findings.0.verdict.
func stepJSON(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args)%2 == 1, "json FILE [PATH VALUE]…")
	var document any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &document); err != nil {
		ts.Fatalf("not JSON: %v", err)
	}
	for i := 1; i < len(args); i += 2 {
		value := document
		for key := range strings.SplitSeq(args[i], ".") {
			value = child(ts, value, key, args[i])
		}
		if got := fmt.Sprint(value); got != args[i+1] {
			ts.Fatalf("%s is %q, want %q", args[i], got, args[i+1])
		}
	}
}

func child(ts *testscript.TestScript, value any, key, path string) any {
	switch v := value.(type) {
	case map[string]any:
		if one, ok := v[key]; ok {
			return one
		}
	case []any:
		if n, err := strconv.Atoi(key); err == nil && n < len(v) {
			return v[n]
		}
	}
	ts.Fatalf("%s: there is no %s", path, key)
	return nil
}

func stepLines(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "lines FILE NUMBER")
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	if got := strings.Count(ts.ReadFile(args[0]), "\n"); got != want {
		ts.Fatalf("%s has %d lines, want %d", args[0], got, want)
	}
}

func stepPort(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "port VAR")
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Check(l.Close())
}

func stepAnswers(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2 || len(args) == 3, "answers STATUS URL [TEXT]")
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	last := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		last = get(client, args[1])
		status, body, _ := strings.Cut(last, "\n")
		if status == args[0] && (len(args) == 2 || strings.Contains(body, args[2])) {
			return
		}
	}
	ts.Fatalf("%s answers %q, want %s", args[1], last, strings.Join(args, " "))
}

// get gives the status and, on further lines, the body; or the error.
func get(client *http.Client, url string) string {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return err.Error()
	}
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return strconv.Itoa(response.StatusCode) + "\n" + string(body)
}

// stepTerminate does what an orchestrator does: SIGTERM, and patience up to a
// limit. `wait` afterwards tells the exit code.
func stepTerminate(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "terminate LIMIT")
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	running := ts.BackgroundCmds()
	if len(running) == 0 {
		ts.Fatalf("nothing is running")
	}
	deadline := time.Now().Add(limit)
	for _, cmd := range running {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	}
	for _, cmd := range running {
		for alive(cmd.Process.Pid) {
			if time.Now().After(deadline) {
				ts.Fatalf("it has not ended %s after SIGTERM", limit)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// alive says whether a process runs; one that has ended and is not yet waited
// for does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := bytes.Cut(stat, []byte(") "))
	return !bytes.HasPrefix(after, []byte("Z"))
}

func stepKeypair(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "keypair PRIVATE PUBLIC")
	ts.Check(ts.Exec("integritybot", "audit", "keygen", "integrity.example.com"))
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		if key, ok := strings.CutPrefix(line, "private: "); ok {
			ts.Setenv(args[0], strings.TrimSpace(key))
		}
		if key, ok := strings.CutPrefix(line, "public: "); ok {
			ts.Setenv(args[1], strings.TrimSpace(key))
		}
	}
}

func stepWritten(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "written FILE")
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if info, err := os.Stat(ts.MkAbs(args[0])); err == nil && info.Size() > 0 {
			return
		}
	}
	ts.Fatalf("nothing was written to %s", args[0])
}

func stepEmpty(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "empty DIRECTORY")
	left, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	for _, entry := range left {
		ts.Fatalf("%s is left in %s", entry.Name(), args[0])
	}
}

func stepScratch(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "scratch VAR")
	dir, err := os.MkdirTemp("/tmp", "integritybot-scratch-")
	ts.Check(err)
	ts.Defer(func() { ts.Check(os.RemoveAll(dir)) })
	ts.Check(os.Chmod(dir, 0o755))
	ts.Setenv(args[0], dir)
}

func stepNobody(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "nobody TEXT")
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	ts.Check(err)
	if len(lines) == 0 {
		ts.Fatalf("/proc tells nothing about processes")
	}
	for _, path := range lines {
		line, err := os.ReadFile(path)
		if err == nil && bytes.Contains(line, []byte(args[0])) {
			ts.Fatalf("still running: %s", bytes.ReplaceAll(line, []byte{0}, []byte(" ")))
		}
	}
}
