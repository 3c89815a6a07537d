package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// State is what a Redis is like at one moment.
type State struct {
	Servers []ServerState
	Keys    int64 // the bot's own among them
	Memory  int64 // bytes, of all databases
	Reads   int64 // keys that were looked for since the start, found or not
	// Evicts is the policy by which keys with an expiry may be removed before that, if
	// memory is bounded; empty: none are.
	Evicts    string
	Databases int // that have keys
	At        time.Time
}

// ServerState is one server that holds keys.
type ServerState struct {
	Name string // for people
	Keys int64
}

// State asks all servers.
func (t *Target) State(ctx context.Context) (State, error) {
	servers, err := t.servers(ctx, t.cl)
	if err != nil {
		return State{}, err
	}
	var s State
	for _, one := range servers {
		keys, err := t.sizeOf(ctx, one.primary)
		if err != nil {
			return State{}, err
		}
		name := t.opts.Place
		if len(one.slots) > 0 {
			name = "slots " + one.layout()
		}
		s.Servers = append(s.Servers, ServerState{name, keys})
		s.Keys += keys
		s.add(one.info)
	}
	s.At = t.opts.Now()
	return s, nil
}

// add takes in what INFO says of one server.
func (s *State) add(info map[string]string) {
	number := func(name string) int64 {
		n, err := strconv.ParseInt(info[name], 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	s.Memory += number("used_memory")
	s.Reads += number("keyspace_hits") + number("keyspace_misses")
	if policy := info["maxmemory_policy"]; number("maxmemory") > 0 && policy != "noeviction" {
		s.Evicts = policy
	}
	databases := 0
	for name := range info {
		if n, ok := strings.CutPrefix(name, "db"); ok && n != "" && strings.Trim(n, "0123456789") == "" {
			databases++
		}
	}
	s.Databases = max(s.Databases, databases)
}

// Kept is what plans have left.
type Kept struct {
	Keys   int64 // in all
	Plans  int   // of which copies are kept
	Values int64 // copies
}

// Kept looks for what plans have left.
func (t *Target) Kept(ctx context.Context) (Kept, error) {
	var k Kept
	seen, plans := map[string]bool{}, map[string]bool{}
	err := t.Scan(ctx, Literal(t.opts.Prefix)+":*", func(keys []string) error {
		for _, key := range keys {
			if seen[key] {
				continue
			}
			seen[key] = true
			k.Keys++
			record, ok := strings.CutSuffix(key, endWas)
			if !ok {
				continue
			}
			plans[record[strings.LastIndexByte(record, ':')+1:]] = true
			n, err := t.length(ctx, key)
			if err != nil {
				return err
			}
			k.Values += n
		}
		return nil
	})
	k.Plans = len(plans)
	return k, err
}

func (t *Target) length(ctx context.Context, key string) (int64, error) {
	asking, cancel := t.ask(ctx)
	defer cancel()
	n, err := t.cl.HLen(asking, key).Result()
	if wrongType(err) {
		return 0, nil // no record of ours
	}
	return n, t.problem(ctx, act{doing: "counting copies", command: "hlen", key: key}, err)
}

// Sample gives some of the keys, evenly of all servers, and how many there are in all.
func (t *Target) Sample(ctx context.Context, most int) (keys []string, all int64, err error) {
	found, err := t.primaries(ctx, t.cl)
	if err != nil {
		return nil, 0, err
	}
	seen := map[string]bool{}
	for i, p := range found {
		n, err := t.sizeOf(ctx, p)
		if err != nil {
			return nil, 0, err
		}
		all += n
		enough := most * (i + 1) / len(found)
		for cursor := uint64(0); len(keys) < enough; {
			some, next, err := t.scanPiece(ctx, p, cursor, "*")
			if err != nil {
				return nil, 0, err
			}
			for _, key := range some {
				if !seen[key] {
					seen[key] = true
					keys = append(keys, key)
				}
			}
			if cursor = next; cursor == 0 {
				break
			}
		}
	}
	return keys, all, nil
}

// Ping is nil if Redis answers.
func (t *Target) Ping(ctx context.Context) error {
	found, err := t.primaries(ctx, t.cl)
	if err != nil {
		return err
	}
	for _, p := range found {
		if err := t.pingOne(ctx, p.client); err != nil {
			return err
		}
	}
	return nil
}

func (t *Target) pingOne(ctx context.Context, client goredis.UniversalClient) error {
	asking, cancel := t.ask(ctx)
	defer cancel()
	if err := client.Ping(asking).Err(); err != nil {
		return t.problem(ctx, act{doing: "asking whether it is there", command: "ping"}, fmt.Errorf("ping: %w", err))
	}
	return nil
}
