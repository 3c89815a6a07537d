package bot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/workspace"
)

// rooms are those of a world, without a bot that runs.
func (w *world) rooms() *bot.Rooms { return w.roomsWith(bot.RoomsDeps{}) }

func (w *world) roomsWith(d bot.RoomsDeps) *bot.Rooms {
	w.t.Helper()
	r, err := bot.NewRooms(w.options(), d)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(r.Close)
	return r
}

func problem(err error) incidents.RoomProblem {
	var e *incidents.RoomError
	if errors.As(err, &e) {
		return e.Problem
	}
	return ""
}

func (w *world) create(r *bot.Rooms, name string) string {
	w.t.Helper()
	id, err := r.Create(w.t.Context(), name, false)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// TestAChannelIsCreatedFoundAndFurnished is what the keeper does for every incident.
func TestAChannelIsCreatedFoundAndFurnished(t *testing.T) {
	w := newWorld(t, setup{idle: true})
	r, ctx := w.rooms(), t.Context()
	before := time.Now().Add(-time.Minute)
	id := w.create(r, "inc-20261126-orders")
	found, err := r.Find(ctx, "inc-20261126-orders")
	if err != nil || found == nil || found.ID != id || !found.Ours || found.Archived || found.Created.Before(before) {
		t.Fatalf("found %+v, %v; want our %s", found, err, id)
	}
	if other, err := r.Find(ctx, "incidents"); err != nil || other == nil || other.Ours {
		t.Errorf("a channel of others that the bot is in is found as %+v, %v", other, err)
	}
	if none, err := r.Find(ctx, "inc-nothing"); none != nil || err != nil {
		t.Errorf("what is not there is found as %+v, %v", none, err)
	}
	for range 2 { // everything may be done again
		if left, err := r.Invite(ctx, id, []string{w.alice, w.bob, w.alice, w.BotUserID(), ""}); err != nil || len(left) > 0 {
			t.Errorf("invite: left %v, %v", left, err)
		}
		if err := r.Bookmark(ctx, id, "Runbook", "https://runbook.example/"); err != nil {
			t.Error(err)
		}
		if err := r.Topic(ctx, id, "P1 · "+strings.Repeat("x", 400)); err != nil {
			t.Error(err)
		}
	}
	state, err := w.State(w.alice)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(state.Channels, func(c workspace.ChannelState) bool { return c.ID == id })
	if i < 0 || len([]rune(state.Channels[i].Topic)) != 250 || len(state.Channels[i].Members) != 3 {
		t.Errorf("the channel is %+v", state.Channels[i])
	}
	if n := len(state.Channels[i].Bookmarks); n != 1 {
		t.Errorf("%d bookmarks, want 1", n)
	}
	w.check()
}

// TestTheSummaryIsPinnedOnce: pinning what is pinned is no error, nor is unpinning what
// is not; what others pinned is theirs.
func TestTheSummaryIsPinnedOnce(t *testing.T) {
	w := newWorld(t, setup{})
	r, ctx := w.rooms(), t.Context()
	w.outbox.Set(post("incident/INC-1/summary", w.channel, "INC-1"))
	w.outbox.idle(t, 10*time.Second)
	summary := w.messages()[0].TS
	said := w.say(w.alice, "", "it is the importer")
	if err := w.Pin(w.alice, w.channel, said, false); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Pin(ctx, w.channel, summary); err != nil {
			t.Error(err)
		}
	}
	if own, err := r.Pinned(ctx, w.channel); err != nil || !slices.Equal(own, []string{summary}) {
		t.Errorf("pinned %v, %v; want %s alone", own, err, summary)
	}
	for range 2 {
		if err := r.Unpin(ctx, w.channel, summary); err != nil {
			t.Error(err)
		}
	}
	if own, err := r.Pinned(ctx, w.channel); err != nil || len(own) > 0 {
		t.Errorf("pinned %v, %v; want none", own, err)
	}
	if err := r.Unpin(ctx, w.channel, "1700000000.000001"); err != nil {
		t.Errorf("unpin what was deleted: %v", err)
	}
	if err := r.Pin(ctx, w.channel, "1700000000.000001"); problem(err) != incidents.NotThere {
		t.Errorf("pin what was deleted: %v (%s)", err, problem(err))
	}
	w.check()
}

// TestWhomSlackDoesNotLetIn are named, and nobody else is kept out by them.
func TestWhomSlackDoesNotLetIn(t *testing.T) {
	w := newWorld(t, setup{idle: true})
	r := w.rooms()
	id := w.create(r, "inc-1")
	var users []string
	for i := range 120 { // more than one call takes
		users = append(users, w.person(fmt.Sprintf("person%d", i)))
	}
	gone, err := w.AddPerson(workspace.Person{Name: "gone", Kind: workspace.Deactivated})
	if err != nil {
		t.Fatal(err)
	}
	guest, err := w.AddPerson(workspace.Person{Name: "guest", Kind: workspace.SingleChannelGuest})
	if err != nil {
		t.Fatal(err)
	}
	users = append(users[:60:60], append([]string{gone.ID, "U0NOBODY"}, append(users[60:], guest.ID, w.BotUserID())...)...)
	left, err := r.Invite(t.Context(), id, users)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{gone.ID, "U0NOBODY", guest.ID}, left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	state, err := w.State(users[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range state.Channels {
		if c.ID == id && len(c.Members) != 121 {
			t.Errorf("%d are in the channel, want 120 and the bot", len(c.Members))
		}
	}
}

// TestWhatGoesWrongWithAChannelIsSaid: each with what kind of problem it is, which says
// whether to try again, and a sentence that says what to do.
func TestWhatGoesWrongWithAChannelIsSaid(t *testing.T) {
	without := func(scope string) func(*workspace.Options) {
		return func(o *workspace.Options) {
			o.App.Scopes = slices.DeleteFunc(bot.Scopes(), func(s string) bool { return s == scope })
		}
	}
	create := func(ctx context.Context, r *bot.Rooms, _ string) error {
		_, err := r.Create(ctx, "inc-1", false)
		return err
	}
	for _, row := range []struct {
		name  string
		world func(*workspace.Options)
		fault *workspace.Fault
		do    func(ctx context.Context, r *bot.Rooms, channel string) error
		want  incidents.RoomProblem
		says  string
	}{
		{
			"a scope is missing", without("channels:manage"), nil, create, incidents.NotAllowed,
			"Slack did not let me create the public channel #inc-1: the app lacks the scope channels:manage. Add it under OAuth & Permissions, and install the app again.",
		},
		{"a scope for private channels is missing", without("groups:write"), nil, func(ctx context.Context, r *bot.Rooms, _ string) error {
			_, err := r.Create(ctx, "inc-1", true)
			return err
		}, incidents.NotAllowed, "create the private channel #inc-1: the app lacks the scope groups:write."},
		{"the workspace forbids it", nil, &workspace.Fault{Kind: "error", Error: "restricted_action"}, create, incidents.NotAllowed, "Ask an administrator"},
		{"the name is taken", nil, nil, func(ctx context.Context, r *bot.Rooms, _ string) error {
			_, err := r.Create(ctx, "incidents", false)
			return err
		}, incidents.NameTaken, "there is a channel of this name already"},
		{"the name is none", nil, nil, func(ctx context.Context, r *bot.Rooms, _ string) error {
			_, err := r.Create(ctx, "Inc 1", false)
			return err
		}, incidents.NotAllowed, "small letters"},
		{"the answer is lost", nil, &workspace.Fault{Kind: "lost_answer"}, create, incidents.NotKnown, "Slack did not say whether"},
		{"no answer comes", nil, &workspace.Fault{Kind: "timeout"}, create, incidents.NotKnown, "Slack did not say whether"},
		{"an error of the server", nil, &workspace.Fault{Kind: "500"}, create, incidents.NotKnown, "Slack did not say whether"},
		{"Slack asks to wait", nil, &workspace.Fault{Kind: "429", RetryAfter: 7}, create, incidents.NotNow, "it asks to wait"},
		{"reading does not answer", nil, &workspace.Fault{Kind: "500"}, func(ctx context.Context, r *bot.Rooms, c string) error {
			_, _, err := r.History(ctx, c, time.Time{}, "")
			return err
		}, incidents.NotNow, "it does not answer"},
		{"a channel that is hidden is not a deleted message", nil, nil, func(ctx context.Context, r *bot.Rooms, _ string) error {
			_, err := r.Message(ctx, "C0NOTHING", "1700000000.000001")
			return err
		}, incidents.NotAllowed, "hidden from me"},
		{"a message that was deleted", nil, nil, func(ctx context.Context, r *bot.Rooms, c string) error {
			_, err := r.Message(ctx, c, "1700000000.000001")
			return err
		}, incidents.NotThere, "was deleted"},
		{"nobody of this id", nil, nil, func(ctx context.Context, r *bot.Rooms, _ string) error {
			_, err := r.Direct(ctx, "U0NOBODY")
			return err
		}, incidents.NotAllowed, "nobody with this id"},
		{"no scope for direct messages", without("im:write"), nil, func(ctx context.Context, r *bot.Rooms, _ string) error {
			_, err := r.Direct(ctx, "U0NOBODY")
			return err
		}, incidents.NotAllowed, "direct messages"},
		{"no scope for bookmarks", without("bookmarks:write"), nil, func(ctx context.Context, r *bot.Rooms, c string) error {
			return r.Bookmark(ctx, c, "Runbook", "https://runbook.example/")
		}, incidents.NotAllowed, "the app lacks the scope bookmarks:write"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, setup{idle: true, workspace: row.world})
			r := w.rooms()
			if _, err := r.Address(t.Context(), w.channel, ""); err != nil { // so that the fault hits what it is for
				t.Fatal(err)
			}
			if row.fault != nil {
				f := *row.fault
				f.Method, f.Count = "*", 1
				w.fault(f)
			}
			err := row.do(t.Context(), r, w.channel)
			if problem(err) != row.want || !strings.Contains(err.Error(), row.says) {
				t.Errorf("it is %q: %v\nwant %q with %q", problem(err), err, row.want, row.says)
			}
		})
	}
}

// TestAChannelWhoseAnswerWasLostIsFound: it is created once, and known as the bot's own.
func TestAChannelWhoseAnswerWasLostIsFound(t *testing.T) {
	w := newWorld(t, setup{idle: true})
	r, ctx := w.rooms(), t.Context()
	w.fault(workspace.Fault{Method: "conversations.create", Kind: "lost_answer", Count: 1})
	if _, err := r.Create(ctx, "inc-1", false); problem(err) != incidents.NotKnown {
		t.Fatalf("create: %v (%s)", err, problem(err))
	}
	if _, err := r.Create(ctx, "inc-1", false); problem(err) != incidents.NameTaken {
		t.Fatalf("create again: %v (%s)", err, problem(err))
	}
	found, err := r.Find(ctx, "inc-1")
	if err != nil || found == nil || !found.Ours {
		t.Errorf("found %+v, %v", found, err)
	}
}

// TestAMethodIsLeftAloneForAsLongAsSlackAsks: the other methods are not.
func TestAMethodIsLeftAloneForAsLongAsSlackAsks(t *testing.T) {
	w := newWorld(t, setup{idle: true})
	r, ctx := w.rooms(), t.Context()
	w.fault(workspace.Fault{Method: "conversations.create", Kind: "429", RetryAfter: 9, Count: 1})
	for range 2 {
		_, err := r.Create(ctx, "inc-1", false)
		var e *incidents.RoomError
		if !errors.As(err, &e) || e.Problem != incidents.NotNow || e.Wait < 8*time.Second || e.Wait > 9*time.Second {
			t.Errorf("create: %+v", e)
		}
	}
	calls := 0
	for _, e := range w.Journal(0) {
		if e.Kind == "api" && e.Method == "conversations.create" {
			calls++
		}
	}
	if calls != 1 {
		t.Errorf("Slack was asked %d times, want once", calls)
	}
	if _, err := r.Direct(ctx, w.alice); err != nil {
		t.Errorf("another method: %v", err)
	}
}

// TestAMessageIsReadAsItStands: with its pin, its reactions, its thread and what others
// made of it since.
func TestAMessageIsReadAsItStands(t *testing.T) {
	w := newWorld(t, setup{idle: true})
	r, ctx := w.rooms(), t.Context()
	head := w.say(w.alice, "", "the importer writes twice")
	reply := w.say(w.bob, head, "since 14:02")
	read := func(ts string) incidents.Seen {
		t.Helper()
		s, err := r.Message(ctx, w.channel, ts)
		if err != nil {
			t.Fatal(err)
		}
		s.Link = strings.TrimPrefix(s.Link, w.URL())
		return s
	}
	want := incidents.Seen{
		Channel: w.channel, TS: head, Author: w.alice, Text: "the importer writes twice", Replies: 1,
		Link: "/archives/" + w.channel + "/p" + strings.ReplaceAll(head, ".", ""),
	}
	got := read(head)
	if got.At.IsZero() || time.Since(got.At).Abs() > time.Minute {
		t.Errorf("its time is %s", got.At)
	}
	want.At = got.At
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the message (-want +got):\n%s", diff)
	}
	if got := read(reply); got.Thread != head || got.Author != w.bob || !strings.Contains(got.Link, "?cid="+w.channel+"&thread_ts="+head) {
		t.Errorf("the reply is %+v", got)
	}
	for _, step := range []error{
		w.React(w.bob, w.channel, reply, "pushpin", false), w.React(w.bob, w.channel, reply, "+1::skin-tone-3", false),
		w.Pin(w.alice, w.channel, reply, false), w.Edit(w.bob, w.channel, reply, "since 14:05"),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	got = read(reply)
	if !got.Pinned || got.Text != "since 14:05" || !slices.Equal(got.Reactions, []string{"pushpin", "+1"}) || got.Ours || got.Hidden {
		t.Errorf("the reply is %+v", got)
	}
	if err := w.Delete(w.alice, w.channel, head); err != nil { // its thread is left
		t.Fatal(err)
	}
	if _, err := r.Message(ctx, w.channel, head); problem(err) != incidents.NotThere {
		t.Errorf("the deleted message is %v", err)
	}
	if read(reply).Text != "since 14:05" {
		t.Error("the reply went, too")
	}
}

// TestAChannelIsReadToItsEnd with its threads, page by page, and past a moment at which
// Slack asks to wait.
func TestAChannelIsReadToItsEnd(t *testing.T) {
	w := newWorld(t, setup{idle: true})
	r, ctx := w.rooms(), t.Context()
	want := map[string]bool{}
	for i := range 130 {
		head := w.say(w.alice, "", fmt.Sprintf("message %d", i))
		want[head] = true
		for range i % 3 / 2 { // every third has a thread
			want[w.say(w.bob, head, "reply")] = true
		}
	}
	got, cursor, waits := map[string]bool{}, "", 0
	for page := 0; ; page++ {
		if page == 3 {
			w.fault(workspace.Fault{Method: "conversations.replies", Kind: "error", Error: "internal_error", Count: 1})
		}
		messages, next, err := r.History(ctx, w.channel, time.Time{}, cursor)
		if err != nil {
			if waits++; problem(err) != incidents.NotNow || waits > 1 {
				t.Fatal(err)
			}
			continue
		}
		for _, m := range messages {
			if got[m.TS] {
				t.Errorf("%s was read twice", m.TS)
			}
			if !m.Hidden {
				got[m.TS] = true
			}
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if waits != 1 {
		t.Errorf("it had to wait %d times, want once", waits)
	}
}

// TestDirectMessagesAreOneChannel, however often they are opened.
func TestDirectMessagesAreOneChannel(t *testing.T) {
	w := newWorld(t, setup{idle: true})
	r := w.rooms()
	first, err := r.Direct(t.Context(), w.alice)
	if err != nil || !strings.HasPrefix(first, "D") {
		t.Fatalf("direct: %q, %v", first, err)
	}
	if again, err := r.Direct(t.Context(), w.alice); err != nil || again != first {
		t.Errorf("again: %q, %v; want %s", again, err, first)
	}
}
