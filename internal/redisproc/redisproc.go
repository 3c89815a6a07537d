// Package redisproc runs real Redis servers for as long as somebody needs them: for
// tests, and for the demo. They listen on loopback only, keep nothing on disk, and end
// with the process that started them, whatever ends that.
//
// It is no way to run a Redis that anybody's data is in.
package redisproc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/process"
)

// Shape is how servers belong together.
type Shape int

// The shapes.
const (
	Single  Shape = iota // one server
	Watched              // a primary, a replica and a sentinel
	Cluster              // three primaries
)

// Master is the sentinel's name of the primary.
const Master = "primary"

// Options say what to start. The zero value is one server without a password.
type Options struct {
	Shape Shape
	// Temp is where the servers' directory goes; default the usual place.
	Temp string
	// Settings are further ones for redis-server, by name.
	Settings map[string]string
}

// Server is one or more servers that belong together.
type Server struct {
	shape    Shape
	home     *process.Home
	nodes    []*Node
	sentinel *Node
	stop     sync.Once
}

// startPatience is how long starting may take when the caller gives no bound.
const startPatience = 30 * time.Second

// Start starts what the options say and waits until it serves. The caller stops it.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	binary, err := Find()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	home, err := process.NewHome(o.Temp, "ibredis-*")
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	s := &Server{shape: o.Shape, home: home}
	defer func() {
		if err != nil {
			s.Stop()
		}
	}()
	switch o.Shape {
	case Single:
		err = s.add(ctx, binary, o.Settings)
	case Watched:
		err = s.watched(ctx, binary, o.Settings)
	case Cluster:
		err = s.cluster(ctx, binary, o.Settings)
	default:
		err = errors.New("unknown shape")
	}
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	return s, nil
}

// add starts one more server.
func (s *Server) add(ctx context.Context, binary string, settings map[string]string) error {
	n, err := start(ctx, binary, s.home.Path(), len(s.nodes), settings)
	if err == nil {
		s.nodes = append(s.nodes, n)
	}
	return err
}

// Addr is where the first server listens: 127.0.0.1:port.
func (s *Server) Addr() string { return s.nodes[0].Addr() }

// Addrs are what a client is given: the server, the sentinel, or those of the cluster.
func (s *Server) Addrs() []string {
	if s.sentinel != nil {
		return []string{s.sentinel.Addr()}
	}
	var out []string
	for _, n := range s.nodes {
		out = append(out, n.Addr())
	}
	return out
}

// Nodes are the servers that hold keys, the primary first.
func (s *Server) Nodes() []*Node { return s.nodes }

// Stop ends all of it and removes its directory. It may be called more than once.
func (s *Server) Stop() {
	s.stop.Do(func() {
		if s.sentinel != nil {
			s.sentinel.Kill()
		}
		for _, n := range s.nodes {
			n.Kill()
		}
		s.home.Close()
	})
}
