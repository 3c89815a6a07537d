package kafka

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// TestNothingIsKeptOfLettersThatAreNotSelected: they are counted, and a plan of few
// letters among many needs little memory.
func TestNothingIsKeptOfLettersThatAreNotSelected(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{}))
	for i := range 30 {
		r.send(r.letter(0, int64(i), fmt.Sprint("k", i%10), "v"))
	}
	f := r.fixOf("", "")
	order := fix.Order{ID: 7, Check: "failed-events", Select: []string{"offset=0:20-22"}}
	d := &drafting{planner: r.planner(f).(*planner), order: order, mode: wayReplay, caps: f.Rules().Caps, tell: func(check.Progress) {}}
	draft, err := d.letters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(d.found) != 3 || draft.Found != 30 || draft.Rows != 3 {
		t.Errorf("of %d letters %d are kept, and %d sent", draft.Found, len(d.found), draft.Rows)
	}
	want := []fix.Left{{Rows: 27, Why: "not selected", Examples: []string{"0/0", "0/1", "0/2"}}}
	if diff := cmp.Diff(want, draft.Left); diff != "" {
		t.Errorf("left alone (-want +got):\n%s", diff)
	}
	if len(draft.Listing) != 4 {
		t.Errorf("the listing: %q", draft.Listing)
	}
}

// TestOvertakingIsSaid: only where a letter that is not selected was earlier.
func TestOvertakingIsSaid(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{}))
	at := func(partition int32, first int64, key string) *kgo.Record {
		l := r.letter(partition, first, key, "v")
		if l.Partition = 0; key == "a" { // whose times tell nothing
			l.Timestamp = time.UnixMilli(1_700_000_000_000 - first)
		}
		return l
	}
	r.send(
		at(1, 50, "a"), at(1, 40, "a"), at(1, 60, "a"), // the second was the first
		at(1, 20, "b"), at(2, 10, "b"), // of two partitions: by time
		at(1, 30, ""), at(1, 31, ""), // without a key there is no order
		at(1, 30, "c"), at(2, 10, "c"), at(1, 20, "c"),
	)
	for selected, want := range map[string]bool{
		"offset=0:0-0": true, "offset=0:1-1": false, "offset=0:2-2": true, "offset=0:3-3": true, "offset=0:4-4": false, "offset=0:6-6": false,
		"offset=0:7-7": true, "offset=0:8-8": false, "offset=0:9-9": true,
	} {
		p := r.draft(r.fixOf("", ""), fix.Order{ID: 7, Select: []string{selected}})
		if got := strings.Contains(p.Draft.Risk, "1 key has earlier letters that are not selected: those that are sent overtake them."); got != want || p.Draft.Rows != 1 {
			t.Errorf("%s: the risk is: %s", selected, p.Draft.Risk)
		}
	}
}

// TestFarTooManyLetters: the work ends with the first one that is too many, unless
// those before were processed.
func TestFarTooManyLetters(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{}))
	const n = idsAtOnce + 200
	var all []*kgo.Record
	for i := range n {
		all = append(all, r.letter(0, int64(i), "k", fmt.Sprintf(`{"eventId":"e-%d"}`, i)))
	}
	r.send(all...)
	refused := func(f Fix, want string) {
		t.Helper()
		_, err := r.planner(f).Draft(t.Context(), fix.Order{ID: 7}, f.Rules().Caps, nil)
		if says := sentence(t, err); !strings.HasPrefix(says, want) {
			t.Errorf("it says %s", says)
		}
	}
	refused(r.fixOf("", "max_rows: 300"), "At least 301 failing rows are more than one plan may repair: max_rows of this fix is 300.")
	f := r.fixOf("id: {json: $.eventId}", processedWords+"max_rows: 300")
	refused(f, "At least 1,000 failing rows are more than one plan may repair")
	for i := range n - 100 {
		r.tables.know(fmt.Sprintf("e-%d", i))
	}
	if p := r.draft(f, fix.Order{ID: 7}); p.Draft.Rows != 100 || p.Draft.Left[0].Rows != n-100 {
		t.Errorf("most were processed: %d are sent, %+v", p.Draft.Rows, p.Draft.Left)
	}
	limited := r.draft(r.fixOf("", "max_rows: 300"), fix.Order{ID: 7, Limit: 10})
	if limited.Draft.Rows != 10 || limited.Draft.Left[0].Rows != n-10 || len(limited.Draft.Listing) != 11 {
		t.Errorf("with a limit %d are sent, and the listing has %d lines", limited.Draft.Rows, len(limited.Draft.Listing))
	}
}

// TestLettersGoOnlyToTopicsThatAreNamed: a letter may say anything of where it is
// from. Without names, the preview says all.
func TestLettersGoOnlyToTopicsThatAreNamed(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{}))
	var topics []string
	for i := range 8 {
		topics = append(topics, r.cluster.Topic(t, fmt.Sprint("billing-", i), 1, lasting()))
		foreign := r.letter(0, int64(i), fmt.Sprint("k", i), "v")
		foreign.Headers[0].Value = []byte(topics[i])
		r.send(foreign)
	}
	p := r.draft(r.fixOf("", "topics: ["+topics[3]+", "+topics[5]+"]"), fix.Order{ID: 7})
	if want := "replay 2 dead letters of " + r.letters + " to " + topics[3] + ", " + topics[5]; p.Draft.Does != want || len(p.Draft.Left) != 6 {
		t.Errorf("it is to %s, and leaves %+v", p.Draft.Does, p.Draft.Left)
	}
	if want := "say that they are from " + topics[0] + ", which is not among the topics of this fix"; !slices.ContainsFunc(p.Draft.Left, func(l fix.Left) bool { return l.Why == want }) {
		t.Errorf("left alone: %+v", p.Draft.Left)
	}
	p = r.draft(r.fixOf("", ""), fix.Order{ID: 7})
	for _, topic := range topics {
		if !strings.Contains(p.Draft.Does, topic) {
			t.Errorf("it does not say that it sends to %s: %s", topic, p.Draft.Does)
		}
	}
	err := r.fixOf("", "topics: ["+topics[3]+", no-such-topic]").Validate(t.Context(), r.target, r.sources(), check.Check{})
	if says := sentence(t, err); !strings.HasPrefix(says, "There is no topic no-such-topic") {
		t.Errorf("it says %s", says)
	}
}

// TestLettersBehindAnOpenTransactionAreARisk: they may be letters, and the plan does
// not have them.
func TestLettersBehindAnOpenTransactionAreARisk(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		r.target = r.bot(func(o *Options) { o.Sleep = func(context.Context, time.Duration) error { return nil } })
		r.send(r.letter(0, 1, "k", "v"))
		producer := r.cluster.Client(t, kgo.TransactionalID(kafkatest.Unique(t, "tx")), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		defer producer.Close()
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := producer.ProduceSync(t.Context(), r.letter(0, 2, "k", "v"), r.letter(0, 3, "k", "v")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
		if p.Draft.Rows != 1 || !strings.Contains(p.Draft.Risk, "2 records stand behind an open transaction: not looked at.") {
			t.Errorf("%d letters, and the risk is: %s", p.Draft.Rows, p.Draft.Risk)
		}
		if err := producer.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
			t.Fatal(err)
		}
	})
}

// TestTopicsWithoutIdsAreNotSentFrom: what a ledger says of a topic could be about
// one that had its name before.
func TestTopicsWithoutIdsAreNotSentFrom(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{Fake: []kfake.Opt{kfake.MaxVersions(kversion.V2_7_0())}}))
	r.send(r.letter(0, 1, "k", "v"))
	const want = "Kafka test/events gives topics no ids, so a topic that was deleted and made anew cannot be told from the one before: sending needs Kafka 2.8 or newer."
	f := r.fixOf("", "")
	_, err := r.planner(f).Draft(t.Context(), fix.Order{ID: 7}, f.Rules().Caps, nil)
	if says := sentence(t, err); says != want {
		t.Errorf("the plan says %s", says)
	}
	if says := sentence(t, r.sending().Ready(t.Context())); says != want {
		t.Errorf("it is ready: %s", says)
	}
}

// TestIDsOfStoredEventsAreMasked, where the check says what they are.
func TestIDsOfStoredEventsAreMasked(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{}))
	r.tables.events = storedOf("alice@example.com", 1)
	r.tables.events[0].ID = "alice@example.com/1"
	order := fix.Order{ID: 7, Mode: wayAggregate, Argument: "alice@example.com"}
	for words, want := range map[string]string{"": "alice@example.com/1", "mask: {id: text}": "••• (19 characters)"} {
		p := r.draft(r.fixOf(words, r.storeWords()), order)
		if got := p.Draft.Listing[1][1]; got != want {
			t.Errorf("%q: the id is shown as %q", words, got)
		}
	}
}
