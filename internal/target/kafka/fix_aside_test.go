package kafka

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// TestLettersArePutAsideAsTheyStand: by request, whatever speaks against a replay of
// them, and byte by byte.
func TestLettersArePutAsideAsTheyStand(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		letter := r.letter(2, 40, "o-17", "v", header("trace", "a"))
		r.send(letter, r.letter(1, 41, "o-18", "v"))
		f := r.fixOf("", "modes: quarantine\npermanent: NullPointerException\nquarantine: "+r.aside)
		p := r.draft(f, fix.Order{ID: 7, Mode: wayAside, Select: []string{"key=o-17"}})
		if want := "put 1 dead letter of " + r.letters + " into " + r.aside; p.Draft.Does != want || p.Draft.Done != "quarantined" {
			t.Errorf("it is to %s (%s)", p.Draft.Does, p.Draft.Done)
		}
		r.done(r.sending(), p)
		aside := r.committed(r.aside)
		if len(aside) != 1 || len(r.committed(r.events)) != 0 {
			t.Fatalf("%d were put aside, instead of 1", len(aside))
		}
		want := append(slices.Clone(letter.Headers), header(headerPlan, "P-7"), header(headerAttempt, "0"), header(headerOrigin, r.letters+"/2/0"))
		if diff := cmp.Diff(want, aside[0].Headers); diff != "" || aside[0].Timestamp.UnixMilli() != letter.Timestamp.UnixMilli() {
			t.Errorf("headers (-want +got):\n%s", diff)
		}
	})
}

// TestWhatAnotherPlanHasTaken is not planned twice, and holds up its key.
func TestWhatAnotherPlanHasTaken(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		r.send(r.letter(0, 1, "a", "a1"), r.letter(0, 2, "a", "a2"), r.letter(0, 3, "b", "b1"))
		f := r.fixOf("", "partition: key")
		first := r.draft(f, fix.Order{ID: 7, Limit: 1})
		claims, err := fix.Claims(first.Draft.Content.Forms, first.Draft.Content.Batches())
		if err != nil {
			t.Fatal(err)
		}
		r.ledger.hold(7, fix.Taken, claims)
		second := r.draft(f, fix.Order{ID: 8})
		got := map[string]int64{}
		for _, l := range second.Draft.Left {
			got[l.Why] = l.Rows
		}
		want := map[string]int64{
			"taken by P-7, which is sending them or may have sent them":  1,
			"wait for an earlier letter of their key that is left alone": 1,
		}
		if diff := cmp.Diff(want, got); diff != "" || second.Draft.Rows != 1 || second.Draft.Found != 3 {
			t.Errorf("%d are sent, left alone (-want +got):\n%s", second.Draft.Rows, diff)
		}
		r.done(r.sending(), second)
		copied := r.committed(r.events)
		if len(copied) != 1 || copied[0].Partition != partitionFor(copied[0], 0, 4) {
			t.Errorf("arrived: %v", copied)
		}
	})
}
