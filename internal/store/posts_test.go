package store_test

import (
	"testing"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/internal/message"
)

// What stands in one channel cannot be edited from another, and what is said of it later
// must not be said a second time elsewhere.
func TestAMessageStaysWhereItWasPosted(t *testing.T) {
	s := open(t, database(t))
	in := func(channel, thread, words string) message.Post {
		p := final(post("page", channel, words))
		p.Thread = thread
		return p
	}
	want := func(name string, d *bot.Delivery, kind bot.DeliveryKind, channel, thread, words string) {
		t.Helper()
		if d.Kind != kind || d.Post.Channel != channel || d.Thread != thread || text(d) != words {
			t.Errorf("%s: %s of %q in %s, thread %q; want %s of %q in %s, thread %q", name, d.Kind, text(d), d.Post.Channel, d.Thread, kind, words, channel, thread)
		}
	}
	say(t, s, in("C0", "5.5", "calls L1"))
	say(t, s, in("C1", "", "calls L2"))
	want("it moved before it was sent", next(t, s), bot.DeliverPost, "C0", "", "calls L2")
	exec(t, s, `UPDATE channels SET claimed_until = '-infinity'`)
	say(t, s, in("C0", "5.5", "calls L1"))
	want("and back", send(t, s, "6.1"), bot.DeliverPost, "C0", "5.5", "calls L1")
	with := in("C1", "7.7", "L1 came")
	with.Message.Files = []message.File{{Name: "a.csv", Source: "run/1/a"}}
	say(t, s, with)
	want("it moved after it was sent", send(t, s, "6.1"), bot.DeliverUpdate, "C0", "5.5", "L1 came")
	want("its file goes where it is", send(t, s, ""), bot.DeliverFile, "C0", "5.5", "L1 came")
	if ts, channel, failed, err := s.PostOf(t.Context(), "page"); ts != "6.1" || channel != "C0" || failed != "" || err != nil {
		t.Errorf("it stands in %s at %s, %q, %v", channel, ts, failed, err)
	}
	say(t, s, in("C1", "7.7", "nobody has to come"))
	want("it is edited once more", send(t, s, "6.1"), bot.DeliverUpdate, "C0", "5.5", "nobody has to come")
	nothing(t, s, "nothing is said elsewhere")
}

func TestAMessageThatHasNoPlaceGetsAnother(t *testing.T) {
	s := open(t, database(t))
	say(t, s, post("summary", "C0", "one"))
	d := next(t, s)
	begin(t, s, d)
	if err := s.Failed(t.Context(), d, "the bot is not in that channel"); err != nil {
		t.Fatal(err)
	}
	say(t, s, post("summary", "C0", "two"))
	nothing(t, s, "it cannot be said there")
	say(t, s, post("summary", "C1", "two"))
	if d := send(t, s, "1.0"); d.Kind != bot.DeliverPost || d.Post.Channel != "C1" || text(d) != "two" {
		t.Errorf("%s of %q in %s", d.Kind, text(d), d.Post.Channel)
	}
}
