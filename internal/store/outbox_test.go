package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/store"
)

func say(t testing.TB, s *store.Store, posts ...message.Post) {
	t.Helper()
	if err := s.Say(t.Context(), posts...); err != nil {
		t.Fatal(err)
	}
}

func begin(t testing.TB, s *store.Store, d *bot.Delivery) {
	t.Helper()
	if err := s.Begin(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// send carries the next delivery out and gives it.
func send(t testing.TB, s *store.Store, ts string) *bot.Delivery {
	t.Helper()
	d := next(t, s)
	begin(t, s, d)
	if err := s.Sent(t.Context(), d, ts, 0); err != nil {
		t.Fatal(err)
	}
	return d
}

func nothing(t testing.TB, s *store.Store, why string) time.Duration {
	t.Helper()
	d, wait, err := s.Next(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if d != nil {
		t.Fatalf("%s, but %s %q is due", why, d.Kind, d.Post.Key)
	}
	return wait
}

func final(p message.Post) message.Post { p.Final = true; return p }

func text(d *bot.Delivery) string { return d.Post.Message.Headline.String() }

func TestOutboxKeepsTheOrderOfAChannel(t *testing.T) {
	s := open(t, database(t))
	for i := range 5 {
		say(t, s, post(fmt.Sprintf("p%d", i), "C1", "x"))
	}
	for i := range 5 {
		if d := send(t, s, "1.0"); d.Post.Key != fmt.Sprintf("p%d", i) {
			t.Errorf("%d. is %s", i, d.Post.Key)
		}
	}
	nothing(t, s, "all are sent")
}

func TestOutboxCoalescesEdits(t *testing.T) {
	s := open(t, database(t))
	say(t, s, post("p", "C1", "one"))
	say(t, s, post("p", "C1", "two"))
	d := next(t, s)
	if text(d) != "two" || d.Kind != bot.DeliverPost {
		t.Errorf("%s %q", d.Kind, text(d))
	}
	say(t, s, post("p", "C1", "three")) // while two is on its way
	say(t, s, post("p", "C1", "four"))
	begin(t, s, d)
	if err := s.Sent(t.Context(), d, "7.1", 0); err != nil {
		t.Fatal(err)
	}
	d = send(t, s, "7.1")
	if text(d) != "four" || d.Kind != bot.DeliverUpdate || d.TS != "7.1" {
		t.Errorf("%s %q at %s", d.Kind, text(d), d.TS)
	}
	say(t, s, post("p", "C1", "four"))
	nothing(t, s, "the same was said again")
}

func TestFinalMessageStands(t *testing.T) {
	s := open(t, database(t))
	say(t, s, final(post("p", "C1", "result")))
	say(t, s, post("p", "C1", "late progress"))
	if d := send(t, s, "1.0"); text(d) != "result" {
		t.Errorf("sent %q", text(d))
	}
	say(t, s, post("p", "C1", "later progress"))
	nothing(t, s, "final is final")
}

// A message edited all the time must not keep others from being sent.
func TestEditsTakeTheirTurn(t *testing.T) {
	s := open(t, database(t))
	say(t, s, post("busy", "C1", "0"))
	send(t, s, "1.0")
	say(t, s, post("busy", "C1", "1"))
	say(t, s, post("other", "C1", "x"))
	d := next(t, s)
	say(t, s, post("busy", "C1", "2"))
	begin(t, s, d)
	if err := s.Sent(t.Context(), d, "1.0", 0); err != nil {
		t.Fatal(err)
	}
	if d := send(t, s, "2.0"); d.Post.Key != "other" {
		t.Errorf("%s %q came first", d.Post.Key, text(d))
	}
}

func TestThreadFollowsItsParent(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	child := post("run/1/a", "C1", "detail")
	child.Parent = "run/1"
	grandchild := post("run/1/a/x", "C1", "more")
	grandchild.Parent = "run/1/a"
	elsewhere := post("run/2", "C1", "in a thread")
	elsewhere.Thread = "5.5"
	below := post("run/2/a", "C1", "below")
	below.Parent = "run/2"
	say(t, s, child, grandchild, post("run/1", "C1", "head"), elsewhere, below)
	got := map[string]string{}
	var sequence []string
	for i := range 5 {
		d := send(t, s, fmt.Sprintf("1.%d", i))
		got[d.Post.Key] = d.Thread
		sequence = append(sequence, d.Post.Key)
	}
	want := map[string]string{"run/1": "", "run/1/a": "1.0", "run/1/a/x": "1.0", "run/2": "5.5", "run/2/a": "5.5"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("threads (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"run/1", "run/1/a", "run/1/a/x", "run/2", "run/2/a"}, sequence); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestFilesFollowTheirMessage(t *testing.T) {
	s := open(t, database(t))
	p := post("run/1/a", "C1", "detail")
	p.Message.Files = []message.File{{Name: "a.csv", Source: "run/1/a"}, {Name: "b.png", Inline: []byte{1, 2}}}
	say(t, s, p, post("after", "C1", "x"))
	if d := send(t, s, "3.1"); d.Kind != bot.DeliverPost || d.File != nil {
		t.Errorf("first %s", d.Kind)
	}
	for _, want := range p.Message.Files {
		d := next(t, s)
		if d.Kind != bot.DeliverFile || d.Thread != "3.1" || d.TS != "3.1" || d.Post.Key != "run/1/a" {
			t.Errorf("%s %q in thread %q", d.Kind, d.Post.Key, d.Thread)
		}
		if diff := cmp.Diff(&want, d.File); diff != "" {
			t.Error(diff)
		}
		begin(t, s, d)
		if err := s.Uploaded(t.Context(), d, "F1"); err != nil {
			t.Error(err)
		}
		if err := s.Retry(t.Context(), d, 0, true, "lost"); err != nil {
			t.Error(err)
		}
		d = next(t, s)
		if d.FileID != "F1" || !d.Unknown || d.Attempts != 1 {
			t.Errorf("second try: file id %q, unknown %v, %d attempts", d.FileID, d.Unknown, d.Attempts)
		}
		begin(t, s, d)
		if err := s.Sent(t.Context(), d, "", 0); err != nil {
			t.Error(err)
		}
	}
	if d := send(t, s, "4.0"); d.Post.Key != "after" {
		t.Errorf("then %s", d.Post.Key)
	}
	p.Message.Headline = message.Text("edited")
	say(t, s, p)
	if d := send(t, s, "3.1"); d.Kind != bot.DeliverUpdate {
		t.Errorf("edit is %s", d.Kind)
	}
	nothing(t, s, "files are sent once")
}

func TestOneDeliveryPerChannelAtATime(t *testing.T) {
	clock := noon
	dsn := database(t)
	one, two := open(t, dsn, at(&clock)), open(t, dsn, at(&clock))
	say(t, one, post("a1", "A", "x"), post("a2", "A", "x"), post("b1", "B", "x"))
	first := next(t, one)
	if other := next(t, two); other.Post.Key != "b1" {
		t.Errorf("second claim is %s", other.Post.Key)
	}
	nothing(t, two, "both channels are claimed")
	begin(t, one, first)
	clock = clock.Add(2 * time.Minute) // the lease is over
	again := next(t, two)
	if again.Post.Key != "a1" || !again.Unknown || !again.Tried.Equal(noon) {
		t.Errorf("taken over: %s, unknown %v, tried %s", again.Post.Key, again.Unknown, again.Tried)
	}
	for name, err := range map[string]error{
		"begin": one.Begin(t.Context(), first), "uploaded": one.Uploaded(t.Context(), first, "F"),
		"sent": one.Sent(t.Context(), first, "9.9", 0), "retry": one.Retry(t.Context(), first, 0, false, ""),
		"failed": one.Failed(t.Context(), first, "x"),
	} {
		if !errors.Is(err, store.ErrClaimLost) {
			t.Errorf("%s by the old sender: %v", name, err)
		}
	}
	begin(t, two, again)
	if err := two.Sent(t.Context(), again, "1.0", 0); err != nil {
		t.Error(err)
	}
}

func TestBeginRefusesAnExpiredLease(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	say(t, s, post("p", "C1", "x"))
	d := next(t, s)
	clock = clock.Add(time.Hour)
	if err := s.Begin(t.Context(), d); !errors.Is(err, store.ErrClaimLost) {
		t.Errorf("Begin = %v", err)
	}
	if d := next(t, s); d.Unknown {
		t.Error("unknown, though nothing was tried")
	}
}

func TestPace(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	say(t, s, post("p1", "C1", "x"), post("p2", "C1", "x"), post("p3", "C1", "x"))
	d := next(t, s)
	begin(t, s, d)
	if err := s.Sent(t.Context(), d, "1.0", 700*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if wait := nothing(t, s, "the channel rests"); wait != 700*time.Millisecond {
		t.Errorf("wait %s", wait)
	}
	clock = clock.Add(700 * time.Millisecond)
	d = next(t, s)
	begin(t, s, d)
	if err := s.Retry(t.Context(), d, 5*time.Second, false, "429"); err != nil {
		t.Fatal(err)
	}
	if wait := nothing(t, s, "nothing overtakes"); wait != time.Second {
		t.Errorf("wait %s", wait)
	}
	clock = clock.Add(5 * time.Second)
	if d := send(t, s, "2.0"); d.Post.Key != "p2" || d.Unknown || d.Attempts != 2 {
		t.Errorf("after the wait %s, unknown %v, %d attempts", d.Post.Key, d.Unknown, d.Attempts)
	}
}

func TestFailedIsRecordedAndTakesItsThreadWithIt(t *testing.T) {
	s := open(t, database(t))
	child := post("run/1/a", "C1", "detail")
	child.Parent, child.Message.Files = "run/1", []message.File{{Name: "a.csv", Source: "run/1/a"}}
	say(t, s, post("run/1", "C1", "running"), child, post("next", "C1", "x"))
	d := next(t, s)
	begin(t, s, d)
	if err := s.Failed(t.Context(), d, "not_in_channel"); err != nil {
		t.Fatal(err)
	}
	if d := send(t, s, "1.0"); d.Post.Key != "next" {
		t.Errorf("then %s", d.Post.Key)
	}
	entries, err := s.Events(t.Context(), commands.EventFilter{Action: "post"})
	if err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, e := range entries {
		failed = append(failed, e.Target+" "+e.Args["file"]+": "+e.Error)
	}
	want := []string{
		"run/1/a a.csv: the message it belongs to could not be sent",
		"run/1/a : the message it belongs to could not be sent", "run/1 : not_in_channel",
	}
	if diff := cmp.Diff(want, failed); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	say(t, s, post("run/1", "C1", "41 %"))
	nothing(t, s, "nobody can see progress of what failed")
	say(t, s, final(post("run/1", "C1", "result")), child)
	if d := send(t, s, "2.0"); text(d) != "result" || d.Kind != bot.DeliverPost {
		t.Errorf("final is %s %q", d.Kind, text(d))
	}
	child.Final = true
	say(t, s, child)
	if d := send(t, s, "2.1"); d.Post.Key != "run/1/a" || d.Thread != "2.0" {
		t.Errorf("then %s in %s", d.Post.Key, d.Thread)
	}
	if d := send(t, s, ""); d.Kind != bot.DeliverFile {
		t.Errorf("then %s", d.Kind)
	}
}

func TestEphemeralIsSaidOnce(t *testing.T) {
	s := open(t, database(t))
	p := post("reply/1", "C1", "help")
	p.OnlyTo = "U1"
	say(t, s, p)
	if d := send(t, s, ""); d.Kind != bot.DeliverEphemeral {
		t.Errorf("%s", d.Kind)
	}
	p.Message.Headline = message.Text("other")
	say(t, s, p)
	nothing(t, s, "it cannot be edited")
}

func TestWakeAfterCommit(t *testing.T) {
	s := open(t, database(t))
	say(t, s, post("p", "C1", "x"))
	select {
	case <-s.Wake():
	case <-time.After(patience):
		t.Error("not woken")
	}
}

// Several senders on several replicas: every message once, in order.
func TestManySenders(t *testing.T) {
	dsn := database(t)
	stores := []*store.Store{open(t, dsn), open(t, dsn), open(t, dsn)}
	const channels, each = 6, 15
	for i := range each {
		var posts []message.Post
		for c := range channels {
			posts = append(posts, post(fmt.Sprintf("%d/%d", c, i), fmt.Sprintf("C%d", c), "x"))
		}
		say(t, stores[i%3], posts...)
	}
	var mu sync.Mutex
	sent := map[string][]string{}
	total := 0
	var wg sync.WaitGroup
	for i := range 9 {
		s := stores[i%3]
		wg.Go(func() {
			for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
				d, wait, err := s.Next(t.Context(), time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				done := total == channels*each
				mu.Unlock()
				if d == nil {
					if done {
						return
					}
					time.Sleep(min(wait, 20*time.Millisecond))
					continue
				}
				if err := s.Begin(t.Context(), d); err != nil {
					t.Error(err)
				}
				mu.Lock()
				sent[d.Post.Channel] = append(sent[d.Post.Channel], d.Post.Key)
				total++
				mu.Unlock()
				if err := s.Sent(t.Context(), d, "1."+d.Post.Key, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for c := range channels {
		var want []string
		for i := range each {
			want = append(want, fmt.Sprintf("%d/%d", c, i))
		}
		if diff := cmp.Diff(want, sent[fmt.Sprintf("C%d", c)]); diff != "" {
			t.Errorf("channel %d (-want +got):\n%s", c, diff)
		}
	}
}
