package shop

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Broker is a Kafka broker inside this process, on loopback and a free port, without disk. It speaks Kafka's
// protocol with groups and transactions. It is for the demo and for tests.
type Broker struct{ cluster *kfake.Cluster }

// StartBroker starts one without topics.
func StartBroker() (*Broker, error) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		return nil, fmt.Errorf("shop: start a broker: %w", err)
	}
	return &Broker{cluster: cluster}, nil
}

// Addresses are where it listens.
func (b *Broker) Addresses() []string { return b.cluster.ListenAddrs() }

// Close ends it; what it held is gone.
func (b *Broker) Close() { b.cluster.Close() }

// createTopics makes the shop's topics where they are missing. A dead letter stands in the partition of the
// event it was, so both topics have as many.
func createTopics(ctx context.Context, client *kgo.Client) error {
	made, err := kadm.NewClient(client).CreateTopics(ctx, eventsPartitions, 1, nil, EventsTopic, DeadLetterTopic, QuarantineTopic)
	if err != nil {
		return fmt.Errorf("shop: create topics: %w", err)
	}
	for _, topic := range made.Sorted() {
		if topic.Err != nil && !errors.Is(topic.Err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("shop: create topic %s: %w", topic.Topic, topic.Err)
		}
	}
	return nil
}
