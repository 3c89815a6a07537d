package kafkatest

import (
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
	brokers map[string]*broker // shared ones, by what a test has to ask for to get them
	errs    map[string]error
}

// Runner is what a TestMain runs: [testing.M], or [Tests] around it.
type Runner interface{ Run() int }

// Main runs the tests, ends the brokers, fails if goroutines are left (with the given exceptions), and exits.
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

// Tests is for a package whose TestMain has more to end than brokers: running it runs the tests and ends the brokers.
func Tests(m Runner) Runner { return tests{m} }

type tests struct{ inner Runner }

func (t tests) Run() int {
	shared.active.Store(true)
	defer shared.stop()
	return t.inner.Run()
}

func (s *shelf) running() bool { return s.active.Load() }

// broker starts a broker at the first test that asks for one like it.
func (s *shelf) broker(t testing.TB, o Options, certificates *Certificates) *broker {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	key := o.key()
	if s.brokers == nil {
		s.brokers, s.errs = map[string]*broker{}, map[string]error{}
	}
	if s.brokers[key] == nil && s.errs[key] == nil {
		s.brokers[key], s.errs[key] = startBroker(setup{options: o, certificates: certificates})
	}
	if err := s.errs[key]; err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	return s.brokers[key]
}

func (s *shelf) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.brokers {
		if b != nil {
			b.end()
		}
	}
	s.brokers, s.errs = nil, nil
}
