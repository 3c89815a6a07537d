package kafkatest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// pingOnce asks without trying again.
func pingOnce(t *testing.T, client *kgo.Client) error {
	t.Helper()
	return client.Ping(patience(t))
}

// impatient clients give up at once.
func impatient() []kgo.Opt { return []kgo.Opt{kgo.RequestRetries(0)} }

var people = []User{
	{"alice", `she "quotes" \ and;=`, Plain},
	{"bob", "bob's secret", ScramSHA256},
	{"carol", "carol's secret", ScramSHA512},
}

func TestOnlyUsersLogIn(t *testing.T) {
	onEveryPeer(t, Options{Users: people}, func(t *testing.T, c *Cluster) {
		topic := c.Topic(t, "orders", 1, nil)
		for _, user := range people {
			t.Run(string(user.Mechanism), func(t *testing.T) {
				client := newClient(t, c, user.Name)
				if err := client.ProduceSync(patience(t), record(topic, user.Name)).FirstErr(); err != nil {
					t.Error(err)
				}
			})
		}
		for name, wrong := range map[string]kgo.Opt{
			"a wrong password":        kgo.SASL(plain.Auth{User: "alice", Pass: "guess"}.AsMechanism()),
			"a wrong SCRAM password":  kgo.SASL(scram.Auth{User: "bob", Pass: "guess"}.AsSha256Mechanism()),
			"another one's mechanism": kgo.SASL(scram.Auth{User: "carol", Pass: "carol's secret"}.AsSha256Mechanism()),
		} {
			t.Run(name, func(t *testing.T) {
				err := pingOnce(t, newClient(t, c, "", append(impatient(), wrong)...))
				if !errors.Is(err, kerr.SaslAuthenticationFailed) {
					t.Errorf("got %v", err)
				}
			})
		}
		t.Run("nobody", func(t *testing.T) {
			if err := pingOnce(t, newClient(t, c, "", impatient()...)); err == nil {
				t.Error("who did not log in was answered")
			}
		})
		if got := len(c.Committed(t, topic)); got != len(people) {
			t.Errorf("%d records", got)
		}
	})
}

func TestUsersMayDoWhatTheyAreAllowedTo(t *testing.T) {
	onEveryPeer(t, Options{Users: people, ACLs: true}, func(t *testing.T, c *Cluster) {
		topic, group, transaction := c.Topic(t, "orders", 1, nil), Unique(t, "readers"), Unique(t, "sender")
		produce := func(user string, options ...kgo.Opt) error {
			return newClient(t, c, user, options...).ProduceSync(patience(t), record(topic, user)).FirstErr()
		}
		if err := produce("bob"); !errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Errorf("bob was not told that he may not: %v", err)
		}
		c.Allow(t, "bob", kadm.NewACLs().Topics(topic).Operations(kadm.OpWrite, kadm.OpDescribe))
		if err := produce("bob"); err != nil {
			t.Error(err)
		}
		if err := produce("alice"); !errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Errorf("what bob may, alice may not: %v", err)
		}
		if err := transact(t, c, "bob", topic, transaction); !errors.Is(err, kerr.TransactionalIDAuthorizationFailed) {
			t.Errorf("bob may not use transactions: %v", err)
		}
		c.Allow(t, "bob", kadm.NewACLs().TransactionalIDs("sender").ResourcePatternType(kadm.ACLPatternPrefixed).Operations(kadm.OpWrite, kadm.OpDescribe))
		if err := transact(t, c, "bob", topic, transaction); err != nil {
			t.Error(err)
		}
		read := kadm.Offsets{}
		read.AddOffset(topic, 0, 1, -1)
		if _, err := c.Admin(t).CommitOffsets(patience(t), group, read); err != nil {
			t.Fatal(err)
		}
		admin := kadm.NewClient(newClient(t, c, "carol"))
		if _, err := admin.FetchOffsets(patience(t), group); !errors.Is(err, kerr.GroupAuthorizationFailed) {
			t.Errorf("carol may not see groups: %v", err)
		}
		c.Allow(t, "carol", kadm.NewACLs().Groups(group).Operations(kadm.OpDescribe))
		if _, err := admin.FetchOffsets(patience(t), group); err != nil {
			t.Error(err)
		}
		if _, err := admin.CreateTopic(patience(t), 1, 1, nil, Unique(t, "mine")); !errors.Is(err, kerr.ClusterAuthorizationFailed) && !errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Errorf("carol may not make topics: %v", err)
		}
	})
}

// transact commits one record in a transaction.
func transact(t *testing.T, c *Cluster, user, topic, id string) error {
	t.Helper()
	client := newClient(t, c, user, kgo.TransactionalID(id))
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	if err := client.ProduceSync(patience(t), record(topic, user)).FirstErr(); err != nil {
		return err
	}
	return client.EndTransaction(patience(t), kgo.TryCommit)
}

func TestTLS(t *testing.T) {
	for name, kind := range map[string]TLS{"of the server": ServerTLS, "of both": MutualTLS} {
		t.Run(name, func(t *testing.T) {
			onEveryPeer(t, Options{TLS: kind}, func(t *testing.T, c *Cluster) {
				topic := c.Topic(t, "orders", 1, nil)
				if err := newClient(t, c, "").ProduceSync(patience(t), record(topic, "safe")).FirstErr(); err != nil {
					t.Fatal(err)
				}
				if got := values(c.Committed(t, topic)); len(got) != 1 || got[0] != "safe" {
					t.Errorf("got %v", got)
				}
				fromFiles := filesConfig(t, c.Certificates)
				if err := dial(t, c, fromFiles); err != nil {
					t.Errorf("with what the files say: %v", err)
				}
				unknown := new(x509.UnknownAuthorityError)
				if err := dial(t, c, &tls.Config{}); !errors.As(err, unknown) {
					t.Errorf("who does not know the authority: %v", err)
				}
				fromFiles.Certificates = nil
				if err := dial(t, c, fromFiles); (err != nil) != (kind == MutualTLS) {
					t.Errorf("without a certificate of the client: %v", err)
				}
				if err := pingOnce(t, plainClient(t, c)); err == nil {
					t.Error("there is an answer without TLS")
				}
			})
		})
	}
}

func TestUsersLogInOverTLSAndAProxy(t *testing.T) {
	onEveryPeer(t, Options{Users: people, TLS: MutualTLS, ACLs: true, Proxy: true}, func(t *testing.T, c *Cluster) {
		topic := c.Topic(t, "orders", 1, nil)
		c.Allow(t, "carol", kadm.NewACLs().Topics(topic).Operations(kadm.OpWrite))
		client := newClient(t, c, "carol", impatient()...)
		if err := client.ProduceSync(patience(t), record(topic, "safe")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		c.Proxy.Cut()
		if err := pingOnce(t, client); err == nil {
			t.Error("there is a way past the proxy")
		}
		c.Proxy.Resume()
		if err := newClient(t, c, "carol").Ping(patience(t)); err != nil {
			t.Error(err)
		}
	})
}

// dial shakes hands and asks one thing: with TLS 1.3 a client learns only then that its certificate was missed.
func dial(t *testing.T, c *Cluster, config *tls.Config) error {
	t.Helper()
	client, err := kgo.NewClient(append(impatient(), kgo.SeedBrokers(c.Brokers...), kgo.DialTLSConfig(config))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	return client.Ping(patience(t))
}

func plainClient(t *testing.T, c *Cluster) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(impatient(), kgo.SeedBrokers(c.Brokers...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// filesConfig is what a program makes of the files that its configuration names.
func filesConfig(t *testing.T, c *Certificates) *tls.Config {
	t.Helper()
	ca, err := os.ReadFile(c.CA)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		t.Fatal("there is no certificate in the authority's file")
	}
	return &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}
}
