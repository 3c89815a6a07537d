package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/integritybot/integritybot/internal/kafkatest"
	"github.com/integritybot/integritybot/internal/shop"
	"github.com/integritybot/integritybot/internal/workspace"
)

// copies counts what a plan sent, by event, as a consumer that reads committed
// records sees it.
func (w eventful) copies(ref string) map[string]int {
	w.t.Helper()
	out := map[string]int{}
	for _, r := range w.cluster.Committed(w.t, shop.EventsTopic) {
		if header(r, "integritybot-plan") == ref {
			out[header(r, "event_id")]++
		}
	}
	return out
}

// sentOnce compares what a plan sent with what it should have: each letter once.
func (w eventful) sentOnce(ref string, letters shop.Letters) {
	w.t.Helper()
	got := w.copies(ref)
	for _, l := range letters {
		if got[l.EventID] != 1 {
			w.t.Errorf("%s %s was sent %d times", l.Kind, l.EventID, got[l.EventID])
		}
		delete(got, l.EventID)
	}
	if len(got) > 0 {
		w.t.Errorf("%d more were sent: %v", len(got), got)
	}
}

// TestTheBrokerIsLostInMidReplay: the network to the cluster breaks at each step of
// a transaction, and comes back. The plan is carried out, and nothing is sent
// twice.
func TestTheBrokerIsLostInMidReplay(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*testing.T, *kafkatest.Proxy) <-chan struct{}{
		"before the records": func(t *testing.T, p *kafkatest.Proxy) <-chan struct{} { return p.CutBefore(t, kmsg.TxnOffsetCommit) },
		"before the end":     func(t *testing.T, p *kafkatest.Proxy) <-chan struct{} { return p.CutBefore(t, kmsg.EndTxn) },
		"after the end":      func(t *testing.T, p *kafkatest.Proxy) <-chan struct{} { return p.CutAfter(t, kmsg.EndTxn) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newEventful(t, kafkatest.Options{Proxy: true})
			w.events.Heal()
			w.replica()
			ref, preview := w.planned(alice, "events replay")
			lost := lose(t, w.cluster.Proxy)
			w.press(bob, preview.TS, "confirm")
			select {
			case <-lost:
			case <-time.After(time.Minute):
				t.Fatal("the transaction did not come that far")
			}
			time.Sleep(time.Second) // the bot meets a cluster that is not there
			w.cluster.Proxy.Resume()
			says(t, w.outcome(preview), ref+" applied", "412 → 21")
			w.sentOnce(ref, w.events.Letters.Transient())
			w.caughtUp()
			w.processed(w.events.Letters.Transient())
			w.settled(time.Minute)
			w.noViolations()
			w.auditIsSound()
		})
	}
}

// TestKafkaIsAway: without the cluster the checks are UNKNOWN and say so, and a
// plan is not made; when it is back they answer.
func TestKafkaIsAway(t *testing.T) {
	t.Parallel()
	w := newEventful(t, kafkatest.Options{Proxy: true})
	w.replica()
	w.cluster.Proxy.Cut()
	says(t, w.counted(""), "UNKNOWN Failed events")
	w.say("/integrity events lag")
	says(t, w.finished("Consumer lag", time.Minute), "UNKNOWN Consumer lag")
	w.say("/integrity events replay")
	w.said("could not be made, nothing was changed")
	w.cluster.Proxy.Resume()
	says(t, w.counted(""), "FAIL Failed events", "412")
	w.settled(time.Minute)
	w.noViolations()
	w.auditIsSound()
}

// TestAReplicaIsKilledWhileItReplays: a process of its own, killed at once when it
// has sent the canaries; another one finishes.
func TestAReplicaIsKilledWhileItReplays(t *testing.T) {
	t.Parallel()
	w := newEventful(t, kafkatest.Options{})
	w.events.Heal()
	w.env["KAFKA_REPLAY_WINDOW"] = "5s"
	stop := w.replica()
	ref, preview := w.planned(alice, "events replay")
	stop()
	victim := w.process()
	await(t, "the process being there", time.Minute, func() (int, bool) {
		return 0, w.slack.Click(workspace.Click{As: bob, Channel: incident, TS: preview.TS, ActionID: "confirm"}) == nil
	})
	await(t, "the canaries being sent", time.Minute, func() (int, bool) {
		n := len(w.copies(ref))
		return n, n > 0
	})
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait() // it was killed
	w.replica()
	applied := w.outcome(preview)
	says(t, applied, ref+" applied", "412 → 21")
	if !strings.Contains(applied.Text, "finished by another instance") {
		t.Errorf("it reads %q", applied.Text)
	}
	w.sentOnce(ref, w.events.Letters.Transient())
	w.caughtUp()
	w.processed(w.events.Letters.Transient())
	w.settled(time.Minute)
	w.noViolations()
	w.auditIsSound()
}
