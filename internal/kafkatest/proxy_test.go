package kafkatest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// happens waits for something in another goroutine.
func happens(t *testing.T, what string, event <-chan struct{}) {
	t.Helper()
	select {
	case <-event:
	case <-time.After(operationTimeout):
		t.Fatalf("it did not happen that %s", what)
	}
}

func TestCutAndResume(t *testing.T) {
	onEveryPeer(t, Options{Proxy: true}, func(t *testing.T, c *Cluster) {
		topic := c.Topic(t, "orders", 1, nil)
		client := newClient(t, c, "", impatient()...)
		if err := client.ProduceSync(patience(t), record(topic, "before")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		c.Proxy.Cut()
		if err := pingOnce(t, client); err == nil {
			t.Error("it was answered while the network was cut")
		}
		produced := make(chan struct{})
		client.Produce(patience(t), record(topic, "during"), func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("what was sent while the network was cut: %v", err)
			}
			close(produced)
		})
		if diff := cmp.Diff([]string{"before"}, values(c.Committed(t, topic))); diff != "" {
			t.Errorf("the test itself is past the proxy: %s", diff)
		}
		c.Proxy.Resume()
		happens(t, "the producer tried again", produced)
		if diff := cmp.Diff([]string{"before", "during"}, values(c.Committed(t, topic))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMuteKeepsConnectionsAndBytes(t *testing.T) {
	onEveryPeer(t, Options{Proxy: true}, func(t *testing.T, c *Cluster) {
		topic := c.Topic(t, "orders", 1, nil)
		client := newClient(t, c, "", impatient()...)
		if err := client.ProduceSync(patience(t), record(topic, "before")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		c.Proxy.Mute()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if err := client.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("muted, it answers %v", err)
		}
		produced := make(chan struct{})
		client.Produce(patience(t), record(topic, "during"), func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
			close(produced)
		})
		c.Proxy.Resume()
		happens(t, "the record arrived late", produced)
		if diff := cmp.Diff([]string{"before", "during"}, values(c.Committed(t, topic))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMuteAnswersLosesNothingButTheAnswer(t *testing.T) {
	onEveryPeer(t, Options{Proxy: true}, func(t *testing.T, c *Cluster) {
		topic := c.Topic(t, "orders", 1, nil)
		client := newClient(t, c, "", kgo.DisableIdempotentWrite(), kgo.RecordRetries(0))
		if err := client.ProduceSync(patience(t), record(topic, "before")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		c.Proxy.MuteAnswers()
		produced := make(chan error, 1)
		client.Produce(patience(t), record(topic, "during"), func(_ *kgo.Record, err error) { produced <- err })
		await(patience(t), t, "the record arrives", func() bool { return len(c.Committed(t, topic)) == 2 })
		select {
		case err := <-produced:
			t.Fatalf("the producer learned something: %v", err)
		default:
		}
		c.Proxy.Cut()
		select {
		case err := <-produced:
			if err == nil {
				t.Error("the producer believes that it was answered")
			}
		case <-time.After(operationTimeout):
			t.Error("the producer did not see the cut")
		}
	})
}

// TestCutAtACommit is the worst moment of a transaction: before the commit arrives, or before its answer does.
func TestCutAtACommit(t *testing.T) {
	for _, row := range []struct {
		name string
		cut  func(*Proxy, testing.TB, kmsg.Key) <-chan struct{}
		want []string
	}{
		{"before it arrives", (*Proxy).CutBefore, nil},
		{"after it has been done", (*Proxy).CutAfter, []string{"paid"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			onEveryPeer(t, Options{Proxy: true}, func(t *testing.T, c *Cluster) {
				topic := c.Topic(t, "orders", 1, nil)
				client := newClient(t, c, "", kgo.TransactionalID(Unique(t, "sender")))
				if err := client.BeginTransaction(); err != nil {
					t.Fatal(err)
				}
				if err := client.ProduceSync(patience(t), record(topic, "paid")).FirstErr(); err != nil {
					t.Fatal(err)
				}
				cut := row.cut(c.Proxy, t, kmsg.EndTxn)
				committed := make(chan error, 1)
				ctx := patience(t)
				go func() { committed <- client.EndTransaction(ctx, kgo.TryCommit) }()
				happens(t, "the commit was cut", cut)
				await(ctx, t, "the transaction is as it should be", func() bool {
					return cmp.Equal(row.want, values(c.Committed(t, topic)))
				})
				if diff := cmp.Diff([]string{"paid"}, values(c.Everything(t, topic))); diff != "" {
					t.Error(diff)
				}
				c.Proxy.Resume()
				if err := <-committed; err != nil {
					t.Errorf("trying again when the network is back: %v", err)
				}
				await(ctx, t, "the transaction is committed", func() bool {
					return cmp.Equal([]string{"paid"}, values(c.Committed(t, topic)))
				})
			})
		})
	}
}

func TestAProxyCannotReadTLS(t *testing.T) {
	c := Start(t, Options{Peer: Fake, TLS: ServerTLS, Proxy: true})
	if !fails(t, func(t testing.TB) { c.Proxy.CutAfter(t, kmsg.Produce) }) {
		t.Error("it promised to wait for a request that it cannot see")
	}
}

func TestResumeForgetsWhatWasWaitedFor(t *testing.T) {
	c := Start(t, Options{Peer: Fake, Proxy: true})
	topic := c.Topic(t, "orders", 1, nil)
	cut := c.Proxy.CutBefore(t, kmsg.Produce)
	c.Proxy.Resume()
	if err := newClient(t, c, "").ProduceSync(patience(t), record(topic, "passes")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-cut:
		t.Error("it was cut")
	default:
	}
}
