package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/keeper"
	"github.com/integritybot/integritybot/internal/store"
)

func sighting(event, channel, ts string) incidents.Sighting {
	return incidents.Sighting{Event: event, Channel: channel, TS: ts, Kind: "pin_added", At: noon}
}

func TestEachMessageIsLookedAtByOne(t *testing.T) {
	clock := noon
	stores := replicas(t, database(t), at(&clock))
	i, gone := declared(t, stores[0], "orders", "C1"), declared(t, stores[0], "payments", "C2")
	over(t, stores[0], gone)
	var wg sync.WaitGroup
	for n := range 60 { // each event comes four times
		wg.Go(func() {
			for _, channel := range []string{"C1", "C2", "C3", ""} {
				must(t, stores[n%3].Sight(t.Context(), sighting(fmt.Sprint(channel, "-", n%15), channel, fmt.Sprint(n%5))))
			}
		})
	}
	wg.Wait()
	if n := count(t, stores[0], `SELECT count(*) FROM incident_sightings`); n != 15 {
		t.Errorf("%d sightings", n)
	}
	var mu sync.Mutex
	var got []keeper.Sighted
	for n := range 9 {
		wg.Go(func() {
			some, err := stores[n%3].NextSightings(t.Context(), fmt.Sprint(n), time.Minute, 2)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			got = append(got, some...)
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, s := range got {
		seen[s.TS] = true
		if s.Incident != i.ID || s.Channel != "C1" {
			t.Errorf("%+v", s)
		}
	}
	if len(got) != 5 || len(seen) != 5 {
		t.Errorf("%d messages, %d different", len(got), len(seen))
	}
}

func nextSightings(t *testing.T, s *store.Store, want ...string) []keeper.Sighted {
	t.Helper()
	got, err := s.NextSightings(t.Context(), "one", time.Minute, 10)
	must(t, err)
	var ts []string
	for _, one := range got {
		ts = append(ts, one.TS)
	}
	if diff := cmp.Diff(want, ts); diff != "" {
		t.Errorf("to be looked at (-want +got):\n%s", diff)
	}
	return got
}

func TestWhatHappensDuringALookIsLookedAtAfterIt(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	i := declared(t, s, "orders", "C1")
	see := func(event, ts string) { must(t, s.Sight(t.Context(), sighting(event, "C1", ts))) }
	see("e1", "1.1")
	see("e2", "1.1")
	first := nextSightings(t, s, "1.1")
	see("e3", "1.1")
	see("e4", "2.2")
	second := nextSightings(t, s, "2.2") // 1.1 is being looked at
	must(t, s.Unsight(t.Context(), first[0]))
	nextSightings(t, s, "1.1")
	must(t, s.Unsight(t.Context(), second[0]))
	clock = clock.Add(time.Minute) // whoever looked went silent
	third := nextSightings(t, s, "1.1")
	must(t, s.Unsight(t.Context(), third[0]))
	see("e5", "3.3")
	over(t, s, i)
	purged, err := s.Purge(t.Context(), store.Retention{})
	if err != nil || purged != 1 {
		t.Errorf("purged %d, %v", purged, err)
	}
	nextSightings(t, s)
}

func TestRevisionsAreKept(t *testing.T) {
	s := open(t, database(t))
	i := declared(t, s, "orders", "C1")
	entry := func(key string, revision int, text string) incidents.Entry {
		return incidents.Entry{Incident: i.ID, Key: key, Revision: revision, Kind: incidents.Said, At: noon, Noted: noon, Author: "U1", Text: text, Files: []string{"a b"}}
	}
	a1, a2, b1 := entry("slack/C1/1.1", 1, "a\x00"), entry("slack/C1/1.1", 2, "b"), entry("note/req", 1, "c")
	must(t, record(t, s, entries(a1, b1)))
	must(t, record(t, s, entries(a2, entry("slack/C1/1.1", 1, "somebody says that it was otherwise"))))
	latest, err := s.Entries(t.Context(), i.ID)
	if diff := cmp.Diff([]incidents.Entry{b1, a2}, latest); diff != "" || err != nil {
		t.Errorf("latest: %v (-want +got):\n%s", err, diff)
	}
	v, err := s.IncidentView(t.Context(), i.ID)
	if diff := cmp.Diff([]incidents.Entry{b1, a1, a2}, v.Entries); diff != "" || err != nil {
		t.Errorf("all: %v (-want +got):\n%s", err, diff)
	}
}

func entries(all ...incidents.Entry) commands.Intent { return commands.Intent{Entries: all} }
