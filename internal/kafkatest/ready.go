package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// tryTimeout bounds one look at a broker that may have just died.
const tryTimeout = 10 * time.Second

// ready tells whether the broker has joined its cluster.
func (b *broker) ready(ctx context.Context) error {
	if err := listening(ctx, b.ports.internal.Address()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	client, err := kgo.NewClient(b.options()...)
	if err != nil {
		return err
	}
	defer client.Close()
	metadata, err := kadm.NewClient(client).BrokerMetadata(ctx)
	if err != nil {
		return err
	}
	if metadata.Cluster != b.cluster {
		return fmt.Errorf("at %s is cluster %s instead of %s", b.ports.internal.Address(), metadata.Cluster, b.cluster)
	}
	if len(metadata.Brokers) == 0 {
		return errors.New("the broker has not joined yet")
	}
	return listening(ctx, b.ports.client.Address())
}

// addUsers makes the users that Kafka keeps in its own metadata, and returns when they can log in.
func (b *broker) addUsers(ctx context.Context) error {
	var users []kadm.UpsertSCRAM
	for _, u := range b.setup.options.Users {
		mechanism := map[Mechanism]kadm.ScramMechanism{ScramSHA256: kadm.ScramSha256, ScramSHA512: kadm.ScramSha512}[u.Mechanism]
		if u.Mechanism != Plain {
			users = append(users, kadm.UpsertSCRAM{User: u.Name, Mechanism: mechanism, Iterations: 4096, Password: u.Password})
		}
	}
	if len(users) == 0 {
		return nil
	}
	client, err := kgo.NewClient(b.options()...)
	if err != nil {
		return err
	}
	defer client.Close()
	altered, err := kadm.NewClient(client).AlterUserSCRAMs(ctx, nil, users)
	if err != nil {
		return err
	}
	if err := altered.Error(); err != nil {
		return err
	}
	for _, u := range b.setup.options.Users {
		if err := b.awaitLogin(ctx, u); err != nil {
			return fmt.Errorf("%s cannot log in: %w", u.Name, err)
		}
	}
	return nil
}

// awaitLogin tries until the broker has learned of a user from the controller.
func (b *broker) awaitLogin(ctx context.Context, u User) error {
	options := []kgo.Opt{kgo.SeedBrokers(b.ports.client.Address()), kgo.SASL(u.mechanism())}
	if b.setup.certificates != nil {
		options = append(options, kgo.DialTLSConfig(b.setup.certificates.client.Clone()))
	}
	return b.process.Await(ctx, pollInterval, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, tryTimeout)
		defer cancel()
		client, err := kgo.NewClient(options...)
		if err != nil {
			return err
		}
		defer client.Close()
		return client.Ping(ctx)
	})
}

// listening tells whether something is there, sooner than a client that waits between its attempts.
func listening(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}
