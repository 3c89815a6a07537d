package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/store"
)

func TestOneHolderTalksToSlackAboutAnIncident(t *testing.T) {
	clock := noon
	stores := replicas(t, database(t), at(&clock))
	i := declared(t, stores[0], "orders", "")
	lease := func(n int, want bool) {
		t.Helper()
		got, err := stores[n].LeaseIncident(t.Context(), i.ID, fmt.Sprint("holder ", n), time.Minute)
		if err != nil || got != want {
			t.Errorf("at %s holder %d has it: %v, %v", clock.Format(time.TimeOnly), n, got, err)
		}
	}
	lease(0, true)
	lease(1, false)
	clock = clock.Add(50 * time.Second)
	lease(0, true) // prolonged
	clock = clock.Add(50 * time.Second)
	lease(2, false)
	must(t, stores[2].FreeIncident(t.Context(), i.ID, "holder 2")) // not its own
	lease(2, false)
	must(t, stores[0].FreeIncident(t.Context(), i.ID, "holder 0"))
	lease(2, true)
	clock = clock.Add(time.Minute)
	lease(1, true)
	if got, err := stores[0].LeaseIncident(t.Context(), 7, "x", time.Minute); got || err != nil {
		t.Errorf("an incident that is not there: %v, %v", got, err)
	}
	if now := stored(t, stores[0], i.ID); now.Version != i.Version {
		t.Errorf("a lease is no change: version %d", now.Version)
	}
}

func TestANameBelongsToOneIncidentForEver(t *testing.T) {
	stores := replicas(t, database(t))
	var all []incidents.Incident
	for n := range 9 {
		all = append(all, declared(t, stores[0], fmt.Sprint("key-", n), ""))
	}
	var won atomic.Int64
	var wg sync.WaitGroup
	for n, i := range all {
		wg.Go(func() {
			for range 2 { // whoever asks again has it still
				got, err := stores[n%3].TakeName(t.Context(), "inc-20261122-orders", i.ID)
				if err != nil {
					t.Error(err)
				}
				if got {
					won.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if won.Load() != 2 {
		t.Errorf("it was given %d times", won.Load())
	}
	if n := count(t, stores[0], `SELECT count(*) FROM incident_names`); n != 1 {
		t.Errorf("%d names", n)
	}
}

func TestAChannelHadAnIncident(t *testing.T) {
	s := open(t, database(t))
	first := over(t, s, declared(t, s, "orders", "C1"))
	second := declared(t, s, "orders", "C1")
	last := over(t, s, declared(t, s, "payments", "C2"))
	for channel, want := range map[string]int64{"C1": second.ID, "C2": last.ID, "C3": 0, "": 0} {
		if got, err := s.RoomOf(t.Context(), channel); got != want || err != nil {
			t.Errorf("%q: %d, want %d, %v", channel, got, want, err)
		}
	}
	if first.ID == second.ID {
		t.Error("there is one only")
	}
}

// Three replicas look at every second whether the summary changed.
func TestEditsAreNeverCloserThanTheGap(t *testing.T) {
	const gap = 10 * time.Second
	clock := noon
	stores := replicas(t, database(t), at(&clock))
	var sent []time.Time
	for second := range 61 {
		clock = noon.Add(time.Duration(second) * time.Second)
		var wg sync.WaitGroup
		for _, s := range stores {
			wg.Go(func() {
				if _, err := s.ShowSpaced(t.Context(), post("summary", "C1", fmt.Sprint("at ", second)), gap); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		d, _, err := stores[second%3].Next(t.Context(), time.Minute)
		must(t, err)
		if d == nil {
			continue
		}
		must(t, stores[0].Begin(t.Context(), d))
		must(t, stores[0].Sent(t.Context(), d, "1.1", time.Second))
		sent = append(sent, clock)
	}
	if len(sent) != 7 {
		t.Errorf("%d versions in a minute: %v", len(sent), sent)
	}
	for n := 1; n < len(sent); n++ {
		if sent[n].Sub(sent[n-1]) < gap {
			t.Errorf("%s and %s", sent[n-1], sent[n])
		}
	}
}

func TestWhatIsShownIsSetOnlyWhenItMayBe(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	show := func(text string, want bool) {
		t.Helper()
		got, err := s.ShowSpaced(t.Context(), post("summary", "C1", text), 10*time.Second)
		if got != want || err != nil {
			t.Errorf("%q was set: %v, %v", text, got, err)
		}
	}
	deliver := func() {
		t.Helper()
		d := next(t, s)
		must(t, s.Begin(t.Context(), d))
		must(t, s.Sent(t.Context(), d, "1.1", 0))
	}
	show("one", true)
	clock = clock.Add(time.Minute)
	show("two", false) // the first was not sent yet
	deliver()
	clock = clock.Add(9 * time.Second)
	show("two", false)
	clock = clock.Add(time.Second)
	show("one", false) // it stands there
	show("two", true)
	d := next(t, s)
	must(t, s.Begin(t.Context(), d))
	must(t, s.Failed(t.Context(), d, "no such message"))
	clock = clock.Add(10 * time.Second)
	show("three", true) // what could not be edited may be later
}

func TestWhereAPostStandsAndWhatWasLost(t *testing.T) {
	stores := replicas(t, database(t))
	s := stores[0]
	where := func(key, ts, channel, failed string) {
		t.Helper()
		a, b, c, err := s.PostOf(t.Context(), key)
		if diff := cmp.Diff([]string{ts, channel, failed}, []string{a, b, c}); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", key, err, diff)
		}
	}
	where("summary", "", "", "")
	must(t, s.Say(t.Context(), post("summary", "C1", "one")))
	where("summary", "", "", "")
	d := next(t, s)
	must(t, s.Begin(t.Context(), d))
	must(t, s.Sent(t.Context(), d, "1.1", 0))
	where("summary", "1.1", "C1", "")

	var won atomic.Int64
	var wg sync.WaitGroup
	for n := range 9 {
		wg.Go(func() {
			for _, c := range []struct {
				channel, ts string
				keys        []string
			}{{"C1", "1.1", []string{"other"}}, {"C2", "1.1", []string{"summary"}}, {"C1", "1.2", []string{"summary"}}, {"C1", "", []string{"summary"}}, {"C1", "1.1", nil}} {
				if did, err := stores[n%3].LostPost(t.Context(), c.channel, c.ts, c.keys...); did || err != nil {
					t.Errorf("%+v: %v, %v", c, did, err)
				}
			}
			did, err := stores[n%3].LostPost(t.Context(), "C1", "1.1", "other", "summary")
			if err != nil {
				t.Error(err)
			}
			if did {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("it was lost %d times", won.Load())
	}
	d = next(t, s)
	if d.Kind != "post" || d.TS != "" {
		t.Errorf("it is no new post: %s %q", d.Kind, d.TS)
	}
	must(t, s.Begin(t.Context(), d))
	must(t, s.Failed(t.Context(), d, "The channel is archived."))
	where("summary", "", "", "The channel is archived.")
}

// It is asked every couple of seconds for everything that is shown: what changes nothing
// writes nothing, and waits for nobody.
func TestWhatStandsThereIsNotSetAgain(t *testing.T) {
	s := open(t, database(t))
	set, err := s.ShowSpaced(t.Context(), post("summary", "C1", "one"), time.Second)
	if !set || err != nil {
		t.Fatalf("%v, %v", set, err)
	}
	ctx := within(t, patience)
	conn, err := pgx.Connect(ctx, store.DSN(s))
	must(t, err)
	defer func() { _ = conn.Close(ctx) }()
	tx, err := conn.Begin(ctx)
	must(t, err)
	_, err = tx.Exec(ctx, `UPDATE posts SET attempts = 1`) // holds its row
	must(t, err)
	before := count(t, s, `SELECT last_value FROM post_turns`)
	for range 10 {
		if set, err := s.ShowSpaced(t.Context(), post("summary", "C1", "one"), 0); set || err != nil {
			t.Fatalf("it was set again, %v", err)
		}
	}
	if after := count(t, s, `SELECT last_value FROM post_turns`); after != before {
		t.Errorf("%d turns were used up", after-before)
	}
	must(t, tx.Rollback(ctx))
}

// Whoever writes first to two channels waits for the first of them before it has the
// second, in whatever order it writes: so two cannot wait for each other.
func TestFirstMessagesToChannelsDoNotWaitForEachOther(t *testing.T) {
	s := open(t, database(t), func(o *store.Options) { o.WriteTimeout = patience })
	ctx := within(t, patience)
	conn, err := pgx.Connect(ctx, store.DSN(s))
	must(t, err)
	defer func() { _ = conn.Close(ctx) }()
	tx, err := conn.Begin(ctx)
	must(t, err)
	_, err = tx.Exec(ctx, `INSERT INTO channels (channel) VALUES ('C1')`)
	must(t, err)
	said := make(chan error)
	go func() { said <- s.Say(ctx, post("second", "C2", "x"), post("first", "C1", "x")) }()
	untilSomebodyWaits(t, s)
	if _, err := tx.Exec(ctx, `INSERT INTO channels (channel) VALUES ('C2')`); err != nil {
		t.Errorf("they wait for each other: %v", err)
	}
	must(t, tx.Rollback(ctx))
	must(t, <-said)
}

// A message of an incident that is held is edited until it is over: purged, it would be
// posted anew.
func TestPurgeLeavesWhatHeldIncidentsSay(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	held := declared(t, s, "orders", "C1")
	gone := over(t, s, declared(t, s, "payments", "C2"))
	must(t, tell(t, s, noticeTo(90, held, email("a"))))
	must(t, tell(t, s, noticeTo(901, gone, email("a"))))
	keys := map[string]bool{
		incidents.SummaryKey(held.ID): true, incidents.SummaryKey(gone.ID): false, "incident/" + held.Ref() + "9/summary": false,
		incidents.SentKey(90): true, incidents.SentKey(901): false, incidents.SentKey(902): false,
		incidents.LetterKey(90, 1): true, incidents.LetterKey(901, 1): false, "run/7": false,
	}
	want := 0
	for key, kept := range keys {
		say(t, s, post(key, "C1", "x"))
		send(t, s, "1."+key)
		if !kept {
			want++
		}
	}
	clock = noon.Add(31 * 24 * time.Hour)
	exec(t, s, `DELETE FROM inbox`)
	if n, err := s.Purge(t.Context(), store.Retention{}); n != int64(want) || err != nil {
		t.Errorf("purged %d, want %d, %v", n, want, err)
	}
	for key, kept := range keys {
		if n := count(t, s, `SELECT count(*) FROM posts WHERE key = $1`, key); (n == 1) != kept {
			t.Errorf("%s: %d", key, n)
		}
	}
}
