package kafkatest

import (
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Mechanism is how a user proves to be one (SASL), by the name that Kafka gives it.
type Mechanism string

// The mechanisms.
const (
	Plain       Mechanism = "PLAIN"
	ScramSHA256 Mechanism = "SCRAM-SHA-256"
	ScramSHA512 Mechanism = "SCRAM-SHA-512"
)

func (m Mechanism) known() bool { return m == Plain || m == ScramSHA256 || m == ScramSHA512 }

// User may log in. Names are unique in a cluster.
type User struct {
	Name, Password string
	Mechanism      Mechanism
}

func (u User) mechanism() sasl.Mechanism {
	switch u.Mechanism {
	case ScramSHA256:
		return scram.Auth{User: u.Name, Pass: u.Password}.AsSha256Mechanism()
	case ScramSHA512:
		return scram.Auth{User: u.Name, Pass: u.Password}.AsSha512Mechanism()
	default:
		return plain.Auth{User: u.Name, Pass: u.Password}.AsMechanism()
	}
}
