package kubetest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

// shared is what the tests of a binary share. It has to be a global: the testing package offers no other place that
// lives as long as all tests of a binary.
var shared shelf //nolint:gochecknoglobals // see above

type shelf struct {
	names  atomic.Int64
	active atomic.Bool

	mu      sync.Mutex
	started *realCluster
	err     error
}

// Runner is what a TestMain runs: [testing.M], or [Tests] around it.
type Runner interface{ Run() int }

// Main runs the tests, ends the clusters, fails if goroutines are left (with the given exceptions), and exits.
func Main(m Runner, except ...goleak.Option) {
	code := Tests(m).Run()
	if code == 0 {
		if err := goleak.Find(except...); err != nil {
			fmt.Fprintf(os.Stderr, "goroutines left after the tests: %v\n", err)
			code = 1
		}
	}
	os.Exit(code)
}

// Tests is for a package whose TestMain has more to end than clusters: running it runs the tests and ends the clusters.
func Tests(m Runner) Runner { return tests{m} }

type tests struct{ inner Runner }

func (t tests) Run() int {
	shared.active.Store(true)
	defer shared.stop()
	return t.inner.Run()
}

func (s *shelf) running() bool { return s.active.Load() }

// cluster starts the real one at the first test that asks for it.
func (s *shelf) cluster(t testing.TB) *realCluster {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started == nil && s.err == nil {
		s.started, s.err = startReal(context.WithoutCancel(t.Context()), "")
	}
	if s.err != nil {
		t.Fatalf("kubetest: %v", s.err)
	}
	return s.started
}

func (s *shelf) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started != nil {
		s.started.Stop()
	}
	s.started, s.err = nil, nil
}
