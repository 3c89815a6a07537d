package config

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/declare"
)

// Kafka is a cluster to check.
type Kafka struct {
	Brokers  Brokers   `yaml:"brokers"`   // none: the target is off
	ClientID string    `yaml:"client_id"` // default integritybot
	TLS      *KafkaTLS `yaml:"tls"`       // given, even empty: TLS
	SASL     *SASL     `yaml:"sasl"`      // who reads; not given: nobody in particular
	// Replay: on lets plans produce here; default off.
	Replay string `yaml:"replay"`
	// ReplaySASL is who produces; not given: the same as reads.
	ReplaySASL *SASL `yaml:"replay_sasl"`
	// Prefix begins the names of the transactions and groups in which plans leave
	// their record, for ACLs; default integritybot.
	Prefix         string   `yaml:"prefix"`
	ConnectTimeout Duration `yaml:"connect_timeout"`
	RequestTimeout Duration `yaml:"request_timeout"`
}

// Sends tells whether plans may produce there.
func (k *Kafka) Sends() bool { return k.Replay == "on" }

// KafkaTLS is how the brokers prove who they are, and the bot if they want it to.
type KafkaTLS struct {
	CAFile     string `yaml:"ca_file"` // empty: the system's authorities
	CertFile   string `yaml:"cert_file"`
	KeyFile    string `yaml:"key_file"`
	ServerName string `yaml:"server_name"` // empty: the broker's host
}

// SASL is a user of the cluster.
type SASL struct {
	Mechanism string `yaml:"mechanism"` // plain, scram-sha-256 or scram-sha-512
	User      string `yaml:"user"`
	Password  Secret `yaml:"password"`
}

// Brokers are addresses, written as one text with commas or as a list.
type Brokers []string

// UnmarshalYAML takes a text or a list. What is empty, as a variable that is not
// set, is left out.
func (b *Brokers) UnmarshalYAML(node *yaml.Node) error {
	var texts []string
	if node.Kind == yaml.ScalarNode {
		texts = []string{node.Value}
	} else if err := node.Load(&texts); err != nil {
		return err
	}
	*b = nil
	for _, one := range strings.Split(strings.Join(texts, ","), ",") {
		if one = strings.TrimSpace(one); one != "" {
			*b = append(*b, one)
		}
	}
	return nil
}

var (
	mechanisms = []string{"plain", "scram-sha-256", "scram-sha-512"}
	// What may stand in the name of a topic or group.
	prefixForm = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,100}$`)
)

func (k *Kafka) defaults() {
	orString(&k.ClientID, "integritybot")
	orString(&k.Prefix, "integritybot")
	orString(&k.Replay, "off")
	for _, one := range []*SASL{k.SASL, k.ReplaySASL} {
		if one != nil {
			one.Mechanism = strings.ToLower(one.Mechanism)
		}
	}
}

func (k *Kafka) validate(t tree, p *Problems, name string) {
	bad := func(key, format string, args ...any) {
		p.add(t.line("targets", name, "kafka", key), "target "+name+": "+format, args...)
	}
	for _, one := range k.Brokers {
		if why := badAddress(one); why != "" {
			bad("brokers", "brokers: %q %s; write host:port, such as kafka-1.example.com:9092", one, why)
		}
	}
	if k.Replay != "on" && k.Replay != "off" {
		bad("replay", "replay is %q; on (plans may produce there) or off", k.Replay)
	}
	if !prefixForm.MatchString(k.Prefix) {
		bad("prefix", "prefix %q cannot begin the name of a group: letters, digits, dots, hyphens and underscores", k.Prefix)
	}
	if k.ConnectTimeout < 0 {
		bad("connect_timeout", "connect_timeout cannot be negative")
	}
	if k.RequestTimeout < 0 {
		bad("request_timeout", "request_timeout cannot be negative")
	}
	if s := k.TLS; s != nil && (s.CertFile == "") != (s.KeyFile == "") {
		bad("tls", "tls: cert_file and key_file go together: the bot's certificate and its key")
	}
	k.validateEmpty(t, name, bad)
	k.validateSASL("sasl", k.SASL, len(k.Brokers) > 0, bad)
	k.validateSASL("replay_sasl", k.ReplaySASL, len(k.Brokers) > 0 && k.Replay != "off", bad)
}

// validateEmpty refuses a key with nothing behind it, as it stays when what stood
// under it was commented out: whether TLS was meant is not to be guessed.
func (k *Kafka) validateEmpty(t tree, name string, bad declare.Bad) {
	if t.empty("targets", name, "kafka", "tls") {
		bad("tls", "tls: there is nothing behind it; write tls: {} for TLS with the system's authorities, or leave it out for none")
	}
	for _, key := range []string{"sasl", "replay_sasl"} {
		if t.empty("targets", name, "kafka", key) {
			bad(key, "%s: there is nothing behind it; give its mechanism, user and password, or leave it out", key)
		}
	}
}

// validateSASL lets what comes from variables be missing where it is not used.
func (k *Kafka) validateSASL(key string, s *SASL, used bool, bad declare.Bad) {
	switch {
	case s == nil:
	case s.Mechanism == "":
		bad(key, "%s: give its mechanism: %s", key, strings.Join(mechanisms, ", "))
	case !slices.Contains(mechanisms, s.Mechanism):
		bad(key, "%s: there is no mechanism %q%s It is one of %s.", key, s.Mechanism, declare.DidYouMean(s.Mechanism, mechanisms), strings.Join(mechanisms, ", "))
	case !used:
	case s.User == "":
		bad(key, "%s: the user is missing", key)
	case s.Password == "":
		bad(key, "%s: the password is missing; write password: ${KAFKA_PASSWORD} or ${file:/path}", key)
	}
}

// badAddress says what is wrong with the address of a broker; empty: nothing.
func badAddress(one string) string {
	if strings.Contains(one, "://") {
		return "begins with a scheme, which Kafka's addresses have not"
	}
	host, port, err := net.SplitHostPort(one)
	if err != nil {
		if !strings.Contains(one, ":") {
			return "has no port"
		}
		return "is not an address"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "has no port from 1 to 65535"
	}
	if host == "" {
		return "has no host"
	}
	return ""
}
