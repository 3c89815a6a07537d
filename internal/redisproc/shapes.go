package redisproc

import (
	"context"
	"fmt"
	"maps"
	"net"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// watched starts a primary, a replica of it, and a sentinel that lets the replica take
// over when the primary is gone for a second.
func (s *Server) watched(ctx context.Context, binary string, settings map[string]string) error {
	primary := map[string]string{"repl-diskless-sync-delay": "0"}
	maps.Copy(primary, settings)
	if err := s.add(ctx, binary, primary); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		return err
	}
	replica := maps.Clone(primary)
	replica["replicaof"] = host + " " + port
	replica["repl-diskless-load"] = "on-empty-db"
	if err := s.add(ctx, binary, replica); err != nil {
		return err
	}
	s.sentinel, err = start(ctx, binary, s.home.Path(), len(s.nodes), map[string]string{
		"sentinel monitor":                 strings.Join([]string{Master, host, port, "1"}, " "),
		"sentinel down-after-milliseconds": Master + " 1000",
		"sentinel failover-timeout":        Master + " 10000",
	})
	if err != nil {
		return err
	}
	sentinel := goredis.NewSentinelClient(&goredis.Options{Addr: s.sentinel.Addr()})
	defer func() { _ = sentinel.Close() }()
	return until(ctx, "the sentinel to know the replica", func() bool {
		master, err := sentinel.Master(ctx, Master).Result()
		return err == nil && master["num-slaves"] == "1" && s.synced(ctx)
	})
}

// synced tells whether the replica has all of the primary.
func (s *Server) synced(ctx context.Context) bool {
	client := goredis.NewClient(&goredis.Options{Addr: s.nodes[1].Addr()})
	defer func() { _ = client.Close() }()
	info, err := client.Info(ctx, "replication").Result()
	return err == nil && strings.Contains(info, "master_link_status:up")
}

// primaries is how many servers a cluster has.
const primaries = 3

// cluster starts primaries and gives each its part of the slots.
func (s *Server) cluster(ctx context.Context, binary string, settings map[string]string) error {
	own := map[string]string{"cluster-enabled": "yes", "cluster-config-file": "nodes.conf", "cluster-node-timeout": "5000", "cluster-port": "{bus}"}
	maps.Copy(own, settings)
	var clients []*goredis.Client
	defer func() {
		for _, c := range clients {
			_ = c.Close()
		}
	}()
	for range primaries {
		if err := s.add(ctx, binary, own); err != nil {
			return err
		}
	}
	const slots = 16384
	for i, n := range s.nodes {
		c := goredis.NewClient(&goredis.Options{Addr: n.Addr(), Password: settings["requirepass"]})
		clients = append(clients, c)
		if err := c.ClusterAddSlotsRange(ctx, i*slots/primaries, (i+1)*slots/primaries-1).Err(); err != nil {
			return fmt.Errorf("cluster: %w", err)
		}
	}
	for _, n := range s.nodes[1:] {
		if err := clients[0].Do(ctx, "cluster", "meet", "127.0.0.1", n.port.String(), n.bus.String()).Err(); err != nil {
			return fmt.Errorf("cluster: %w", err)
		}
	}
	return until(ctx, "the cluster to be whole", func() bool {
		for _, c := range clients {
			info, err := c.ClusterInfo(ctx).Result()
			if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprintf("cluster_size:%d", primaries)) {
				return false
			}
		}
		return true
	})
}

// until waits for something.
func until(ctx context.Context, what string, holds func() bool) error {
	const pause = 50 * time.Millisecond
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}
