package redis

import (
	"context"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Scan hands over the keys that match a pattern of MATCH, a piece at a time. A key may
// come more than once, because SCAN repeats itself; one that was there all along comes
// at least once. That holds only for one server: if it was restarted or changed
// meanwhile, or slots moved, the scan is a Problem. Errors of each end it and are given
// back as they are.
func (t *Target) Scan(ctx context.Context, pattern string, each func(keys []string) error) error {
	return t.scan(ctx, t.cl, pattern, each)
}

func (t *Target) scan(ctx context.Context, client goredis.UniversalClient, pattern string, each func(keys []string) error) error {
	return t.through(ctx, client, func(p primary) error { return t.scanOne(ctx, p, pattern, each) })
}

// through goes through all servers, and makes sure that they stay what they are.
func (t *Target) through(ctx context.Context, client goredis.UniversalClient, each func(primary) error) error {
	before, err := t.servers(ctx, client)
	if err != nil {
		return err
	}
	for _, one := range before {
		if err := each(one.primary); err != nil {
			return err
		}
	}
	after, err := t.servers(ctx, client)
	if err != nil {
		return err
	}
	for i := range before {
		if len(after) != len(before) || !after[i].same(before[i]) {
			return problemf("Redis %s was restarted, or changed its primary or the servers of its slots while it was read, so keys may have been missed. Run it again.", t.opts.Place)
		}
	}
	return nil
}

// scanOne goes through the keys of one server.
func (t *Target) scanOne(ctx context.Context, p primary, pattern string, each func(keys []string) error) error {
	for cursor := uint64(0); ; {
		keys, next, err := t.scanPiece(ctx, p, cursor, pattern)
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			if err := each(keys); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

func (t *Target) scanPiece(ctx context.Context, p primary, cursor uint64, pattern string) (keys []string, next uint64, err error) {
	if err := t.paced.wait(ctx, t.opts, t.opts.ScanCount); err != nil {
		return nil, 0, err
	}
	asking, cancel := t.ask(ctx)
	defer cancel()
	keys, next, err = p.client.Scan(asking, cursor, pattern, int64(t.opts.ScanCount)).Result()
	if err != nil {
		return nil, 0, t.problem(ctx, act{doing: "scanning keys", command: "scan"}, err)
	}
	return keys, next, nil
}

// Near gives keys that match a pattern, out of the first that a few SCANs see: for a
// suggestion, and not for more.
func (t *Target) Near(ctx context.Context, pattern string, most int) ([]string, error) {
	const looks = 20
	found, err := t.primaries(ctx, t.cl)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range found {
		for cursor, n := uint64(0), 0; n < looks && len(out) < most; n++ {
			keys, next, err := t.scanPiece(ctx, p, cursor, pattern)
			if err != nil {
				return nil, err
			}
			out = append(out, keys...)
			if cursor = next; cursor == 0 {
				break
			}
		}
	}
	return out[:min(len(out), most)], nil
}

// Size is how many keys there are (DBSIZE), the bot's own among them.
func (t *Target) Size(ctx context.Context) (int64, error) {
	found, err := t.primaries(ctx, t.cl)
	if err != nil {
		return 0, err
	}
	var total int64
	for _, p := range found {
		n, err := t.sizeOf(ctx, p)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

func (t *Target) sizeOf(ctx context.Context, p primary) (int64, error) {
	asking, cancel := t.ask(ctx)
	defer cancel()
	n, err := p.client.DBSize(asking).Result()
	return n, t.problem(ctx, act{doing: "counting keys", command: "dbsize"}, err)
}

// pace keeps all reading of a target to so many keys a second.
type pace struct {
	mu   sync.Mutex
	free time.Time // from when on the next piece may be read
}

func (p *pace) wait(ctx context.Context, o Options, keys int) error {
	if o.MaxKeys <= 0 {
		return ctx.Err()
	}
	p.mu.Lock()
	now := o.Now()
	if p.free.Before(now) {
		p.free = now
	}
	pause := p.free.Sub(now)
	p.free = p.free.Add(time.Duration(float64(keys) / float64(o.MaxKeys) * float64(time.Second)))
	p.mu.Unlock()
	return o.Sleep(ctx, pause)
}
