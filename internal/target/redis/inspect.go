package redis

import (
	"context"
	"time"
)

// Detail is what else can be told of a value.
type Detail struct {
	Value
	Encoding string
	// Idle is how long nobody has read it; negative: this Redis does not tell, because
	// its maxmemory-policy counts how often values are read instead.
	Idle time.Duration
}

// Inspect looks at one key without its value. A key that is not there is of kind None.
func (t *Target) Inspect(ctx context.Context, key string) (Detail, error) {
	d := Detail{Value: Value{Key: key}, Idle: -1}
	asking, cancel := t.ask(ctx)
	defer cancel()
	a := act{doing: "looking at a key", command: "type", key: key}
	kind, err := t.cl.Type(asking, key).Result()
	if err != nil {
		return d, t.problem(ctx, a, err)
	}
	if d.Kind = kind; kind == None {
		return d, nil
	}
	// The idle time comes first: looking at a value ends it.
	if idle, err := t.cl.ObjectIdleTime(asking, key).Result(); err == nil {
		d.Idle = idle
	}
	d.Encoding, _ = t.cl.ObjectEncoding(asking, key).Result()
	if size, err := t.cl.MemoryUsage(asking, key).Result(); err == nil {
		d.Size = size
	}
	ttl := t.cl.PTTL(asking, key)
	d.At = t.opts.Now()
	return d, t.problem(ctx, a, d.stays(ttl))
}
