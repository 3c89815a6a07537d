package bot_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/workspace"
)

func newDirectory(t *testing.T, w *world, now func() time.Time) *bot.Directory {
	t.Helper()
	d, err := bot.NewDirectory(w.options(), bot.DirectoryDeps{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func actor(team, user string) audit.Actor {
	return audit.Actor{Kind: audit.Person, Team: team, User: user}
}

func TestSubjects(t *testing.T) {
	w := newWorld(t, setup{idle: true})
	g, err := w.AddGroup(workspace.Group{ID: "S0RESPONDERS", Handle: "responders", Name: "Responders"})
	if err != nil {
		t.Fatal(err)
	}
	team := w.TeamID()
	cases := []struct {
		person workspace.Person
		want   authz.Subject
	}{
		{workspace.Person{ID: "U0MEMBER", Name: "member", Groups: []string{g.ID}}, authz.Subject{Team: team, Groups: []string{g.ID}}},
		{workspace.Person{ID: "U0NOGROUP", Name: "nogroup"}, authz.Subject{Team: team}},
		{workspace.Person{ID: "U0GUEST", Name: "guest", Kind: workspace.Guest, Groups: []string{g.ID}}, authz.Subject{Team: team, Guest: true}},
		{workspace.Person{ID: "U0SINGLE", Name: "single", Kind: workspace.SingleChannelGuest}, authz.Subject{Team: team, Guest: true}},
		{workspace.Person{ID: "U0OUTSIDE", Name: "outsider", Kind: workspace.Outsider}, authz.Subject{Team: workspace.OutsideTeamID, Outsider: true}},
		{workspace.Person{ID: "U0ROBOT", Name: "robot", Kind: workspace.BotAccount}, authz.Subject{Team: team, Bot: true}},
		{workspace.Person{ID: "U0GONE", Name: "gone", Kind: workspace.Deactivated, Groups: []string{g.ID}}, authz.Subject{Team: team, Deactivated: true}},
	}
	d := newDirectory(t, w, nil)
	for _, c := range cases {
		t.Run(c.person.Name, func(t *testing.T) {
			if _, err := w.AddPerson(c.person); err != nil {
				t.Fatal(err)
			}
			if c.person.Kind == workspace.Outsider { // seen only through a shared channel
				shared := workspace.Channel{Name: "shared", ExtShared: true, Members: []string{c.person.ID, w.BotUserID()}}
				if _, err := w.AddChannel(shared); err != nil {
					t.Fatal(err)
				}
			}
			got, err := d.Subject(t.Context(), actor(team, c.person.ID), true)
			if err != nil {
				t.Fatal(err)
			}
			c.want.User = c.person.ID
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("subject (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("nobody we may see", func(t *testing.T) {
		got, err := d.Subject(t.Context(), actor(team, "U0NOWHERE"), false)
		if err != nil || !got.Outsider {
			t.Errorf("subject %+v, %v; want an outsider", got, err)
		}
	})
	t.Run("the bot itself", func(t *testing.T) {
		got, err := d.Subject(t.Context(), actor(team, w.BotUserID()), false)
		if err != nil || !got.Bot {
			t.Errorf("subject %+v, %v; want a bot", got, err)
		}
	})
	t.Run("no person", func(t *testing.T) {
		if _, err := d.Subject(t.Context(), audit.Actor{Kind: audit.Schedule}, false); err == nil {
			t.Error("a schedule was looked up as a person")
		}
	})
}

// TestWhoIsInAGroup is what an escalation calls.
func TestWhoIsInAGroup(t *testing.T) {
	w := newWorld(t, setup{idle: true})
	g, err := w.AddGroup(workspace.Group{ID: "S0DBA", Handle: "dba", Users: []string{w.alice, w.bob}})
	if err != nil {
		t.Fatal(err)
	}
	d := newDirectory(t, w, nil)
	got, err := d.Members(t.Context(), g.ID)
	if err != nil || !slices.Equal(got, []string{w.alice, w.bob}) {
		t.Errorf("members %v, %v", got, err)
	}
	got[0] = "U0CHANGED" // what is remembered is not the caller's
	if again, err := d.Members(t.Context(), g.ID); err != nil || again[0] != w.alice {
		t.Errorf("again %v, %v", again, err)
	}
	if none, err := d.Members(t.Context(), "S0NOTHING"); err != nil || len(none) != 0 {
		t.Errorf("members of nothing %v, %v", none, err)
	}
	if name := d.NameOf(t.Context(), w.alice); name != "alice" {
		t.Errorf("alice is called %q", name)
	}
	if name := d.NameOf(t.Context(), "U0NOBODY"); name != "" {
		t.Errorf("nobody is called %q", name)
	}
}

func TestRightsTakenAwayAreSeenWhenAskedFresh(t *testing.T) {
	w := newWorld(t, setup{idle: true})
	g, err := w.AddGroup(workspace.Group{ID: "S0RESPONDERS", Handle: "responders", Name: "Responders"})
	if err != nil {
		t.Fatal(err)
	}
	set := func(groups ...string) {
		if _, err := w.AddPerson(workspace.Person{ID: w.alice, Name: "alice", Groups: append([]string{}, groups...)}); err != nil {
			t.Fatal(err)
		}
	}
	set(g.ID)
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	forward := func(by time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(by) }
	d := newDirectory(t, w, clock)
	groups := func(fresh bool) int {
		s, err := d.Subject(t.Context(), actor(w.TeamID(), w.alice), fresh)
		if err != nil {
			t.Fatal(err)
		}
		return len(s.Groups)
	}
	if groups(false) != 1 {
		t.Fatal("alice is not in her group")
	}
	set()
	forward(5 * time.Second)
	if groups(false) != 1 {
		t.Error("a look-up within the minute asked Slack again")
	}
	if groups(true) != 0 {
		t.Error("a fresh look-up still shows the right that was taken away")
	}
	set(g.ID)
	forward(2 * time.Minute)
	if groups(false) != 1 {
		t.Error("an old answer was used after its minute")
	}
}

func TestSilenceOfSlackIsNeverALeave(t *testing.T) {
	for _, method := range []string{"auth.test", "users.info", "usergroups.list"} {
		for _, kind := range []string{"500", "429", "timeout", "lost_answer"} {
			t.Run(method+" "+kind, func(t *testing.T) {
				w := newWorld(t, setup{idle: true})
				w.fault(workspace.Fault{Method: method, Kind: kind})
				s, err := newDirectory(t, w, nil).Subject(t.Context(), actor(w.TeamID(), w.alice), false)
				if err == nil || !strings.Contains(err.Error(), method) {
					t.Errorf("subject %+v, error %v; want an error that names %s", s, err, method)
				}
				w.ClearFaults()
			})
		}
	}
}

func TestManyWhoAskAtOnceShareOneCall(t *testing.T) {
	w := newWorld(t, setup{idle: true})
	w.fault(workspace.Fault{Method: "users.info", Kind: "slow", DelayMS: 200})
	d := newDirectory(t, w, nil)
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() {
			if _, err := d.Subject(t.Context(), actor(w.TeamID(), w.alice), true); err != nil {
				t.Error(err)
			}
		})
	}
	asking.Wait()
	calls := 0
	for _, e := range w.Journal(0) {
		if e.Kind == "api" && e.Method == "users.info" {
			calls++
		}
	}
	if calls != 1 {
		t.Errorf("%d calls of users.info, want 1", calls)
	}
}

func TestPlaces(t *testing.T) {
	w := newWorld(t, setup{idle: true})
	add := func(c workspace.Channel) string {
		added, err := w.AddChannel(c)
		if err != nil {
			t.Fatal(err)
		}
		return added.ID
	}
	self := w.BotUserID()
	cases := []struct {
		name, id string
		want     commands.Place
	}{
		{"with the bot", w.channel, commands.Place{Member: true}},
		{"without the bot", add(workspace.Channel{Name: "public", Members: []string{w.alice}}), commands.Place{}},
		{"private without the bot", add(workspace.Channel{Name: "private", IsPrivate: true, Members: []string{w.alice}}), commands.Place{Shared: true}},
		{"shared", add(workspace.Channel{Name: "shared", ExtShared: true, Members: []string{w.alice, self}}), commands.Place{Shared: true, Member: true}},
		{"unknown", "C0NOWHERE", commands.Place{Shared: true}},
		{"direct", directOf(t, w), commands.Place{Member: true, Direct: true}},
	}
	d := newDirectory(t, w, nil)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.want.ID = c.id
			got, err := d.Place(t.Context(), c.id)
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("place (-want +got), %v:\n%s", err, diff)
			}
		})
	}
	w.fault(workspace.Fault{Method: "conversations.info", Kind: "500"})
	if _, err := d.Place(t.Context(), "C0OTHER"); err == nil {
		t.Error("no error although Slack does not answer")
	}
}

func directOf(t *testing.T, w *world) string {
	t.Helper()
	state, err := w.State(w.alice)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range state.Channels {
		if c.IM {
			return c.ID
		}
	}
	t.Fatal("alice has no direct messages with the bot")
	return ""
}
