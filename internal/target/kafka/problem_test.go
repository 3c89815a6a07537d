package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// TestEveryErrorHasASentence, with what to do, and without what is secret.
func TestEveryErrorHasASentence(t *testing.T) {
	t.Parallel()
	target, err := Open(Options{
		Name: "events", Place: "production/events", Brokers: []string{"kafka-1:9092", "kafka-2:9092"},
		Login: Login{ScramSHA512, "bot", "hunter2"}, Sender: Login{Plain, "replayer", "hunter3"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	topic := act{doing: "reading topic dlq", operation: "Read", kind: "topic", name: "dlq"}
	group := act{doing: "reading the offsets of group g", operation: "Describe", kind: "group", name: "g"}
	txn := act{doing: "beginning to produce", operation: "Write", kind: "transactional-id", name: "integritybot.s.P-1", sends: true}
	for want, tt := range map[string]struct {
		act act
		err error
	}{
		"Kafka production/events refused the login of bot by scram-sha-512: check the user, the password and the mechanism.":                                                                                                                {topic, kerr.SaslAuthenticationFailed},
		"Kafka production/events refused the login of replayer by plain: check the user, the password and the mechanism.":                                                                                                                   {txn, kerr.SaslAuthenticationFailed},
		"Kafka production/events does not know sasl mechanism scram-sha-512: its sasl.enabled.mechanisms says which it knows.":                                                                                                              {topic, kerr.UnsupportedSaslMechanism},
		"User:bot may not read topic dlq on Kafka production/events: have an administrator run kafka-acls --add --allow-principal 'User:bot' --operation Read --topic dlq.":                                                                 {topic, kerr.TopicAuthorizationFailed},
		"User:bot may not describe group g on Kafka production/events: have an administrator run kafka-acls --add --allow-principal 'User:bot' --operation Describe --group g.":                                                             {group, kerr.GroupAuthorizationFailed},
		"User:replayer may not write transactional id integritybot.s.P-1 on Kafka production/events: have an administrator run kafka-acls --add --allow-principal 'User:replayer' --operation Write --transactional-id integritybot.s.P-1.": {txn, kerr.TransactionalIDAuthorizationFailed},
		"User:bot may not cluster action the cluster on Kafka production/events: have an administrator run kafka-acls --add --allow-principal 'User:bot' --operation ClusterAction --cluster.":                                              {act{operation: "ClusterAction"}, kerr.ClusterAuthorizationFailed},
		"There is no topic dlq on Kafka production/events, or it was deleted just now.":                                                                                                                                                     {topic, kerr.UnknownTopicOrPartition},
		`"dlq" cannot be the name of a topic.`:            {topic, kerr.InvalidTopicException},
		"There is no group g on Kafka production/events.": {group, kerr.GroupIDNotFound},
		`"g" cannot be the name of a group.`:              {group, kerr.InvalidGroupID},
		"What was to be read of topic dlq on Kafka production/events is not there any more: it has expired, or was deleted.":                                               {topic, kerr.OffsetOutOfRange},
		"Kafka production/events has no broker ready that coordinates group g: is one down or starting? Try again in a minute.":                                            {group, kerr.CoordinatorNotAvailable},
		"A partition of topic dlq on Kafka production/events has no leader that answers: is a broker down? Try again in a minute.":                                         {topic, kerr.LeaderNotAvailable},
		"Kafka production/events did not finish a request on topic dlq in its own time: it is overloaded, or replicas are down.":                                           {topic, kerr.RequestTimedOut},
		"Kafka production/events is too old for reading topic dlq: this bot looks at Apache Kafka 2.5 and newer, and sends to 2.8 and newer.":                              {topic, kerr.UnsupportedVersion},
		"Kafka production/events says that what is stored of topic dlq is damaged.":                                                                                        {topic, kerr.CorruptMessage},
		"Kafka production/events answered with error INVALID_FETCH_SIZE while reading topic dlq.":                                                                          {topic, kerr.InvalidFetchSize},
		"The connection to Kafka production/events broke off.":                                                                                                             {topic, errors.New("hunter2")},
		"Kafka production/events did not answer in time (5 s to connect, 10 s for a request): is a broker of kafka-1:9092, kafka-2:9092 overloaded, or behind a firewall?": {topic, context.DeadlineExceeded},
		"The name of a broker of Kafka production/events is not known here: kafka-9. Is it right in the config, and in the broker's advertised.listeners?":                 {topic, &net.DNSError{Name: "kafka-9", IsNotFound: true}},
		"Kafka production/events cannot be reached at kafka-1:9092, kafka-2:9092.":                                                                                         {topic, &net.OpError{Op: "dial", Err: errors.New("no route")}},
		"Kafka production/events refused our TLS: does it want a client certificate (tls.cert_file and tls.key_file)?":                                                     {topic, tls.AlertError(42)},
	} {
		err := target.problem(t.Context(), tt.act, tt.err)
		if got := sentence(t, err); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
		if !errors.Is(err, tt.err) {
			t.Errorf("%v is not in %v", tt.err, err)
		}
	}
	if err := target.problem(t.Context(), topic, nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := target.problem(ended, topic, kerr.CorruptMessage); !errors.Is(err, context.Canceled) || errors.As(err, new(*check.Problem)) {
		t.Errorf("the caller's own end became %v", err)
	}
}

// impatient makes a target that gives up soon.
func impatient(o *Options) { o.DialTimeout, o.RequestTimeout = 2*time.Second, 2*time.Second }

// asked is what is said when a topic is asked for.
func asked(t *testing.T, target *Target, topic string) string {
	t.Helper()
	_, err := target.bounds(t.Context(), topic)
	return sentence(t, err)
}

func TestNobodyIsThere(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	target := open(t, &kafkatest.Cluster{Brokers: []string{address}}, impatient)
	if got, want := asked(t, target, "dlq"), "Kafka production/events refused the connection at "+address+": is it running, and is the address right?"; got != want {
		t.Errorf("it says %q", got)
	}
}

// TestABrokerThatSaysNothing takes the connection and never answers.
func TestABrokerThatSaysNothing(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	target := open(t, &kafkatest.Cluster{Brokers: []string{l.Addr().String()}}, func(o *Options) { o.DialTimeout, o.RequestTimeout = 200*time.Millisecond, 200*time.Millisecond })
	if got := asked(t, target, "dlq"); !strings.HasPrefix(got, "Kafka production/events did not answer in time (200 ms to connect, 200 ms for a request)") {
		t.Errorf("it says %q", got)
	}
	// and neither does one that ends with its caller
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := target.bounds(ctx, "dlq"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ended with %v", err)
	}
}

func TestLogins(t *testing.T) {
	t.Parallel()
	users := []kafkatest.User{{Name: "anna", Password: "a's secret", Mechanism: kafkatest.Plain}, {Name: "bob", Password: "b's secret", Mechanism: kafkatest.ScramSHA256}, {Name: "carol", Password: "c's secret", Mechanism: kafkatest.ScramSHA512}}
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer, Users: users})
		topic := c.Topic(t, "dlq", 1, forever())
		for _, login := range []Login{{Plain, "anna", "a's secret"}, {ScramSHA256, "bob", "b's secret"}, {ScramSHA512, "carol", "c's secret"}} {
			if _, err := open(t, c, func(o *Options) { o.Login = login }).bounds(t.Context(), topic); err != nil {
				t.Errorf("%s: %v", login.User, err)
			}
			login.Password = "wrong secret"
			_, err := open(t, c, impatient, func(o *Options) { o.Login = login }).bounds(t.Context(), topic)
			if got, want := sentence(t, err), "Kafka production/events refused the login of "+login.User+" by "+string(login.Mechanism)+": check the user, the password and the mechanism."; got != want {
				t.Errorf("%s: it says %q", login.User, got)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("a secret stands in %v", err)
			}
		}
		if got := asked(t, open(t, c, impatient), topic); !strings.Contains(got, "does it want") {
			t.Errorf("without a login it says %q", got)
		}
	})
}

func TestEncryption(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		mutual := kafkatest.Start(t, kafkatest.Options{Peer: peer, TLS: kafkatest.MutualTLS})
		open1 := kafkatest.Start(t, kafkatest.Options{Peer: peer})
		topic := mutual.Topic(t, "dlq", 1, forever())
		if _, err := open(t, mutual).bounds(t.Context(), topic); err != nil {
			t.Error(err)
		}
		for name, tt := range map[string]struct {
			cluster *kafkatest.Cluster
			config  *tls.Config
			want    string
		}{
			"TLS to a plain port":        {open1, mutual.TLSConfig(), "take tls out of the config"},
			"no TLS to an encrypted one": {mutual, nil, "does it want TLS"},
			"an unknown authority":       {mutual, &tls.Config{MinVersion: tls.VersionTLS12}, "is signed by an authority that is not known here: name it in tls.ca_file."},
			"another name":               {mutual, named(mutual.TLSConfig(), "kafka.example.org"), "is not for the address that we know"},
			"no client certificate":      {mutual, bare(mutual.TLSConfig()), "does it want a client certificate"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				_, err := open(t, tt.cluster, impatient, func(o *Options) { o.TLS = tt.config }).bounds(t.Context(), topic)
				if got := sentence(t, err); !strings.Contains(got, tt.want) {
					t.Errorf("it says %q", got)
				}
			})
		}
	})
}

func named(c *tls.Config, server string) *tls.Config { c.ServerName = server; return c }

func bare(c *tls.Config) *tls.Config { c.Certificates, c.GetClientCertificate = nil, nil; return c }

func TestWhoMayNot(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		bot := kafkatest.User{Name: "bot", Password: "secret", Mechanism: kafkatest.Plain}
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer, Users: []kafkatest.User{bot}, ACLs: true})
		topic := c.Topic(t, "dlq", 1, forever())
		produce(t, c, dead(topic, 0, "k", "X", "orders", died))
		commit(t, c, "group", topic, map[int32]int64{0: 0})
		target := open(t, c, newClock().during(func() {}), func(o *Options) { o.Login = Login{Plain, "bot", "secret"}; o.Sends = true })
		letters, lag := words(t, "dead-letters", "topic: "+topic), words(t, "lag", "group: group\nmax_age: 1m")

		may := func(operation, resource string) string {
			return "kafka-acls --add --allow-principal 'User:bot' --operation " + operation + " --" + resource
		}
		says := func(err error, want string) {
			t.Helper()
			if got := sentence(t, err); !strings.Contains(got, want) {
				t.Errorf("it says %q, want %q", got, want)
			}
		}
		says(letters.Validate(t.Context(), target), may("Describe", "topic "+topic))
		c.Allow(t, "bot", kadm.NewACLs().Topics(topic).Operations(kadm.OpDescribe).ResourcePatternType(kadm.ACLPatternLiteral))
		says(letters.Validate(t.Context(), target), may("Read", "topic "+topic))
		says(lag.Validate(t.Context(), target), may("Describe", "group group"))
		c.Allow(t, "bot", kadm.NewACLs().Groups("group").Operations(kadm.OpDescribe).ResourcePatternType(kadm.ACLPatternLiteral))
		says(lag.Validate(t.Context(), target), may("Read", "topic "+topic))

		// Without the right to read, the lag is known, and how old it is is not.
		_, res, err := lagOf(t, target, "group: group\nmax_lag: 5")
		if err != nil || !strings.Contains(strings.Join(res.Notes, " "), "The age of the oldest unread record of 1 partition is unknown. User:bot may not read topic") {
			t.Errorf("%q, %v", res.Notes, err)
		}
		_, _, err = lagOf(t, target, "group: group\nmax_age: 1m")
		says(err, "1 partition of group group could not be judged. User:bot may not read topic")

		c.Allow(t, "bot", kadm.NewACLs().Topics(topic).Operations(kadm.OpRead).ResourcePatternType(kadm.ACLPatternLiteral))
		if err := letters.Validate(t.Context(), target); err != nil {
			t.Error(err)
		}
		_, err = Import(t.Context(), target, topic, strings.NewReader(""), ImportOptions{})
		says(err, may("Write", "transactional-id integritybot.test.import."+topic))
	})
}

func TestOpenNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		"needs a name":   {Brokers: []string{"a:1"}},
		"has no brokers": {Name: "events"},
		`broker "kafka-1" is not host:port, such as kafka-1.example.org:9092`:          {Name: "events", Brokers: []string{"kafka-1"}},
		"sasl names a user, but no mechanism: plain, scram-sha-256 or scram-sha-512":   {Name: "events", Brokers: []string{"a:1"}, Login: Login{User: "bot"}},
		"sasl mechanism plain needs a user":                                            {Name: "events", Brokers: []string{"a:1"}, Login: Login{Mechanism: Plain}},
		`sasl mechanism is "gssapi": it must be plain, scram-sha-256 or scram-sha-512`: {Name: "events", Brokers: []string{"a:1"}, Sender: Login{"gssapi", "bot", "x"}},
		"dial_timeout is -1s: it must not be negative":                                 {Name: "events", Brokers: []string{"a:1"}, DialTimeout: -time.Second},
		"request_timeout is -1s: it must not be negative":                              {Name: "events", Brokers: []string{"a:1"}, RequestTimeout: -time.Second},
	} {
		if _, err := Open(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

func TestWhatAnswersIsNotKafka(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")); err != nil {
				t.Error(err)
			}
			t.Cleanup(func() { conn.Close() })
		}
	}()
	defer func() { l.Close(); <-served }()
	address := l.Addr().String()
	want := "What answers at " + address + " speaks HTTP, not Kafka: correct the port of Kafka production/events in the config."
	if got := asked(t, open(t, &kafkatest.Cluster{Brokers: []string{address}}, impatient), "dlq"); got != want {
		t.Errorf("it says %q", got)
	}
}
