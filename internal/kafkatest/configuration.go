package kafkatest

import (
	"path/filepath"
	"strings"
)

// configuration is the broker's server.properties. What is not about the setup makes a single small broker complete,
// and does at once what Kafka would do a few seconds later.
func (s setup) configuration(p ports, home string) string {
	lines := []string{
		"process.roles=broker,controller",
		"node.id=1", // as deploy/kafka/server.properties has it
		"log.dirs=" + filepath.Join(home, dataDir),
		"controller.listener.names=CONTROLLER",
		"controller.quorum.voters=1@" + p.controller.Address(),
		"inter.broker.listener.name=INTERNAL",
		"listeners=CLIENT://" + p.client.Address() + ",INTERNAL://" + p.internal.Address() + ",CONTROLLER://" + p.controller.Address(),
		"advertised.listeners=CLIENT://" + s.advertised(p) + ",INTERNAL://" + p.internal.Address(),
		"listener.security.protocol.map=CLIENT:" + s.protocol() + ",INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"auto.create.topics.enable=false",
		"offsets.topic.replication.factor=1",
		"offsets.topic.num.partitions=1",
		"transaction.state.log.replication.factor=1",
		"transaction.state.log.num.partitions=1",
		"transaction.state.log.min.isr=1",
		"share.coordinator.state.topic.replication.factor=1",
		"share.coordinator.state.topic.num.partitions=1",
		"share.coordinator.state.topic.min.isr=1",
		"group.initial.rebalance.delay.ms=0",
		"transaction.abort.timed.out.transaction.cleanup.interval.ms=200",
		"log.cleaner.dedupe.buffer.size=4194304", // its default is a quarter of the memory that the process has
		"num.network.threads=2",
		"num.io.threads=4",
	}
	lines = append(lines, s.saslLines()...)
	lines = append(lines, s.aclLines()...)
	lines = append(lines, s.tlsLines(home)...)
	return strings.Join(lines, "\n") + "\n"
}

func (s setup) advertised(p ports) string {
	if s.front != nil {
		return s.front.address()
	}
	return p.client.Address()
}

func (s setup) protocol() string {
	switch sasl, tls := len(s.options.Users) > 0, s.certificates != nil; {
	case sasl && tls:
		return "SASL_SSL"
	case sasl:
		return "SASL_PLAINTEXT"
	case tls:
		return "SSL"
	default:
		return "PLAINTEXT"
	}
}

func (s setup) saslLines() []string {
	if len(s.options.Users) == 0 {
		return nil
	}
	const security = "org.apache.kafka.common.security."
	login := security + "plain.PlainLoginModule required"
	for _, u := range s.options.Users {
		if u.Mechanism == Plain {
			login += " user_" + u.Name + "=" + quoted(u.Password)
		}
	}
	return []string{
		"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		"listener.name.client.plain.sasl.jaas.config=" + escaped(login+";"),
		"listener.name.client.scram-sha-256.sasl.jaas.config=" + security + "scram.ScramLoginModule required;",
		"listener.name.client.scram-sha-512.sasl.jaas.config=" + security + "scram.ScramLoginModule required;",
	}
}

// aclLines: whoever comes to the internal listener, which only the broker and this package know, is ANONYMOUS.
func (s setup) aclLines() []string {
	if !s.options.ACLs {
		return nil
	}
	return []string{
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users=User:ANONYMOUS",
	}
}

func (s setup) tlsLines(home string) []string {
	if s.certificates == nil {
		return nil
	}
	auth := "none"
	if s.options.TLS == MutualTLS {
		auth = "required"
	}
	const listener = "listener.name.client.ssl."
	return []string{
		listener + "keystore.type=PEM", listener + "keystore.location=" + filepath.Join(home, keyFile),
		listener + "truststore.type=PEM", listener + "truststore.location=" + filepath.Join(home, trustFile),
		listener + "client.auth=" + auth,
	}
}

// quoted is a value as Kafka's jaas.config wants it (java.io.StreamTokenizer: a backslash escapes).
func quoted(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// escaped is a value as a file of Java properties wants it.
func escaped(value string) string { return strings.ReplaceAll(value, `\`, `\\`) }
