package kubetest

import (
	"os"
	"testing"
)

// Peer is one of the two things that answer as Kubernetes does.
type Peer string

// The peers.
const (
	InProcess Peer = "in-process"
	Real      Peer = "real"
)

// peerVariable names the peer of every test that does not say which one it wants.
const peerVariable = "INTEGRITYBOT_KUBE"

// Peers are those that a conformance suite runs on, each in a subtest of its name: the one in this process always, the
// real one where the tests are built with the tag "peers", as make test-all does, or where it has been asked for.
func Peers(t testing.TB) []Peer {
	t.Helper()
	if slowPeers || usual(t) == Real {
		return []Peer{InProcess, Real}
	}
	return []Peer{InProcess}
}

func usual(t testing.TB) Peer {
	t.Helper()
	switch named := Peer(os.Getenv(peerVariable)); named {
	case "":
		return InProcess
	case InProcess, Real:
		return named
	default:
		t.Fatalf("kubetest: %s is %q; it can be %q or %q", peerVariable, named, InProcess, Real)
		return ""
	}
}
