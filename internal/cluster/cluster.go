package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/managedfields"
)

// Cluster is one Kubernetes cluster. All methods may be called at the same time; one mutex guards all state but the
// logs, and nothing waits for the network while holding it. What is stored is never changed, only replaced, so that
// what was read under the mutex may be written to a client without it.
type Cluster struct {
	options Options
	kinds   kinds
	scheme  *runtime.Scheme
	decoder runtime.Decoder
	types   managedfields.TypeConverter
	logs    logbook
	faults  faults
	journal journal

	mu       sync.Mutex
	closed   bool
	done     chan struct{} // closed by Close
	asOf     time.Time     // when an [Author] acts; zero: now
	version  uint64        // the last resource version given
	ids      uint64        // the last number that a uid or a name was made of
	objects  map[*kind]map[place]object
	managers map[managerKey]*managedfields.FieldManager
	history  []change
	gone     uint64        // the newest change that has left the history
	changed  chan struct{} // closed and replaced at each change
	pages    pages
	users    map[string]*User // by token
	hooks    []Hook
	broken   map[string]string // reason why containers do not start, by image
	jobs     func(JobStart) JobRun
	runs     map[place]*jobRun // what the pods of jobs are doing
	loads    map[place]int32   // how many replicas an autoscaler's metrics ask for
	meddlers []*meddler

	queue   []task
	queued  map[task]bool
	working bool
	idle    chan struct{} // closed when the controllers have nothing left to do

	certificate tls.Certificate
	trust       []byte // the certificate as PEM
	server      *http.Server
	address     string // host:port, kept over an outage
	wg          sync.WaitGroup
}

// New is a cluster with its usual namespaces and nothing in them. It does not listen yet: use Listen, or serve it as
// the [http.Handler] that it is.
func New(o Options) (*Cluster, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("cluster options: %w", err)
	}
	o = o.completed()
	known, err := newScheme()
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	types, err := newTypes(known)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	c := &Cluster{
		options: o, kinds: newKinds(), scheme: known, decoder: serializer.NewCodecFactory(known).UniversalDeserializer(), types: types,
		done: make(chan struct{}), changed: make(chan struct{}), idle: make(chan struct{}),
		objects: map[*kind]map[place]object{}, managers: map[managerKey]*managedfields.FieldManager{},
		users: map[string]*User{}, broken: map[string]string{}, runs: map[place]*jobRun{}, loads: map[place]int32{},
		queued: map[task]bool{}, jobs: func(JobStart) JobRun { return JobRun{} },
	}
	if c.certificate, c.trust, err = certificate(); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	close(c.idle)
	c.logs.limit, c.journal.limit = o.LogBytes, o.Journal
	for _, u := range o.Users {
		c.users[u.Token] = &u
	}
	for _, namespace := range []string{"default", "kube-system"} {
		if err := c.AddNamespace(namespace); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Listen serves HTTPS on addr, which has to be a loopback address ("127.0.0.1:0"), until Close, or until ctx ends. It returns
// once connections are accepted.
func (c *Cluster) Listen(ctx context.Context, addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("cluster: listen on %s: %w", addr, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("cluster: %s is not a loopback address", addr)
	}
	if err := c.serve(ctx, addr); err != nil {
		return err
	}
	c.wg.Go(func() {
		select {
		case <-ctx.Done():
			c.shut()
		case <-c.done:
		}
	})
	return nil
}

func (c *Cluster) serve(ctx context.Context, addr string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("cluster: listen on %s: %w", addr, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.server != nil {
		_ = listener.Close() // it was never used
		return errors.New("cluster: already listening or closed")
	}
	c.address = listener.Addr().String()
	server := &http.Server{
		Handler: c, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(c.options.Log.Handler(), slog.LevelDebug),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{c.certificate}, MinVersion: tls.VersionTLS12},
	}
	c.server = server
	c.wg.Go(func() {
		if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			c.options.Log.Error("the cluster stopped serving", "error", err)
		}
	})
	return nil
}

// Close ends every connection and waits for the goroutines of the cluster.
func (c *Cluster) Close() error {
	c.shut()
	c.wg.Wait()
	return nil
}

func (c *Cluster) shut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	close(c.done)
	if c.server != nil {
		_ = c.server.Close() // it ends the listener and all connections
	}
}

// URL is where the cluster listens, without a slash at the end; empty before Listen.
func (c *Cluster) URL() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.address == "" {
		return ""
	}
	return "https://" + c.address
}

// Now is the cluster's time.
func (c *Cluster) Now() time.Time { return c.options.Clock.Now().UTC() }
