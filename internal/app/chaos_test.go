package app_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/workspace"
)

// longEnv asks for the full length of the tests of trouble: INTEGRITYBOT_LONG=1
// go test -timeout 30m -run TestReplicasKilled -v ./internal/app
const longEnv = "INTEGRITYBOT_LONG"

// fleet is some replicas as processes, to be killed.
type fleet struct {
	w       *world
	mu      sync.Mutex
	running []*exec.Cmd
}

func newFleet(w *world, n int) *fleet {
	f := &fleet{w: w}
	w.t.Cleanup(f.end)
	for range n {
		f.running = append(f.running, w.process())
	}
	await(w.t, "all replicas being connected", 30*time.Second, func() (int, bool) {
		state, err := w.slack.State(alice)
		if err != nil {
			w.t.Fatal(err)
		}
		return 0, state.Bot.Connections == 2*n
	})
	return f
}

// kill ends a replica with SIGKILL and starts another one in its place.
func (f *fleet) kill(i int) (pid int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	pid = f.running[i].Process.Pid
	f.endOne(f.running[i])
	f.running[i] = f.w.process()
	return pid
}

func (f *fleet) endOne(cmd *exec.Cmd) {
	if err := cmd.Process.Kill(); err != nil {
		f.w.t.Errorf("kill: %v", err)
	}
	_ = cmd.Wait() // it says that it was killed
}

func (f *fleet) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, cmd := range f.running {
		f.endOne(cmd)
	}
	f.running = nil
}

// orphan is a run whose holder was killed.
type orphan struct {
	run  int64
	at   time.Time
	pid  int
	took time.Duration // until somebody else had it or it was over; 0: not yet
}

// watch measures how long runs are without a living holder.
type watch struct {
	w       *world
	mu      sync.Mutex
	orphans []*orphan
}

type holding struct {
	ID     int64
	Holder string
	Open   bool
}

const holdings = `SELECT id, holder, state IN ('queued', 'running') FROM runs`

// killed notes what a process held that is dead by now.
func (v *watch) killed(pid int) {
	at := time.Now()
	for _, h := range ask[holding](v.w.t, v.w.store(), holdings+` WHERE state = 'running' AND holder LIKE '%/' || $1 || '/%'`, strconv.Itoa(pid)) {
		v.mu.Lock()
		v.orphans = append(v.orphans, &orphan{run: h.ID, at: at, pid: pid})
		v.mu.Unlock()
	}
}

// look notes who was adopted.
func (v *watch) look() {
	now := map[int64]holding{}
	for _, h := range ask[holding](v.w.t, v.w.store(), holdings) {
		now[h.ID] = h
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, o := range v.orphans {
		h := now[o.run]
		if o.took == 0 && (!h.Open || !strings.Contains(h.Holder, "/"+strconv.Itoa(o.pid)+"/")) {
			o.took = time.Since(o.at)
		}
	}
}

func (v *watch) longest() (n int, longest time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, o := range v.orphans {
		took := o.took
		if took == 0 {
			took = time.Since(o.at)
		}
		longest = max(longest, took)
	}
	return len(v.orphans), longest
}

// TestReplicasKilled is R1: three replicas, every payload delivered four times,
// replicas killed at random points while people go on asking, with Slack's
// limits on. Nothing that was acknowledged is lost, nothing is done or said
// twice, and nobody is refused because a replica that just started has to ask
// Slack who they are.
func TestReplicasKilled(t *testing.T) {
	t.Parallel()
	kills, seed := 8, uint64(time.Now().UnixNano())
	if os.Getenv(longEnv) != "" {
		kills = 50
	}
	t.Logf("%d kills, seed %d", kills, seed)
	random := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t, workspace.Options{Limits: workspace.Limits{Journal: 500_000, Messages: 100_000}})
	network, through := newProxy(t, w.env["SHOP_DSN"])
	network.set(false, 25*time.Millisecond) // so that there is time to be killed in
	w.env["SHOP_DSN"] = through
	channels := rooms(w, 8)
	f, v := newFleet(w, 3), &watch{w: w}
	if err := w.slack.Inject(workspace.Fault{Method: "socket", Kind: "duplicate", Count: 4}); err != nil {
		t.Fatal(err)
	}

	stop := make(chan struct{})
	var talking sync.WaitGroup
	talking.Go(func() { askOn(w, channels, rand.New(rand.NewPCG(seed, 2)), stop) })
	talking.Go(func() {
		for {
			v.look()
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	for range kills {
		time.Sleep(time.Duration(500+random.IntN(1500)) * time.Millisecond)
		v.killed(f.kill(random.IntN(3)))
	}
	close(stop)
	talking.Wait()
	await(t, "all orphaned runs being adopted", time.Minute, func() (int, bool) {
		v.look()
		v.mu.Lock()
		defer v.mu.Unlock()
		return 0, !slices.ContainsFunc(v.orphans, func(o *orphan) bool { return o.took == 0 })
	})
	began := time.Now()
	w.settled(5 * time.Minute)
	n, longest := v.longest()
	t.Logf("%d runs lost their process, the longest was %s without one; everything was said %s after the last kill", n, longest.Round(time.Millisecond), time.Since(began).Round(time.Second))
	if longest > 30*time.Second {
		t.Errorf("a run was without a process for %s", longest)
	}
	everythingOnce(w, channels)
	w.withinLimits("usergroups.list", "users.info", "conversations.info")
}

// withinLimits wants Slack never to have said that these methods are called too
// often, and nobody to have been refused because Slack did not answer.
func (w *world) withinLimits(methods ...string) {
	w.t.Helper()
	calls, limited := map[string]int{}, map[string]int{}
	for _, e := range w.slack.Journal(0) {
		if e.Kind != "api" {
			continue
		}
		calls[e.Method]++
		if e.Status == http.StatusTooManyRequests {
			limited[e.Method]++
		}
	}
	w.t.Logf("calls of Slack: %v; of these it wanted later: %v", calls, limited)
	for _, m := range methods {
		if calls[m] == 0 || limited[m] > 0 {
			w.t.Errorf("%s was called %d times, %d times too often", m, calls[m], limited[m])
		}
	}
	w.none("people and channels that Slack did not say anything about", `SELECT request || ' ' || rule FROM audit_events, json_to_record(body::json) AS b(rule text)
		WHERE rule IN ('person not known', 'channel not known', 'rights unknown')`)
}

// rooms makes channels, so that one message a second and channel is enough.
func rooms(w *world, n int) []string {
	w.t.Helper()
	var ids []string
	for i := range n {
		c, err := w.slack.AddChannel(workspace.Channel{Name: fmt.Sprintf("inc-%d", i), Members: []string{w.slack.BotUserID(), alice, "U0BOB"}})
		if err != nil {
			w.t.Fatal(err)
		}
		ids = append(ids, c.ID)
	}
	return ids
}

// askOn goes on asking until it is stopped, by commands and in threads.
func askOn(w *world, channels []string, random *rand.Rand, stop <-chan struct{}) {
	words := []string{"check negative-stock", "check orders", "check order-totals", "check customers", "check inventory", "check items-without-order", "whoami"}
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(100+random.IntN(600)) * time.Millisecond):
		}
		channel, text := channels[random.IntN(len(channels))], words[random.IntN(len(words))]
		thread, prefix := "", "/integrity "
		if i%4 == 3 { // a thread of its own, by which the run can be recognised
			thread, prefix = w.sayAs(alice, channel, "", fmt.Sprintf("question %d", i)), "<@"+w.slack.BotUserID()+"> "
		}
		// Nobody there for a moment is what people see, too.
		if _, err := w.slack.Say(alice, channel, thread, prefix+text); err != nil && !strings.Contains(err.Error(), "not connected") {
			w.t.Errorf("%s: %v", text, err)
		}
	}
}

// acknowledged are the envelopes of commands and mentions that Slack had an
// acknowledgement of in time: what they are recognised by in the store.
func (w *world) acknowledged() (urls, threads []string) {
	w.t.Helper()
	payloads, seen := map[string]map[string]any{}, map[string]bool{}
	for _, e := range w.slack.Journal(0) {
		if e.Kind == "envelope" {
			payloads[e.EnvelopeID] = e.Payload
		}
		if e.Kind != "ack" || e.Event != "" || seen[e.EnvelopeID] {
			continue
		}
		seen[e.EnvelopeID] = true
		p := payloads[e.EnvelopeID]
		text, _ := p["text"].(string)
		if url, ok := p["response_url"].(string); ok && strings.HasPrefix(text, "check") {
			urls = append(urls, url)
		}
		event, _ := p["event"].(map[string]any)
		text, _ = event["text"].(string)
		if thread, ok := event["thread_ts"].(string); ok && event["type"] == "app_mention" && strings.Contains(text, "check") {
			threads = append(threads, thread)
		}
	}
	return urls, threads
}

type ended struct {
	ID             int64
	Channel        string
	URL, Thread    string
	State, Verdict string // of each check: "name=FAIL,…"
}

const runsEnded = `SELECT r.id, asked->>'Channel', asked->>'ResponseURL', asked->>'Thread', r.state,
	coalesce((SELECT string_agg(c.name || '=' || (c.state->'finding'->>'verdict'), ',') FROM run_checks c WHERE c.run = r.id), '') FROM runs r`

// everythingOnce holds what stands in Slack against the store and the truth.
func everythingOnce(w *world, channels []string) {
	t := w.t
	t.Helper()
	runs := ask[ended](t, w.store(), runsEnded)
	byURL, byThread := map[string]int{}, map[string]int{}
	for _, r := range runs {
		byURL[r.URL]++
		byThread[r.Thread]++
	}
	urls, threads := w.acknowledged()
	for _, u := range urls {
		if byURL[u] != 1 {
			t.Errorf("an acknowledged command has %d runs", byURL[u])
		}
	}
	for _, ts := range threads {
		if byThread[ts] != 1 {
			t.Errorf("an acknowledged mention has %d runs", byThread[ts])
		}
	}
	b := w.board(alice, channels...)
	t.Logf("%d commands and %d mentions acknowledged, %d runs, %d messages, %d files", len(urls), len(threads), len(runs), len(b.posts), len(b.files))
	if len(runs) == 0 || len(b.files) == 0 {
		t.Error("nothing happened at all")
	}
	if twice := b.twice(); len(twice) > 0 {
		t.Errorf("said twice: %q", twice)
	}
	for _, r := range runs {
		w.toldOnce(b, r)
	}
	w.none("messages given up", `SELECT key || ' ' || file || ': ' || reason FROM posts WHERE state = 'failed' AND only_to = ''`)
	w.none("runs that did not get done", `SELECT id || ' ' || state || ': ' || reason FROM runs WHERE state <> 'done'`)
	w.none("requests without a row in the audit", `SELECT key FROM inbox WHERE (SELECT count(*) FROM inbox) <>
		(SELECT count(*) FROM audit_events WHERE source NOT IN ('system', ''))`)
	w.auditIsSound()
	w.noViolations()
}

// toldOnce looks at one run: its head, one message and one file for each check
// that fails, and the rows in the file.
func (w *world) toldOnce(b board, r ended) {
	t := w.t
	t.Helper()
	head := fmt.Sprintf("run/%d", r.ID)
	heads := b.posts[head]
	if len(heads) != 1 || !slices.ContainsFunc([]string{"FAIL ", "PASS ", "UNKNOWN "}, func(v string) bool { return strings.Contains(heads[0].Text, v) }) {
		t.Errorf("R-%d has %d head messages: %v", r.ID, len(heads), textsOf(heads))
	}
	for _, one := range strings.Split(r.Verdict, ",") {
		name, verdict, _ := strings.Cut(one, "=")
		if verdict != "FAIL" {
			t.Errorf("R-%d: %q, but everything in this shop fails", r.ID, one)
			continue
		}
		if n := len(b.posts[head+"/"+name]); n != 1 {
			t.Errorf("R-%d has %d messages about %s", r.ID, n, name)
		}
		file := fmt.Sprintf("%s-R-%d.csv", name, r.ID)
		if n := len(b.files[file]); n != 1 {
			t.Errorf("%s is there %d times", file, n)
			continue
		}
		if diff := cmp.Diff(wanted(w.truth, name), keysOf(t, name, w.download(b.files[file][0].URL))); diff != "" {
			t.Errorf("%s: rows lost (-), doubled or wrong (+):\n%s", file, diff)
		}
	}
}

func textsOf(all []workspace.Message) []string {
	var out []string
	for _, m := range all {
		out = append(out, m.Text)
	}
	return out
}
