package kafka

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// reads is what a reader gave: changes by the value of their letter.
type reads map[int]string

// lettersTo fills the topic of dead letters, and gives a reader of it.
func lettersTo(r *rig, n int) *reader {
	r.t.Helper()
	for some := range slices.Chunk(make([]int, n), 1_000) {
		var letters []*kgo.Record
		for range some {
			letters = append(letters, r.letter(1, int64(len(letters)), "k", fmt.Sprint("v", len(letters))))
		}
		r.send(letters...)
	}
	held, err := r.target.bounds(r.t.Context(), r.letters)
	if err != nil {
		r.t.Fatal(err)
	}
	w := &posting{specs: []sendSpec{{Kind: sendLetter, Rules: r.rules()}}}
	reading := r.target.reader(held, w.maker())
	r.t.Cleanup(reading.close)
	return reading
}

// at are the letters at some offsets of partition 1, as changes in that order.
func at(offsets ...int64) map[int32][]spot {
	var spots []spot
	for i, o := range offsets {
		spots = append(spots, spot{o, i})
	}
	return map[int32][]spot{1: spots}
}

func (r *rig) reads(reading *reader, want map[int32][]spot) reads {
	r.t.Helper()
	top, err := r.target.topic(r.t.Context(), r.letters)
	if err != nil {
		r.t.Fatal(err)
	}
	got := reads{}
	err = reading.read(r.t.Context(), top, want, func(change int, l *readied, _ bool) error {
		got[change] = fmt.Sprintf("%d:%s", l.record.Offset, l.copied.Value)
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return got
}

// TestAReaderKeepsItsPlace: batches that follow one another, go back, jump far or
// ask for what is not there, are all given what stands there.
func TestAReaderKeepsItsPlace(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		reading := lettersTo(r, 5_000)
		v := func(o int64) string { return fmt.Sprintf("%d:v%d", o, o%1_000) }
		for _, step := range []struct {
			name string
			want []int64
		}{
			{"the beginning", []int64{0, 1, 2, 3}},
			{"what follows", []int64{4, 5, 6}},
			{"over a gap", []int64{9, 1_500, 1_501}},
			{"back again", []int64{2, 3}},
			{"the end", []int64{4_998, 4_999}},
			{"and back", []int64{0, 4_999}},
		} {
			want := reads{}
			for i, o := range step.want {
				want[i] = v(o)
			}
			if diff := cmp.Diff(want, r.reads(reading, at(step.want...))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, diff)
			}
		}
		r.expire(r.cluster.Admin(t), map[string]map[int32]int64{r.letters: {1: 100}})
		reading.close()
		if diff := cmp.Diff(reads{2: v(100)}, r.reads(reading, at(98, 99, 100))); diff != "" {
			t.Errorf("two have expired (-want +got):\n%s", diff)
		}
	})
}

// TestWhatWasReadAheadGoesStale: what is deleted while a plan waits is not sent,
// although it was in memory already.
func TestWhatWasReadAheadGoesStale(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		now := time.Now()
		r.target.opts.Now = func() time.Time { return now }
		reading := lettersTo(r, 100)
		if got := r.reads(reading, at(0)); len(got) != 1 {
			t.Fatalf("read %v", got)
		}
		r.expire(r.cluster.Admin(t), map[string]map[int32]int64{r.letters: {1: 50}})
		now = now.Add(freshFor + time.Second)
		if diff := cmp.Diff(reads{1: "60:v60"}, r.reads(reading, at(40, 60))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestFewLettersKeepNoAnswers: a letter of a plan that wants few is given with the
// word that the rest of its answer is not to be kept for it; many together are not.
func TestFewLettersKeepNoAnswers(t *testing.T) {
	t.Parallel()
	var records []*kgo.Record
	for i := range 100 {
		records = append(records, &kgo.Record{Offset: int64(i), Value: make([]byte, 100)})
	}
	of := func(r *kgo.Record, _ []kgo.RecordHeader) readied { return readied{record: r} }
	given := func(spots []spot) (alone []bool) {
		a := &answer{records: records}
		if _, err := a.give(of, spots, func(_ int, _ *readied, one bool) error {
			alone = append(alone, one)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return alone
	}
	if diff := cmp.Diff([]bool{true, true}, given(at(7, 90)[1])); diff != "" {
		t.Errorf("two of a hundred (-want +got):\n%s", diff)
	}
	var half []int64
	for i := range int64(50) {
		half = append(half, 2*i)
	}
	if got := given(at(half...)[1]); len(got) != 50 || slices.Contains(got, true) {
		t.Errorf("half of them: %v", got)
	}
}

// TestPartitionsAreWalkedTogether: where letters of one key stand in several
// partitions, a plan goes through all of them by time, each in its own order, and
// what a batch is about stands close together.
func TestPartitionsAreWalkedTogether(t *testing.T) {
	t.Parallel()
	var found []candidate
	for partition := range int32(3) {
		for offset := range int64(1_000) {
			one := candidate{partition: partition, offset: offset, origin: -1, first: -1, millis: 10*offset + int64(partition)}
			if offset%50 == 0 {
				one.millis = 1 // says that it is old
			}
			if offset%10 == 0 {
				one.lane = fingerprint{1}
			}
			found = append(found, one)
		}
	}
	d := &drafting{found: found}
	d.keepOrder()
	seen := map[string]bool{}
	for n := range 10 {
		low, high := int64(1_000), int64(-1)
		for _, one := range d.found[300*n : 300*n+300] {
			seen[placeText(one.partition, one.offset)] = true
			if one.lane == (fingerprint{}) {
				low, high = min(low, one.offset), max(high, one.offset)
			}
		}
		if high-low > 110 {
			t.Errorf("part %d of 10 reaches from %d to %d", n, low, high)
		}
	}
	if len(seen) != 3_000 {
		t.Errorf("%d letters are left of 3000", len(seen))
	}
	last := candidate{millis: -1}
	for _, one := range d.found {
		if one.lane == (fingerprint{}) {
			continue
		}
		if one.millis < last.millis {
			t.Fatalf("of one key, %+v comes after %+v", one, last)
		}
		last = one
	}
}

// TestAPlanOfSparseLettersIsSentWhole: batches that each touch all
// partitions, sparsely.
func TestAPlanOfSparseLettersIsSentWhole(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		var letters []*kgo.Record
		for i := range 2_000 {
			key := fmt.Sprint("k", i%7)
			if i%20 == 0 {
				key = "wanted"
			}
			letters = append(letters, r.letter(int32(i%4), int64(i), key, fmt.Sprint("v", i)))
		}
		for i, one := range letters {
			one.Partition = int32(i / 20 % 4)
		}
		r.send(letters...)
		p := r.draft(r.fixOf("", ""), fix.Order{ID: 7, Select: []string{"key=wanted"}})
		p.Draft.Content.PerBatch = 9
		if sent := r.done(r.sending(), p); sent != 100 {
			t.Errorf("%d were sent, instead of 100", sent)
		}
		got := map[string]int{}
		for _, one := range r.committed(r.events) {
			if string(one.Key) != "wanted" {
				t.Errorf("%s was sent, too", one.Key)
			}
			got[string(one.Value)]++
		}
		for i := 0; i < 2_000; i += 20 {
			if got[fmt.Sprint("v", i)] != 1 {
				t.Errorf("v%d was sent %d times", i, got[fmt.Sprint("v", i)])
			}
		}
	})
}
