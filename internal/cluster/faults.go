package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// FaultKind is a way of going wrong.
type FaultKind string

// The kinds of fault of a request.
const (
	HangUp  FaultKind = "hang up" // the connection breaks without an answer, and nothing was done
	Hang    FaultKind = "hang"    // nothing is answered before Delay has passed or the client gives up
	Slow    FaultKind = "slow"    // it is answered, after Delay
	Refused FaultKind = "refused" // answered with Status: 500, 503, 429 with RetryAfter, …
	Lost    FaultKind = "lost"    // it is done, and then the connection breaks without an answer
	Unclear FaultKind = "unclear" // it is done, and answered with Status all the same, as a proxy does that lost patience
)

// Fault makes requests go wrong. For a server that is not there at all see [Cluster.Down].
type Fault struct {
	Kind FaultKind
	// Path is how the path of a request begins; empty: all.
	Path string
	// Verb of the requests; empty: all.
	Verb       string
	Status     int           // for Refused and Unclear
	RetryAfter int           // seconds, for Refused and Unclear; clients ask again then
	Delay      time.Duration // for Hang and Slow; for Hang 0 is until the client gives up
	Count      int           // of requests that are hit; 0: until cleared
}

// Validate names what makes no sense.
func (f Fault) Validate() error {
	var errs []error
	if !slices.Contains([]FaultKind{HangUp, Hang, Slow, Refused, Lost, Unclear}, f.Kind) {
		errs = append(errs, fmt.Errorf("there is no fault %q", f.Kind))
	}
	if (f.Kind == Refused || f.Kind == Unclear) != (f.Status >= 400) {
		errs = append(errs, fmt.Errorf("a fault %q with the status %d", f.Kind, f.Status))
	}
	if f.Count < 0 || f.Delay < 0 || f.RetryAfter < 0 {
		errs = append(errs, errors.New("count, delay and retry after must not be negative"))
	}
	return errors.Join(errs...)
}

type faults struct {
	mu    sync.Mutex
	all   []*Fault
	cuts  chan struct{} // closed by CutStreams
	hangs chan struct{} // closed by ClearFaults
}

// Inject adds a fault.
func (c *Cluster) Inject(f Fault) error {
	if err := f.Validate(); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	c.faults.all = append(c.faults.all, &f)
	return nil
}

// ClearFaults ends all faults; requests that hang go on.
func (c *Cluster) ClearFaults() {
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	c.faults.all = nil
	if c.faults.hangs != nil {
		close(c.faults.hangs)
		c.faults.hangs = nil
	}
}

// CutStreams breaks every log stream and watch that is under way.
func (c *Cluster) CutStreams() {
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	if c.faults.cuts != nil {
		close(c.faults.cuts)
		c.faults.cuts = nil
	}
}

func (f *faults) cut() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cuts == nil {
		f.cuts = make(chan struct{})
	}
	return f.cuts
}

func (f *faults) cleared() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hangs == nil {
		f.hangs = make(chan struct{})
	}
	return f.hangs
}

// take is the fault that hits a request, which is used up; nil: none.
func (f *faults) take(a *ask) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, one := range f.all {
		if !strings.HasPrefix(a.path, one.Path) || one.Verb != "" && one.Verb != a.verb {
			continue
		}
		hit := *one
		if one.Count > 0 {
			if one.Count--; one.Count == 0 {
				f.all = slices.Delete(f.all, i, i+1)
			}
		}
		return &hit
	}
	return nil
}

// fail does to a request what a fault says; it reports whether that was all.
func (c *Cluster) fail(w *seen, r *http.Request, f *Fault) bool {
	switch f.Kind {
	case HangUp:
		panic(http.ErrAbortHandler) // how a handler of net/http breaks a connection
	case Hang, Slow:
		c.wait(r, f.Delay)
		return f.Kind == Hang && r.Context().Err() != nil
	case Refused:
		refuse(w, f.answer(r))
		return true
	case Unclear:
		w.ResponseWriter = &lost{header: http.Header{}}
		w.instead = f.answer(r)
		return false
	case Lost:
		w.ResponseWriter = &lost{header: http.Header{}}
		w.lost = true
		return false
	default:
		return false
	}
}

// answer is what a fault answers a request with.
func (f *Fault) answer(r *http.Request) error {
	if f.Status == http.StatusTooManyRequests {
		return apierrors.NewTooManyRequests("Too many requests, please try again later.", f.RetryAfter)
	}
	return apierrors.NewGenericServerResponse(f.Status, r.Method, newAsk(r).groupResource(), newAsk(r).name, "injected", f.RetryAfter, true)
}

// wait lasts until d has passed, the client gives up, faults are cleared or the cluster ends; 0: no time limit.
func (c *Cluster) wait(r *http.Request, d time.Duration) {
	over := make(chan struct{})
	if d > 0 {
		stop := c.options.Clock.AfterFunc(d, func() { close(over) })
		defer stop()
	}
	select {
	case <-over:
	case <-r.Context().Done():
	case <-c.faults.cleared():
	case <-c.done:
	}
}

// lost takes an answer that never arrives.
type lost struct{ header http.Header }

func (l *lost) Header() http.Header         { return l.header }
func (l *lost) Write(b []byte) (int, error) { return len(b), nil }
func (l *lost) WriteHeader(int)             {}

// Down makes the server go away: connections are cut, and new ones are refused until [Cluster.Up]. The controllers go
// on.
func (c *Cluster) Down() {
	c.mu.Lock()
	server := c.server
	c.server = nil
	c.mu.Unlock()
	if server != nil {
		_ = server.Close() // it ends the listener and all connections
	}
}

// Up makes the server come back at the address it had.
func (c *Cluster) Up(ctx context.Context) error {
	c.mu.Lock()
	address := c.address
	c.mu.Unlock()
	if address == "" {
		return errors.New("cluster: it has never listened")
	}
	return c.serve(ctx, address)
}
