package bot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/workspace"
)

// guests is a world with a guest, whose rooms count what the directory lets count.
func guests(t *testing.T) (w *world, r *bot.Rooms, guest string) {
	t.Helper()
	w = newWorld(t, setup{idle: true})
	gina, err := w.AddPerson(workspace.Person{Name: "gina", RealName: "gina", Kind: workspace.Guest})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Invite(w.alice, w.channel, gina.ID); err != nil {
		t.Fatal(err)
	}
	d, err := bot.NewDirectory(w.options(), bot.DirectoryDeps{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	r = w.roomsWith(bot.RoomsDeps{Reaction: "pushpin", Counts: func(ctx context.Context, user string) (bool, error) {
		s, err := d.Subject(ctx, audit.Actor{Kind: audit.Person, User: user}, false)
		_, barred := authz.Policy{}.Barred(s)
		return !barred, err
	}})
	return w, r, gina.ID
}

// marks are what counts of a message, and who made it.
func marks(s incidents.Seen) string {
	text := ""
	if s.Pinned {
		text += "pinned by " + s.PinnedBy + " "
	}
	for _, name := range s.Reactions {
		text += name + " "
	}
	if s.MarkedBy != "" {
		text += "by " + s.MarkedBy
	}
	return text
}

// TestWhatGuestsPinAndMarkDoesNotCount, alone or before somebody who may act does the
// same, read as one message or as a page of the channel and its threads.
func TestWhatGuestsPinAndMarkDoesNotCount(t *testing.T) {
	w, r, guest := guests(t)
	head := w.say(w.alice, "", "the importer writes twice")
	said := map[string]string{ // what was done with it, to its timestamp
		"nothing": head, "reply": w.say(w.bob, head, "since 14:02"),
		"pinned by a guest": w.say(w.bob, "", "1"), "marked by a guest": w.say(w.bob, "", "2"), "pinned": w.say(w.bob, "", "3"),
		"marked by both": w.say(w.bob, "", "4"), "marked by a guest with other things": w.say(w.bob, "", "5"),
	}
	for _, err := range []error{
		w.Pin(guest, w.channel, said["pinned by a guest"], false), w.React(guest, w.channel, said["marked by a guest"], "pushpin", false),
		w.Pin(w.alice, w.channel, said["pinned"], false), w.React(guest, w.channel, said["marked by both"], "pushpin", false),
		w.React(w.alice, w.channel, said["marked by both"], "pushpin", false), w.Pin(guest, w.channel, said["reply"], false),
		w.React(w.bob, w.channel, said["reply"], "pushpin::skin-tone-2", false), w.React(guest, w.channel, said["marked by a guest with other things"], "eyes", false),
		w.React(guest, w.channel, said["marked by a guest with other things"], "pushpin", false),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{
		"nothing": "", "reply": "pushpin by " + w.bob, "pinned by a guest": "", "marked by a guest": "", "pinned": "pinned by " + w.alice + " ",
		"marked by both": "pushpin by " + w.alice, "marked by a guest with other things": "eyes ",
	}
	alone, page := map[string]string{}, map[string]string{}
	for what, ts := range said {
		s, err := r.Message(t.Context(), w.channel, ts)
		if err != nil {
			t.Fatal(err)
		}
		alone[what] = marks(s)
	}
	for _, s := range w.history(r) {
		for what, ts := range said {
			if ts == s.TS {
				page[what] = marks(s)
			}
		}
	}
	if diff := cmp.Diff(want, alone); diff != "" {
		t.Errorf("each alone (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Errorf("all of the channel (-want +got):\n%s", diff)
	}
}

// history is all of the channel.
func (w *world) history(r *bot.Rooms) (all []incidents.Seen) {
	w.t.Helper()
	for cursor, n := "", 0; n == 0 || cursor != ""; n++ {
		page, next, err := r.History(w.t.Context(), w.channel, time.Time{}, cursor)
		if err != nil {
			w.t.Fatal(err)
		}
		all, cursor = append(all, page...), next
	}
	return all
}

// TestWhoMarkedItIsFoundAmongMany: Slack names the first of many.
func TestWhoMarkedItIsFoundAmongMany(t *testing.T) {
	w, _, _ := guests(t)
	ts := w.say(w.alice, "", "look")
	for n := range 60 {
		p := w.person(fmt.Sprintf("p%d", n))
		if err := errors.Join(w.Invite(w.alice, w.channel, p), w.React(p, w.channel, ts, "pushpin", false)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.React(w.bob, w.channel, ts, "pushpin", false); err != nil {
		t.Fatal(err)
	}
	r := w.roomsWith(bot.RoomsDeps{Reaction: "pushpin", Counts: func(_ context.Context, user string) (bool, error) { return user == w.bob, nil }})
	all := w.history(r)
	i := slices.IndexFunc(all, func(s incidents.Seen) bool { return s.TS == ts })
	if i < 0 || all[i].MarkedBy != w.bob {
		t.Errorf("seen %+v", all)
	}
}

// TestAMarkWhoseMakerCannotBeLookedUpIsNeitherTakenNorLost: it is looked at again later.
func TestAMarkWhoseMakerCannotBeLookedUpIsNeitherTakenNorLost(t *testing.T) {
	w, r, _ := guests(t)
	ts := w.say(w.alice, "", "look")
	if err := w.Pin(w.alice, w.channel, ts, false); err != nil {
		t.Fatal(err)
	}
	w.fault(workspace.Fault{Method: "users.info", Kind: "error", Error: "internal_error", Count: 2})
	if _, err := r.Message(t.Context(), w.channel, ts); problem(err) != incidents.NotNow {
		t.Errorf("a message is given with %v", err)
	}
	if _, _, err := r.History(t.Context(), w.channel, time.Time{}, ""); problem(err) != incidents.NotNow {
		t.Errorf("a page is given with %v", err)
	}
	if s, err := r.Message(t.Context(), w.channel, ts); err != nil || !s.Pinned {
		t.Errorf("later it is %+v, %v", s, err)
	}
}
