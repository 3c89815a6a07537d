package kafka

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// TestLettersBehindAnOpenTransactionAreUnknown: nobody can read them, so nobody
// knows that there are none.
func TestLettersBehindAnOpenTransactionAreUnknown(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer})
		topic, abort := c.Topic(t, "dlq", 2, forever()), kgo.TryAbort
		opened := transaction(t, c, topic, 0, nil, "a", "b")
		clock := newClock()
		target := open(t, c, clock.during(func() {}))
		detect := func(innocent int) (*recorder, check.Result, error) {
			rec := &recorder{t: t}
			res, err := words(t, "dead-letters", fmt.Sprintf("topic: %s\nmax: %d", topic, innocent)).Detector(target, Sources{}).Detect(t.Context(), check.Options{}, nil, rec)
			return rec, res, err
		}
		const note = "2 records stand behind an open transaction: not looked at."

		_, res, err := detect(0)
		want := "2 records stand behind an open transaction in topic " + topic + " on Kafka production/events: it is not known whether they are dead letters. " +
			"Run the check again when the transaction has ended; Kafka ends one itself after its transaction.timeout.ms, mostly a minute."
		if got := sentence(t, err); got != want || res.Says != "no dead letter can be read, and 2 records not yet" || !slices.Contains(res.Notes, note) {
			t.Errorf("it says %q, %q and %q", got, res.Says, res.Notes)
		}
		if waited := clock.now().Sub(died); waited != stableFor {
			t.Errorf("it waited %s for its end", waited)
		}
		if rec, res, err := detect(2); err != nil || len(rec.rows()) > 0 || !slices.Contains(res.Notes, note) {
			t.Errorf("two are innocent: %d rows, %q, %v", len(rec.rows()), res.Notes, err)
		}
		produce(t, c, dead(topic, 1, "k", "X", "orders", died))
		if rec, res, err := detect(0); err != nil || len(rec.rows()) != 1 || !slices.Contains(res.Notes, note) {
			t.Errorf("another one fails: %d rows, %q, %v", len(rec.rows()), res.Notes, err)
		}
		if _, _, err := detect(2); err == nil {
			t.Error("one of three may be one too many, and it passes")
		}
		exported, err := words(t, "dead-letters", "topic: "+topic).Detector(target, Sources{}).(check.Exporter).Export(t.Context(), check.Order{}, func([]byte) error { return nil })
		if err != nil || exported.Lines != 1 || !slices.Equal(exported.Notes, []string{note}) {
			t.Errorf("exported %+v, %v", exported, err)
		}
		if err := opened.EndTransaction(t.Context(), abort); err != nil {
			t.Fatal(err)
		}
	})
}

// TestATransactionThatEndsSoonIsWaitedFor: what stands behind it is judged.
func TestATransactionThatEndsSoonIsWaitedFor(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer})
		topic, commit := c.Topic(t, "dlq", 1, forever()), kgo.TryCommit
		opened := transaction(t, c, topic, 0, nil, "a", "b")
		looks, other := 0, open(t, c)
		target := open(t, c, func(o *Options) {
			o.Sleep = func(ctx context.Context, _ time.Duration) error {
				if looks++; looks > 1 {
					return nil
				}
				if err := opened.EndTransaction(ctx, commit); err != nil {
					return err
				}
				until(t, "the end to be seen", func() bool { return bound(t, other, topic).parts[0].to == 3 })
				return nil
			}
		})
		rec := &recorder{t: t}
		res := judged(t, target, "topic: "+topic, Sources{}, check.Options{}, rec)
		if len(rec.rows()) != 2 || looks != 1 || res.Position != "0:3" || strings.Contains(strings.Join(res.Notes, " "), "transaction") {
			t.Errorf("%d rows after %d looks, %+v", len(rec.rows()), looks, res)
		}
	})
}

// TestNothingCountsAsSentWhereTopicsHaveNoIDs: the topic may be another one by now.
func TestNothingCountsAsSentWhereTopicsHaveNoIDs(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{Fake: []kfake.Opt{kfake.MaxVersions(kversion.V2_7_0())}})
	topic := c.Topic(t, "dlq", 1, forever())
	target := open(t, c)
	produce(t, c, dead(topic, 0, "k", "X", "orders", died))
	sent := Sources{Ledger: ledger{{Plan: 7, Hold: fix.Sent, Part: 0, Spans: []fix.Span{{From: 0, To: 1}}}}}
	note := "Kafka production/events gives topics no ids (it is older than 2.8), so that nobody knows which letters plans have sent: all count."

	rec := &recorder{t: t}
	res := judged(t, target, "topic: "+topic, sent, check.Options{}, rec)
	if len(rec.rows()) != 1 || !slices.Contains(res.Notes, note) {
		t.Errorf("%d rows, %q", len(rec.rows()), res.Notes)
	}
	exporter := words(t, "dead-letters", "topic: "+topic).Detector(target, sent).(check.Exporter)
	if exported, err := exporter.Export(t.Context(), check.Order{}, func([]byte) error { return nil }); err != nil || exported.Lines != 1 || !slices.Contains(exported.Notes, note) {
		t.Errorf("exported %+v, %v", exported, err)
	}
	res = judged(t, target, "topic: "+topic, Sources{}, check.Options{}, &recorder{t: t})
	if slices.Contains(res.Notes, note) {
		t.Errorf("without plans it says %q", res.Notes)
	}
}
