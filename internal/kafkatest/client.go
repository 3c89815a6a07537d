package kafkatest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	pollInterval = 10 * time.Millisecond
	// maxName leaves room in Kafka's 249 bytes for the rest of a name.
	maxName = 120
)

// Unique makes a name for a topic, group or transaction that no other test of the binary has, begins with the given
// words, and tells a reader of the broker's log which test it belongs to.
func Unique(t testing.TB, prefix string) string {
	test := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		default:
			return '-'
		}
	}, t.Name())
	if len(test) > maxName {
		test = test[:maxName]
	}
	return fmt.Sprintf("%s-%s-%d", prefix, test, shared.names.Add(1))
}

// Client is a client for the test's own use: it may do everything and goes past the proxy.
func (c *Cluster) Client(t testing.TB, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(append(slices.Clone(c.own), kgo.DisableClientMetrics()), options...)...)
	if err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	t.Cleanup(client.Close)
	return client
}

// Admin administers the cluster for the test.
func (c *Cluster) Admin(t testing.TB) *kadm.Client {
	t.Helper()
	return kadm.NewClient(c.Client(t))
}

// Topic makes a topic that is ready for use and returns its name, which begins with the given one. Where other tests
// share the cluster it is deleted when the test ends.
func (c *Cluster) Topic(t testing.TB, prefix string, partitions int32, configs map[string]string) string {
	t.Helper()
	name, admin := Unique(t, prefix), c.Admin(t)
	ctx, cancel := context.WithTimeout(t.Context(), operationTimeout)
	defer cancel()
	values := map[string]*string{}
	for key, value := range configs {
		values[key] = &value
	}
	if _, err := admin.CreateTopic(ctx, partitions, 1, values, name); err != nil {
		t.Fatalf("kafkatest: making the topic %s: %v", name, err)
	}
	if c.shared {
		t.Cleanup(func() { dropTopic(t, admin, name) })
	}
	// The answer comes from the controller; the broker that clients talk to learns of it a moment later.
	await(ctx, t, "the topic "+name+" has its leaders", func() bool {
		topics, err := admin.ListTopics(ctx, name)
		return err == nil && topics[name].Err == nil && len(topics[name].Partitions) == int(partitions) && leads(topics[name])
	})
	return name
}

func leads(topic kadm.TopicDetail) bool {
	for _, p := range topic.Partitions {
		if p.Err != nil || p.Leader < 0 {
			return false
		}
	}
	return true
}

func dropTopic(t testing.TB, admin *kadm.Client, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), operationTimeout) // the test's own is over
	defer cancel()
	if _, err := admin.DeleteTopic(ctx, name); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("kafkatest: deleting the topic %s: %v", name, err)
	}
}

// Allow lets a user do what the rules say, which name resources and operations, and returns when the broker knows it.
func (c *Cluster) Allow(t testing.TB, user string, rules *kadm.ACLBuilder) {
	t.Helper()
	if !rules.HasResource() {
		t.Fatalf("kafkatest: what %s may do is about nothing", user)
	}
	admin := c.Admin(t)
	ctx, cancel := context.WithTimeout(t.Context(), operationTimeout)
	defer cancel()
	rules.Allow("User:" + user).AllowHosts("*")
	created, err := admin.CreateACLs(ctx, rules)
	for _, one := range created {
		err = cmp.Or(err, one.Err)
	}
	if err != nil {
		t.Fatalf("kafkatest: allowing %s something: %v", user, err)
	}
	await(ctx, t, "the broker knows what "+user+" may do", func() bool {
		described, err := admin.DescribeACLs(ctx, rules)
		return err == nil && !slices.ContainsFunc(described, func(r kadm.DescribeACLsResult) bool {
			return r.Err != nil || len(r.Described) == 0
		})
	})
}

// await polls because Kafka has no event for what is waited for here.
func await(ctx context.Context, t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("kafkatest: it did not come to pass that %s: %v", what, ctx.Err())
		case <-tick.C:
		}
	}
}
