package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/declare"
)

// Kafka is a cluster to check.
type Kafka struct {
	Brokers  Addresses `yaml:"brokers"`   // none: the target is off
	ClientID string    `yaml:"client_id"` // default integritybot
	TLS      *TLS      `yaml:"tls"`       // given, even empty: TLS
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

// SASL is a user of the cluster.
type SASL struct {
	Mechanism string `yaml:"mechanism"` // plain, scram-sha-256 or scram-sha-512
	User      string `yaml:"user"`
	Password  Secret `yaml:"password"`
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
	k.TLS.validate(bad)
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
