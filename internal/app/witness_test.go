package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/workspace"
)

// What the tests of trouble look at: the store, the workspace's journal, and
// everything that stands in Slack.

// ask reads rows of a struct (or of one column) from a database.
func ask[T any](t *testing.T, dsn, sql string, args ...any) []T {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var one T
	to := pgx.RowToStructByPos[T]
	switch any(one).(type) {
	case string, int64, []string:
		to = pgx.RowTo[T]
	}
	out, err := pgx.CollectRows(rows, to)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// none fails for each row that a query gives: each is one line of complaint.
func (w *world) none(what, sql string, args ...any) {
	w.t.Helper()
	if bad := ask[string](w.t, w.store(), sql, args...); len(bad) > 0 {
		w.t.Errorf("%s: %d, as %s", what, len(bad), strings.Join(bad[:min(5, len(bad))], "; "))
	}
}

// store is the DSN of the store's owner, by the straight way.
func (w *world) store() string { return w.env["STORE_OWNER_DSN"] }

// auditIsSound has the chain verified, and nothing twice in it.
func (w *world) auditIsSound() {
	w.t.Helper()
	report, err := app.VerifyAudit(context.WithoutCancel(w.t.Context()), w.config(), app.VerifyOptions{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	if report.Fault != nil {
		w.t.Errorf("audit verify: %+v", *report.Fault)
	}
	w.none("requests with two audit rows", `SELECT request || ' ' || action || ' ' || count(*) FROM audit_events
		WHERE source NOT IN ('system', '') GROUP BY request, action HAVING count(*) > 1`)
	w.none("runs that ended twice", `SELECT target || ' ' || count(*) FROM audit_events WHERE action = 'check.run' GROUP BY target HAVING count(*) > 1`)
	w.none("findings recorded twice", `SELECT body::json->'args'->>'run' || ' ' || target FROM audit_events
		WHERE action = 'check.finding' GROUP BY body::json->'args'->>'run', target HAVING count(*) > 1`)
	w.none("runs asked for twice", `SELECT request FROM (SELECT asked->>'Request' AS request FROM runs) r GROUP BY request HAVING count(*) > 1`)
}

// key is the name the bot gave to a message.
func key(m workspace.Message) string {
	payload, _ := m.Metadata["event_payload"].(map[string]any)
	name, _ := payload["key"].(string)
	return name
}

// board is everything of the bot's that stands in some channels.
type board struct {
	posts map[string][]workspace.Message  // by key
	files map[string][]workspace.FileInfo // by name
	order map[string][]string             // thread → what stands there, in order
}

// board reads the channels as this person.
func (w *world) board(as string, channels ...string) board {
	w.t.Helper()
	b := board{posts: map[string][]workspace.Message{}, files: map[string][]workspace.FileInfo{}, order: map[string][]string{}}
	add := func(root string, m workspace.Message) {
		if m.BotID == "" || m.Ephemeral {
			return
		}
		name := key(m)
		if name != "" {
			b.posts[name] = append(b.posts[name], m)
		}
		for _, f := range m.Files {
			b.files[f.Name] = append(b.files[f.Name], f)
			name = f.Name
		}
		b.order[root] = append(b.order[root], name)
	}
	for _, channel := range channels {
		heads, _, err := w.slack.Messages(as, channel)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, m := range heads {
			if m.Ephemeral {
				continue
			}
			root := channel + " " + m.TS
			add(root, m)
			if m.ReplyCount == 0 {
				continue
			}
			replies, err := w.slack.Thread(as, channel, m.TS)
			if err != nil {
				w.t.Fatal(err)
			}
			for _, r := range replies {
				if r.TS != m.TS { // a thread begins with its head
					add(root, r)
				}
			}
		}
	}
	return b
}

// twice are the keys and files that stand more than once.
func (b board) twice() []string {
	var out []string
	for name, all := range b.posts {
		if len(all) > 1 {
			out = append(out, fmt.Sprintf("%s %d times", name, len(all)))
		}
	}
	for name, all := range b.files {
		if len(all) > 1 {
			out = append(out, fmt.Sprintf("%s %d times", name, len(all)))
		}
	}
	return out
}

// recorded waits until so many runs were asked for.
func (w *world) recorded(runs int64) {
	w.t.Helper()
	await(w.t, fmt.Sprintf("%d runs being recorded", runs), 20*time.Second, func() (int64, bool) {
		n := ask[int64](w.t, w.store(), `SELECT count(*) FROM runs`)[0]
		return n, n >= runs
	})
}

// settled waits until nothing waits to be sent and no run is open.
func (w *world) settled(limit time.Duration) {
	w.t.Helper()
	sql := `SELECT (SELECT count(*) FROM posts WHERE state = 'waiting') + (SELECT count(*) FROM runs WHERE state IN ('queued', 'running'))`
	await(w.t, "everything being done and said", limit, func() (int64, bool) {
		n := ask[int64](w.t, w.store(), sql)[0]
		if n > 0 {
			time.Sleep(200 * time.Millisecond)
		}
		return n, n == 0
	})
}

// ephemeral waits for a message that only this person sees in this channel and
// that holds the text.
func (w *world) ephemeral(as, channel, text string) workspace.Message {
	w.t.Helper()
	var last []string
	defer func() {
		if w.t.Failed() {
			w.t.Logf("%s sees in %s: %q", as, channel, last)
		}
	}()
	return await(w.t, fmt.Sprintf("%s reading %q", as, text), 20*time.Second, func() (workspace.Message, bool) {
		last = nil
		all, _, err := w.slack.Messages(as, channel)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, m := range all {
			if !m.Ephemeral {
				continue
			}
			last = append(last, m.Text)
			if strings.Contains(m.Text, text) {
				return m, true
			}
		}
		return workspace.Message{}, false
	})
}

// noViolations fails for everything the bot did that Slack does not accept.
func (w *world) noViolations() {
	w.t.Helper()
	for _, e := range w.slack.Violations() {
		w.t.Errorf("Slack does not accept: %s (%s %s, connection %s)", e.Violation, e.Kind, e.Method, e.Conn)
	}
}

// sayAs is say for anybody, anywhere.
func (w *world) sayAs(as, channel, thread, text string) string {
	w.t.Helper()
	ts, err := w.slack.Say(as, channel, thread, text)
	if err != nil {
		w.t.Fatalf("%s in %s: %s: %v", as, channel, text, err)
	}
	return ts
}

// holdLock locks a table, says so, and waits for the end.
func holdLock(dsn, table string, locked chan<- error, done <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		locked <- err
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "BEGIN; LOCK TABLE "+pgx.Identifier{table}.Sanitize()+" IN ACCESS EXCLUSIVE MODE")
	locked <- err
	<-done
	return err
}
