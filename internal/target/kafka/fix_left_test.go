package kafka

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// TestWhatChangedMeanwhileIsLeftAlone: a letter that expired, and a topic that was
// made anew.
func TestWhatChangedMeanwhileIsLeftAlone(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		for i := range 6 {
			r.send(r.letter(0, int64(i), "k", fmt.Sprint(i)))
		}
		f := r.fixOf("", "")
		p := r.draft(f, fix.Order{ID: 7})
		p.Draft.Content.Changes[4].Before = strings.Repeat("0", 32) // not what stands there
		admin := r.cluster.Admin(t)
		offsets := map[string]map[int32]int64{r.letters: {0: 2}}
		r.expire(admin, offsets)
		results, err := r.carry(r.sending(), p)
		if err != nil {
			t.Fatal(err)
		}
		want := []fix.Skipped{{Index: 0, Why: fix.WhyGone}, {Index: 1, Why: fix.WhyGone}, {Index: 4, Why: fix.WhyChanged}, {Index: 5, Why: whyWaits}}
		if diff := cmp.Diff(want, results[0].Skipped); diff != "" || results[0].Changed != 2 {
			t.Errorf("%d sent, left alone (-want +got):\n%s", results[0].Changed, diff)
		}
		// What was left alone is free for another plan.
		if next := r.draft(f, fix.Order{ID: 8}); next.Draft.Rows != 2 || next.Draft.Content.Changes[0].Key[1] != "4" {
			t.Errorf("the next plan: %+v", next.Draft)
		}
	})
}

// TestNothingLeftToSend: a batch of which nothing is left is recorded all the same,
// and whoever is fenced cannot record it later.
func TestNothingLeftToSend(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		for i := range 40 {
			r.send(r.letter(0, int64(i), "k", fmt.Sprint(i)))
		}
		p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
		if p.Draft.Rows != 40 {
			t.Fatalf("the plan: %+v", p.Draft)
		}
		p.Draft.Content.PerBatch = 20
		r.expire(r.cluster.Admin(t), map[string]map[int32]int64{r.letters: {0: 20}})
		x := r.sending()
		if sent := r.done(x, p); sent != 20 {
			t.Errorf("%d were sent, instead of 20", sent)
		}
		results, err := r.sendingOf(r.bot(nil)).Applied(t.Context(), 7, p.Draft.Content.Forms)
		if err != nil || len(results) != 2 || len(results[0].Skipped) != 20 || results[0].Changed != 0 || results[1].Changed != 20 {
			t.Errorf("remembered: %+v, %v", results, err)
		}
	})
}

// TestWhatATopicRefusesDoesNotStopTheOthers.
func TestWhatATopicRefusesDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		small := r.cluster.Topic(t, "small", 1, map[string]string{"max.message.bytes": "2000", "retention.ms": "-1"})
		large := strings.Repeat("x", 3000)
		for i, value := range []string{"a", large, "b", large, "c"} {
			r.send(r.letter(0, int64(i), fmt.Sprint("k", i), value))
		}
		f := r.fixOf("", "to: "+small)
		p := r.draft(f, fix.Order{ID: 7})
		if p.Draft.Rows != 3 || p.Draft.Left[0].Rows != 2 || p.Draft.Left[0].Why != "are too large for "+small+" (max.message.bytes is 2,000)" {
			t.Errorf("the preview: %+v", p.Draft.Left)
		}
		// The limit was not known when the plan was made, nor when it is carried out.
		p = r.draft(r.fixOf("", ""), fix.Order{ID: 8})
		p.Draft.Content.Forms[0].Name = small
		for i := range p.Draft.Content.Changes {
			p.Draft.Content.Changes[i].After = `{"p":-1,"n":1}`
		}
		x := r.sending()
		s, err := x.take(t.Context(), 8, p.Draft.Content.Forms, anew)
		if err != nil {
			t.Fatal(err)
		}
		s.topics[small] = destination{name: small, partitions: 1, limit: defaultLimit}
		s.limits[small] = clientLimit(defaultLimit)
		s.give()
		results, err := r.carry(x, p)
		if err != nil {
			t.Fatal(err)
		}
		want := []fix.Skipped{{Index: 1, Why: whyLarge}, {Index: 3, Why: whyLarge}}
		if diff := cmp.Diff(want, results[0].Skipped); diff != "" || results[0].Changed != 3 {
			t.Errorf("%d sent, left alone (-want +got):\n%s", results[0].Changed, diff)
		}
		if got := r.committed(small); len(got) != 3 {
			t.Errorf("%d arrived, instead of 3", len(got))
		}
	})
}

// TestASelectionThatMeansNothing names its words.
func TestASelectionThatMeansNothing(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		r.send(r.letter(0, 1, "o-17", "v"), r.letter(1, 2, "o-19", "v"))
		f := r.fixOf("", "")
		_, err := r.planner(f).Draft(t.Context(), fix.Order{ID: 7, Select: []string{"key=o-18"}}, f.Rules().Caps, nil)
		var problem *check.Problem
		if !errors.As(err, &problem) || !strings.Contains(problem.Sentence, "none matches key=o-18") {
			t.Errorf("it says %v", err)
		}
		p := r.draft(f, fix.Order{ID: 7, Select: []string{"key=o-19"}})
		if p.Draft.Rows != 1 || p.Draft.Left[0].Why != "not selected" || p.Draft.Content.Changes[0].Key[0] != "1" {
			t.Errorf("the plan: %+v", p.Draft)
		}
	})
}

// TestCopiesThatMayBeDeletedAtOnce: records keep their own times, by which a topic
// may delete them; the preview says so, and what a clock of the broker does.
func TestCopiesThatMayBeDeletedAtOnce(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		short := r.cluster.Topic(t, "short", 1, map[string]string{"retention.ms": "86400000"})
		stamped := r.cluster.Topic(t, "stamped", 1, map[string]string{"message.timestamp.type": "LogAppendTime"})
		r.send(r.letter(0, 1, "a", "v"), r.letter(0, 2, "b", "v"))
		for topic, want := range map[string]string{
			short:    "2 letters are older than " + short + " keeps records (retention.ms)",
			stamped:  stamped + " stamps records with its own clock (LogAppendTime): their times are lost.",
			r.events: "",
		} {
			risk := r.draft(r.fixOf("", "to: "+topic), fix.Order{ID: 7}).Draft.Risk
			if !strings.Contains(risk, want) || want == "" && (strings.Contains(risk, "retention.ms") || strings.Contains(risk, "LogAppendTime")) {
				t.Errorf("to %s: %s", topic, risk)
			}
		}
	})
}

// TestALargePlan: as many letters as one plan takes at most, worked out in memory
// that a small container has.
func TestALargePlan(t *testing.T) {
	t.Parallel()
	n := 20_000
	if os.Getenv("INTEGRITYBOT_LONG") != "" {
		n = 500_000
	}
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{Peer: kafkatest.Fake}))
	client := r.cluster.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer client.Close()
	for from := 0; from < n; from += 20_000 {
		var some []*kgo.Record
		for i := from; i < from+20_000; i++ {
			some = append(some, r.letter(int32(i%4), int64(i), fmt.Sprint("k", i/3), "v"))
		}
		if err := client.ProduceSync(t.Context(), some...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("a plan of %d letters keeps %d bytes a letter", n, (int64(after.HeapAlloc)-int64(before.HeapAlloc))/int64(n))
	if p.Draft.Rows != int64(n) || len(p.Draft.Listing) != n+1 || len(p.Draft.Content.Batches()) != n/batchRecords {
		t.Errorf("%d letters, %d lines, %d batches", p.Draft.Rows, len(p.Draft.Listing), len(p.Draft.Content.Batches()))
	}
	runtime.KeepAlive(p)
}

// TestAMemoryThatIsFull: what the cluster cannot keep is not sent.
func TestAMemoryThatIsFull(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		r.send(r.letter(0, 1, "a", "v"))
		p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
		x := r.sending()
		s, err := x.take(t.Context(), 7, p.Draft.Content.Forms, anew)
		if err != nil {
			t.Fatal(err)
		}
		s.memory.Skipped = map[string]string{"g": strings.Repeat("0:0;", memoryMost/4)}
		s.give()
		_, err = x.Apply(t.Context(), p, p.Draft.Content.Forms, p.Draft.Content.Batches()[0], 1, nil)
		var halt *fix.Halt
		if !errors.As(err, &halt) || !strings.Contains(halt.Sentence, "Batch 1 and those after it were not sent: make a new preview.") {
			t.Errorf("it says %v", err)
		}
		if got := r.committed(r.events); len(got) != 0 {
			t.Errorf("%d were sent", len(got))
		}
	})
}

// TestLettersThatCannotBeSentOn: each is left alone for a reason that can be read,
// and holds up nobody of another key.
func TestLettersThatCannotBeSentOn(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		lost := &kgo.Record{Topic: r.letters, Key: []byte("a"), Value: []byte("no origin")}
		elsewhere := r.letter(0, 1, "b", "v")
		elsewhere.Headers[0].Value = []byte("no-such-topic")
		loop := r.letter(0, 1, "c", "v")
		loop.Headers[0].Value = []byte(r.letters)
		shrunk := r.letter(0, 1, "d", "v")
		shrunk.Headers[1].Value = []byte{0, 0, 0, 9}
		fine := r.letter(1, 2, "e", "v")
		r.send(lost, elsewhere, loop, shrunk, fine)
		p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
		got := map[string]int64{}
		for _, l := range p.Draft.Left {
			got[l.Why] = l.Rows
		}
		want := map[string]int64{
			"do not say which topic they are from: name it under origin in the config, or with to": 1,
			"belong to topic no-such-topic, which does not exist, or which the bot may not see":    1,
			"are from the topic of dead letters itself: they would never leave it":                 1,
			"were in a partition that " + r.events + " does not have any more":                     1,
		}
		if diff := cmp.Diff(want, got); diff != "" || p.Draft.Rows != 1 || p.Draft.Found != 5 {
			t.Errorf("%d of %d are sent, left alone (-want +got):\n%s", p.Draft.Rows, p.Draft.Found, diff)
		}
		if sent := r.done(r.sending(), p); sent != 1 {
			t.Errorf("%d were sent, instead of 1", sent)
		}
	})
}

// TestMoreThanOnePlanMaySend: the caps of the fix hold.
func TestMoreThanOnePlanMaySend(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{Peer: kafkatest.Fake}))
	for i := range 5 {
		r.send(r.letter(0, int64(i), "k", "v"))
	}
	f := r.fixOf("", "max_rows: 3")
	_, err := r.planner(f).Draft(t.Context(), fix.Order{ID: 7}, f.Rules().Caps, nil)
	if says := sentence(t, err); !strings.Contains(says, "max_rows of this fix is 3") {
		t.Errorf("it says %s", says)
	}
	p := r.draft(f, fix.Order{ID: 7, Limit: 2})
	if p.Draft.Rows != 2 || len(p.Draft.Left) != 1 || p.Draft.Left[0].Why != "over the limit of 2" || p.Draft.Left[0].Rows != 3 {
		t.Errorf("with a limit: %+v", p.Draft)
	}
}
