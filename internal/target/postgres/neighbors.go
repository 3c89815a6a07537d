package postgres

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// neighbors measures what a polite check does to everybody else on the server:
// how long the smallest statement takes while a piece is being read, against
// while nothing of ours is. Whatever is short there, a processor above all,
// shows in the difference, and nothing has to be known about the machine. This
// is delay-based congestion control, as in LEDBAT (RFC 6817): the base delay is
// what a statement takes beside a resting check.
type neighbors struct {
	t       *Target
	reading atomic.Int64 // polite statements under way
	changes atomic.Int64 // of reading, so that a sample that saw one is dropped

	mu     sync.Mutex
	beside average // while a piece is read
	alone  average
	guests int // walks that want it measured
	stop   context.CancelFunc
	ended  chan struct{}
}

const (
	// askEvery lies between two samples: a dozen fall into one piece, and 50
	// smallest statements a second cost nobody anything.
	askEvery = 20 * time.Millisecond
	// sampleWeight is of one sample in the moving averages; enoughSamples is when
	// they are believed.
	sampleWeight  = 1.0 / 64
	enoughSamples = 24
	// maxRestRatio and maxRest bound a rest: a check must end some time.
	maxRestRatio = 60.0
	maxRest      = 15 * time.Second
	// shortest is a delay below which differences are the network's, in seconds.
	shortest = 100e-6
)

// average is an exponential moving average.
type average struct {
	n     int
	value float64 // seconds
}

func (a *average) add(v float64) {
	a.n++
	// Until there are enough, all count alike.
	weight := max(sampleWeight, 1/float64(a.n))
	a.value += weight * (v - a.value)
}

// slowdown is how many times as long others wait while a piece is read; 1 is
// not at all, and what is said while too little is known.
func (n *neighbors) slowdown() float64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.beside.n < enoughSamples || n.alone.n < enoughSamples {
		return 1
	}
	return max(1, max(n.beside.value, shortest)/max(n.alone.value, shortest))
}

// restRatio is how long to rest after a piece, as a multiple of its time, so
// that others wait at most tolerated longer on average over piece and rest: with
// a share d of the time spent reading, the average rises by d × (slowdown − 1).
func restRatio(slowdown, tolerated float64) float64 {
	if tolerated <= 0 {
		return 0
	}
	return min((slowdown-1)/tolerated-1, maxRestRatio)
}

// enter and leave mark a statement.
func (n *neighbors) enter() { n.changes.Add(1); n.reading.Add(1) }
func (n *neighbors) leave() { n.reading.Add(-1); n.changes.Add(1) }

// watch begins to measure for one more walk. What was learned before stays.
func (n *neighbors) watch() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.guests++; n.guests > 1 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.stop, n.ended = cancel, make(chan struct{})
	go func(ended chan struct{}) {
		defer close(ended)
		n.measure(ctx)
	}(n.ended)
}

// leaveOff ends that when no walk is left.
func (n *neighbors) leaveOff() {
	n.mu.Lock()
	n.guests--
	last, stop, ended := n.guests == 0, n.stop, n.ended
	n.mu.Unlock()
	if last {
		stop()
		<-ended
	}
}

// measure samples until ctx ends. A server that does not answer is the walk's
// trouble, which says so; nothing is learned meanwhile.
func (n *neighbors) measure(ctx context.Context) {
	for ctx.Err() == nil {
		s, err := n.t.session(ctx, nil, n.t.opts.Polite.StatementTimeout)
		if err == nil {
			err = n.sample(ctx, s)
			s.Release()
		}
		if err != nil && sleep(ctx, time.Second) != nil {
			return
		}
	}
}

func (n *neighbors) sample(ctx context.Context, s *Session) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		before, reading := n.changes.Load(), n.reading.Load() > 0
		began := time.Now() // not the injected clock: this measures the server
		if err := s.Each(ctx, "SELECT 1", nil, func(pgx.Rows) error { return nil }); err != nil {
			return err
		}
		if n.changes.Load() == before {
			n.took(time.Since(began), reading)
		}
	}
}

// took learns from one sample.
func (n *neighbors) took(d time.Duration, reading bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if reading {
		n.beside.add(d.Seconds())
	} else {
		n.alone.add(d.Seconds())
	}
}
