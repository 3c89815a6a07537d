package kafka

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// crash is a moment at which the process that carries a plan out is gone.
type crash struct {
	request  kmsg.Key
	answered bool // the cluster has done it, and the answer is lost
	batch    int  // in which the moment comes
}

func (c crash) String() string {
	when := "before"
	if c.answered {
		when = "after"
	}
	return fmt.Sprintf("%s %s in batch %d", when, c.request.Name(), c.batch)
}

// crashes are the moments, in the order in which they come.
func crashes() []crash {
	var out []crash
	// What the first batch fetches is read ahead for the second one.
	for _, key := range []kmsg.Key{kmsg.InitProducerID, kmsg.OffsetFetch, kmsg.DescribeConfigs, kmsg.ListOffsets, kmsg.Fetch} {
		out = append(out, crash{key, false, 0}, crash{key, true, 0})
	}
	for _, key := range []kmsg.Key{kmsg.Metadata, kmsg.Produce, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn} {
		for batch := range 2 {
			out = append(out, crash{key, false, batch}, crash{key, true, batch})
		}
	}
	return out
}

// TestNothingIsLostOrDoubledWhateverDies: at each of the moments the process that
// sends is gone, and another one goes on from what the cluster remembers. The one
// that was gone comes back, too late.
func TestNothingIsLostOrDoubledWhateverDies(t *testing.T) {
	t.Parallel()
	if n := len(crashes()); n < 25 {
		t.Fatalf("only %d moments", n)
	}
	for _, peer := range kafkatest.Peers(t) {
		if peer == kafkatest.Fake {
			for _, c := range crashes() {
				t.Run("kfake "+c.String(), func(t *testing.T) {
					t.Parallel()
					c.strike(t, newRig(t, kafkatest.Start(t, kafkatest.Options{Peer: peer, Proxy: true})))
				})
			}
			continue
		}
		t.Run(string(peer), func(t *testing.T) { // one broker for all: it is a process of its own
			cluster := kafkatest.Start(t, kafkatest.Options{Peer: peer, Proxy: true})
			for _, c := range crashes() {
				t.Run(c.String(), func(t *testing.T) { c.strike(t, newRig(t, cluster)) })
			}
		})
	}
}

const (
	crashLetters  = 60
	crashPerBatch = 20
)

func (c crash) strike(t *testing.T, r *rig) {
	for i := range crashLetters {
		r.send(r.letter(int32(i%4), int64(i), fmt.Sprint("k", i%7), fmt.Sprint("v", i)))
	}
	p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
	p.Draft.Content.PerBatch = crashPerBatch
	forms, batches := p.Draft.Content.Forms, p.Draft.Content.Batches()
	hasty := func(o *Options) { o.DialTimeout, o.RequestTimeout = time.Second, time.Second }

	first := r.sendingOf(r.bot(hasty))
	c.die(t, r, first, p)

	second := r.sendingOf(r.bot(nil))
	results, err := second.Applied(t.Context(), p.ID, p.Draft.Content.Forms)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches[len(results):] {
		if _, err := second.Apply(t.Context(), p, forms, b, 1, nil); err != nil {
			t.Fatal(err)
		}
	}
	r.once(crashLetters)

	// The first one is back, and knows of nothing: it sends nothing before it has asked.
	if _, err := first.Apply(t.Context(), p, forms, batches[len(batches)-1], 1, nil); err == nil {
		t.Error("the one that was gone sends without asking first")
	}
	r.asked(first, p)
	for _, b := range batches {
		if result, err := first.Apply(t.Context(), p, forms, b, 1, nil); err == nil && result.Changed != int64(len(b.Changes)) {
			t.Errorf("the one that was gone says of batch %d: %+v", b.N, result)
		}
	}
	r.once(crashLetters)
}

// die has a process send until the moment comes, and be gone then.
func (c crash) die(t *testing.T, r *rig, x *Sending, p fix.Plan) {
	t.Helper()
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	forms, batches := p.Draft.Content.Forms, p.Draft.Content.Batches()
	lay := func() <-chan struct{} {
		if c.answered {
			return r.cluster.Proxy.CutAfter(t, c.request)
		}
		return r.cluster.Proxy.CutBefore(t, c.request)
	}
	var sprung <-chan struct{}
	for i, b := range batches {
		if i == c.batch {
			sprung = lay()
			go func() {
				select {
				case <-sprung:
					kill()
				case <-ctx.Done():
				}
			}()
		}
		if i == 0 {
			if _, err := x.Applied(ctx, p.ID, forms); err != nil {
				break
			}
		}
		if _, err := x.Apply(ctx, p, forms, b, 1, nil); err != nil {
			break
		}
	}
	select {
	case <-sprung:
	default:
		t.Fatal("the moment never came")
	}
	r.cluster.Proxy.Resume()
}

// once makes sure that each of so many letters arrived exactly once, for those who
// read what is committed.
func (r *rig) once(n int) {
	r.t.Helper()
	times := map[string]int{}
	for _, record := range r.committed(r.events) {
		times[lastHeader(record.Headers, headerOrigin)]++
	}
	for origin, n := range times {
		if n != 1 {
			r.t.Errorf("%s arrived %d times", origin, n)
		}
	}
	if len(times) != n {
		r.t.Errorf("%d letters arrived, instead of %d", len(times), n)
	}
}

// TestAFrozenOwnerIsFenced: whoever was frozen in the middle of a transaction cannot
// end it once another process has taken the plan over.
func TestAFrozenOwnerIsFenced(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		for i := range 20 {
			r.send(r.letter(int32(i%4), int64(i), fmt.Sprint("k", i), "v"))
		}
		p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
		b := p.Draft.Content.Batches()[0]
		frozen := r.sendingOf(r.bot(nil))
		s, err := frozen.take(t.Context(), p.ID, p.Draft.Content.Forms, anew)
		if err != nil {
			t.Fatal(err)
		}
		w := &posting{s: s, plan: p, forms: p.Draft.Content.Forms, batch: b}
		if err := w.prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		result, sent := w.result()
		next := s.memory.with(result, len(b.Changes), sent)
		text, err := next.text()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.fill(t.Context(), text); err != nil {
			t.Fatal(err)
		}

		other := r.sendingOf(r.bot(nil))
		if got, err := other.Applied(t.Context(), p.ID, p.Draft.Content.Forms); err != nil || len(got) != 0 {
			t.Fatalf("another process finds %v, %v", got, err)
		}
		err = w.commit(t.Context(), false)
		if err == nil {
			t.Error("the frozen one could commit")
		}
		if says := sentence(t, w.notSent(t.Context(), err)); !strings.HasPrefix(says, "Kafka test/events ended our transaction: another process of the bot has taken P-7 over") {
			t.Errorf("the frozen one says: %s", says)
		}
		s.drop()
		s.give()
		if got := r.committed(r.events); len(got) != 0 {
			t.Errorf("%d records of the frozen one arrived", len(got))
		}
		want, err := other.Apply(t.Context(), p, p.Draft.Content.Forms, b, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.once(20)
		if _, err := frozen.Apply(t.Context(), p, p.Draft.Content.Forms, b, 1, nil); err == nil || !strings.Contains(sentence(t, err), "has to be made anew") {
			t.Errorf("the frozen one sends without asking first: %v", err)
		}
		r.asked(frozen, p)
		got, err := frozen.Apply(t.Context(), p, p.Draft.Content.Forms, b, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Changed, got.Changed); diff != "" {
			t.Errorf("what both say (-other +frozen):\n%s", diff)
		}
		r.once(20)
	})
}

// TestWhatAnotherProcessSentIsSeen: a process whose producer is still open, and that
// slept while another one went on with the plan, does not take what it remembers
// itself for the truth.
func TestWhatAnotherProcessSentIsSeen(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		for i := range 40 {
			r.send(r.letter(int32(i%4), int64(i), "k", "v"))
		}
		p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
		p.Draft.Content.PerBatch = 20
		batches := p.Draft.Content.Batches()
		slept, other := r.sending(), r.sendingOf(r.bot(nil))
		for i, x := range []*Sending{slept, other} {
			r.asked(x, p)
			if _, err := x.Apply(t.Context(), p, p.Draft.Content.Forms, batches[i], 1, nil); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.asked(slept, p); len(got) != 2 {
			t.Errorf("the one that slept knows of %d batches, and 2 were sent", len(got))
		}
		r.once(40)
	})
}

// TestABrokerGoneInMidReplay: a plan that meets a dead network says so in a sentence,
// and goes on when the network is back.
func TestABrokerGoneInMidReplay(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{Proxy: true}, func(t *testing.T, r *rig) {
		for i := range 40 {
			r.send(r.letter(int32(i%4), int64(i), "k", "v"))
		}
		p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
		p.Draft.Content.PerBatch = 20
		forms, batches := p.Draft.Content.Forms, p.Draft.Content.Batches()
		x := r.sendingOf(r.bot(func(o *Options) { o.DialTimeout, o.RequestTimeout = time.Second, time.Second }))
		r.asked(x, p)
		if _, err := x.Apply(t.Context(), p, forms, batches[0], 1, nil); err != nil {
			t.Fatal(err)
		}
		r.cluster.Proxy.Cut()
		_, err := x.Apply(t.Context(), p, forms, batches[1], 1, nil)
		if err == nil {
			t.Fatal("a batch was sent over a dead network")
		}
		if says := sentence(t, err); !strings.Contains(says, "Kafka test/events") || !strings.HasSuffix(says, ". Batch 2 of P-7 was not sent.") {
			t.Errorf("it says: %s", says)
		}
		r.cluster.Proxy.Resume()
		if sent := r.done(x, p); sent != 40 {
			t.Errorf("%d were sent, instead of 40", sent)
		}
		r.once(40)
	})
}
