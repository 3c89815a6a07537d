package keeper

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/incidents"
)

func TestAMessageAndTheTimelineAgree(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	said := func(change func(*incidents.Seen)) *incidents.Seen {
		s := &incidents.Seen{Channel: "C1", TS: "17.2", Author: "U1", Text: "it began at ten", At: at, Thread: "17.1", Link: "https://l"}
		change(s)
		return s
	}
	entry := func(revision int, change func(*incidents.Entry)) *incidents.Entry {
		e := &incidents.Entry{
			Key: "slack/C1/17.2", Revision: revision, Kind: incidents.Said, At: at, Author: "U1", Text: "it began at ten", Thread: "17.1", Link: "https://l", Why: "pinned",
		}
		change(e)
		return e
	}
	as := func(*incidents.Entry) {}
	pinned := func(s *incidents.Seen) { s.Pinned = true }
	marked := func(s *incidents.Seen) { s.Reactions = []string{"eyes", "pushpin"} }
	plain := func(s *incidents.Seen) { s.Reactions = []string{"eyes"} }
	for _, c := range []struct {
		name string
		last *incidents.Entry
		seen *incidents.Seen
		want *incidents.Entry // nil: nothing
	}{
		{"nothing special", nil, said(plain), nil},
		{"pinned", nil, said(pinned), entry(1, as)},
		{"marked", nil, said(marked), entry(1, func(e *incidents.Entry) { e.Why = "reaction" })},
		{"the bot's own, pinned", nil, said(func(s *incidents.Seen) { s.Pinned, s.Ours = true, true }), nil},
		{"somebody joined, pinned", nil, said(func(s *incidents.Seen) { s.Pinned, s.Hidden = true, true }), nil},
		{"told again", entry(1, as), said(pinned), nil},
		{"marked as well", entry(1, as), said(func(s *incidents.Seen) { pinned(s); marked(s) }), nil},
		{"marked instead", entry(1, as), said(marked), nil},
		{"edited", entry(1, as), said(func(s *incidents.Seen) { s.Pinned, s.Text = true, "eleven" }), entry(2, func(e *incidents.Entry) { e.Text = "eleven" })},
		{"a picture was added", entry(4, as), said(func(s *incidents.Seen) { s.Pinned, s.Files = true, []string{"a.png"} }), entry(5, func(e *incidents.Entry) { e.Files = []string{"a.png"} })},
		{"unpinned", entry(1, as), said(plain), entry(2, func(e *incidents.Entry) { e.Withdrawn = true })},
		{"unpinned, told again", entry(2, func(e *incidents.Entry) { e.Withdrawn = true }), said(plain), nil},
		{"edited while it is not on the timeline", entry(2, func(e *incidents.Entry) { e.Withdrawn = true }), said(func(s *incidents.Seen) { s.Text = "eleven" }), nil},
		{"pinned anew", entry(2, func(e *incidents.Entry) { e.Withdrawn = true }), said(pinned), entry(3, as)},
		{"deleted", entry(1, as), nil, entry(2, func(e *incidents.Entry) { e.Gone = true })},
		{"deleted, told again", entry(2, func(e *incidents.Entry) { e.Gone = true }), nil, nil},
		{"deleted after it was unpinned", entry(2, func(e *incidents.Entry) { e.Withdrawn = true }), nil, nil},
		{"deleted and never on the timeline", nil, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, differs := reconcile(c.last, c.seen, "pushpin")
			if differs != (c.want != nil) {
				t.Fatalf("a revision: %v, want %v", differs, c.want != nil)
			}
			if differs {
				if diff := cmp.Diff(*c.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestReconcilingIsOver: whatever a message went through, after one revision the timeline
// agrees with it, and a second look makes none.
func TestReconcilingIsOver(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	var last *incidents.Entry
	revisions := 0
	for range 2000 {
		var seen *incidents.Seen
		if random.IntN(10) > 0 {
			seen = &incidents.Seen{Channel: "C1", TS: "17.2", Text: []string{"a", "b"}[random.IntN(2)], Pinned: random.IntN(2) == 0}
			if random.IntN(2) == 0 {
				seen.Reactions = []string{"pushpin"}
			}
			if random.IntN(3) == 0 {
				seen.Files = []string{"f"}
			}
		}
		if e, differs := reconcile(last, seen, "pushpin"); differs {
			if revisions++; e.Revision != revisions {
				t.Fatalf("revision %d is called %d", revisions, e.Revision)
			}
			last = &e
		}
		if e, differs := reconcile(last, seen, "pushpin"); differs {
			t.Fatalf("a second look at %+v makes %+v", seen, e)
		}
		wanted := seen != nil && (seen.Pinned || len(seen.Reactions) > 0)
		if shown := last != nil && !last.Gone && !last.Withdrawn; shown != wanted || shown && last.Text != seen.Text {
			t.Fatalf("%+v stands as %+v", seen, last)
		}
	}
	if revisions < 100 {
		t.Errorf("%d revisions: nothing is tested", revisions)
	}
}
