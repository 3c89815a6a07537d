package redis

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	// findTries is how often the servers of a cluster are looked for that moves its slots,
	// and findPause lies in between.
	findTries = 5
	findPause = 200 * time.Millisecond
)

// primaries gives a client for each server that holds keys, in a stable order: one,
// but of a cluster.
func (t *Target) primaries(ctx context.Context, of goredis.UniversalClient) ([]primary, error) {
	if cluster, ok := of.(*goredis.ClusterClient); ok {
		return t.clustered(ctx, cluster)
	}
	info, err := t.info(ctx, of)
	if err != nil {
		return nil, err
	}
	if info["cluster_enabled"] == "1" { // it would show us its own keys and no others
		return nil, problemf("%s", t.answered(act{}, "MOVED"))
	}
	return []primary{{client: of, info: info}}, nil
}

// clustered finds the servers of a cluster. What the slots' owners are and which client
// speaks with whom is asked of the servers themselves: what the client's library
// remembers of that may be older than the cluster.
func (t *Target) clustered(ctx context.Context, cluster *goredis.ClusterClient) ([]primary, error) {
	for try := 1; ; try++ {
		found, whole, err := t.once(ctx, cluster)
		if err != nil || whole {
			return found, err
		}
		if try == findTries {
			return nil, problemf("%s", t.answered(act{}, "TRYAGAIN"))
		}
		if err := t.opts.Sleep(ctx, findPause); err != nil {
			return nil, fmt.Errorf("wait for the cluster to be at rest: %w", err)
		}
	}
}

// once looks for the servers of a cluster; whole is false if they do not agree, or move
// a slot just now: its keys are with two of them, and come to one that was scanned before.
func (t *Target) once(ctx context.Context, cluster *goredis.ClusterClient) (found []primary, whole bool, err error) {
	asking, cancel := t.ask(ctx)
	defer cancel()
	a := act{doing: "asking for the cluster's slots", command: "cluster slots"}
	slots, err := cluster.ClusterSlots(asking).Result() //nolint:staticcheck // CLUSTER SHARDS is only there from Redis 7 on
	if err != nil {
		return nil, false, t.problem(ctx, a, err)
	}
	if found, err = owners(slots); err != nil {
		return nil, false, problemf("Redis %s does not serve all of its slots: %v. Is a server of the cluster down?", t.opts.Place, err)
	}
	var mu sync.Mutex
	clients, resting := map[string]*goredis.Client{}, true
	err = cluster.ForEachMaster(asking, func(ctx context.Context, client *goredis.Client) error {
		nodes, err := client.ClusterNodes(ctx).Result()
		id, moves := myself(nodes)
		mu.Lock()
		defer mu.Unlock()
		clients[id], resting = client, resting && !moves
		return err
	})
	if err != nil {
		a.command = "cluster nodes"
		return nil, false, t.problem(ctx, a, err)
	}
	for i := range found {
		client, ok := clients[found[i].id]
		if !ok {
			return nil, false, nil
		}
		found[i].client = client
	}
	return found, resting && len(clients) == len(found), nil
}

// myself is what a server says of itself: its id, and whether it gives or takes a slot
// (Redis documentation, "CLUSTER NODES": [93-<-… and [93->-…).
func myself(nodes string) (id string, moves bool) {
	for line := range strings.Lines(nodes) {
		if words := strings.Fields(line); len(words) > 2 && strings.Contains(words[2], "myself") {
			return words[0], strings.Contains(line, " [")
		}
	}
	return "", false
}

// server is a primary at this moment: after a restart run is another one.
type server struct {
	primary
	run string
}

// same tells whether a server is still what it was: not restarted, with the same part,
// and with the same data behind it. A primary that gets its first replica names its data
// anew; of a replica another name means that all of its data was replaced.
func (s server) same(before server) bool {
	return s.run == before.run && s.layout() == before.layout() && s.info["role"] == before.info["role"] &&
		(!s.replica() || s.info["master_replid"] == before.info["master_replid"])
}

func (p primary) replica() bool { return p.info["role"] == "slave" }

// servers asks all primaries who they are. A replica may stand for its primary as long
// as it hears from it.
func (t *Target) servers(ctx context.Context, client goredis.UniversalClient) ([]server, error) {
	found, err := t.primaries(ctx, client)
	if err != nil {
		return nil, err
	}
	var out []server
	for _, p := range found {
		if p.info == nil {
			if p.info, err = t.info(ctx, p.client); err != nil {
				return nil, err
			}
		}
		if p.replica() && p.info["master_link_status"] != "up" {
			return nil, problemf("%s", t.answered(act{}, "MASTERDOWN"))
		}
		out = append(out, server{p, p.info["run_id"]})
	}
	return out, nil
}

// Replica tells whether what is read is a replica, which may be behind its primary.
func (t *Target) Replica(ctx context.Context) (bool, error) {
	all, err := t.servers(ctx, t.cl)
	if err != nil {
		return false, err
	}
	for _, one := range all {
		if one.replica() {
			return true, nil
		}
	}
	return false, nil
}

// info is what INFO says. Source of the names: Redis documentation, "INFO".
func (t *Target) info(ctx context.Context, client goredis.UniversalClient) (map[string]string, error) {
	asking, cancel := t.ask(ctx)
	defer cancel()
	text, err := client.Info(asking).Result()
	if err != nil {
		return nil, t.problem(ctx, act{doing: "asking who the server is", command: "info"}, err)
	}
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[name] = value
		}
	}
	if out["run_id"] == "" {
		return nil, fmt.Errorf("redis %s: INFO has no run_id", t.opts.Name)
	}
	return out, nil
}
