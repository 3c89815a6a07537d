package kafkatest

import (
	"os"
	"testing"
)

// Peer is one of the two things that answer as Kafka does.
type Peer string

// The peers.
const (
	Fake   Peer = "kfake"
	Apache Peer = "apache"
)

// peerVariable names the peer of every test that does not say which one it wants.
const peerVariable = "INTEGRITYBOT_KAFKA"

// Peers are those that a conformance suite runs on, each in a subtest of its name: kfake always, Apache Kafka where the
// tests are built with the tag "peers", as make test-all does, or where it has been asked for.
func Peers(t testing.TB) []Peer {
	t.Helper()
	if slowPeers || usual(t) == Apache {
		return []Peer{Fake, Apache}
	}
	return []Peer{Fake}
}

func usual(t testing.TB) Peer {
	t.Helper()
	switch named := Peer(os.Getenv(peerVariable)); named {
	case "":
		return Fake
	case Fake, Apache:
		return named
	default:
		t.Fatalf("kafkatest: %s is %q; it can be %q or %q", peerVariable, named, Fake, Apache)
		return ""
	}
}
