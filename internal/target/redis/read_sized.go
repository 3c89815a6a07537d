package redis

import (
	"context"
	"errors"

	goredis "github.com/redis/go-redis/v9"
)

func (t *Target) hashes(ctx context.Context, values []Value) error {
	return t.hashesInGroups(ctx, values, func([]Value) error { return nil })
}

// hashesInGroups hands hashes over when they are read, not too large ones together.
func (t *Target) hashesInGroups(ctx context.Context, values []Value, each func([]Value) error) error {
	err := t.pipelined(ctx, act{doing: "reading values", command: "type"}, values, func(pipe goredis.Pipeliner, v *Value) func() error {
		sized, length := t.sized(ctx, pipe, v), pipe.HLen(ctx, v.Key)
		return func() error {
			if err := length.Err(); err != nil && !wrongType(err) {
				return err
			}
			err := sized()
			v.Large = v.Kind == Hash && (v.Size > MaxValue || length.Val() > maxFields)
			return err
		}
	})
	if err != nil {
		return err
	}
	return inGroups(values, func(some []Value) error {
		if err := t.fields(ctx, some); err != nil {
			return err
		}
		return each(some)
	})
}

// inGroups does something with values, not too large ones together.
func inGroups(values []Value, do func([]Value) error) error {
	for from := 0; from < len(values); {
		to, size := from, int64(0)
		for ; to < len(values) && (to == from || size+values[to].Size <= bytesAtOnce); to++ {
			size += values[to].Size
		}
		if err := do(values[from:to]); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// sized asks for the kind, the size in memory and the expiry of a value.
func (t *Target) sized(ctx context.Context, pipe goredis.Pipeliner, v *Value) func() error {
	kind, size, ttl := pipe.Type(ctx, v.Key), pipe.MemoryUsage(ctx, v.Key), pipe.PTTL(ctx, v.Key)
	return func() error {
		if err := kind.Err(); err != nil {
			return err
		}
		if err := size.Err(); err != nil && !errors.Is(err, goredis.Nil) {
			return err
		}
		v.Kind, v.Size = kind.Val(), size.Val()
		return v.stays(ttl)
	}
}

// fields reads the fields of those that are hashes.
func (t *Target) fields(ctx context.Context, values []Value) error {
	return t.pipelined(ctx, act{doing: "reading values", command: "hgetall"}, values, func(pipe goredis.Pipeliner, v *Value) func() error {
		if v.Kind != Hash || v.Large {
			return func() error { return nil }
		}
		fields := pipe.HGetAll(ctx, v.Key)
		return func() error {
			v.Fields = fields.Val()
			if wrongType(fields.Err()) || fields.Err() == nil && len(v.Fields) == 0 { // it changed or went just now
				v.Kind, v.Fields = None, nil
				return nil
			}
			return fields.Err()
		}
	})
}

// Dumps reads values of any kind as DUMP gives them, so that they can be told from
// others. Those that are too large stay unread.
func (t *Target) Dumps(ctx context.Context, keys []string) ([]Value, error) {
	values, err := t.inPieces(ctx, keys, func(ctx context.Context, values []Value) error {
		return t.pipelined(ctx, act{doing: "asking for sizes", command: "memory usage"}, values, func(pipe goredis.Pipeliner, v *Value) func() error {
			sized := t.sized(ctx, pipe, v)
			return func() error {
				err := sized()
				v.Large = v.Size > MaxValue
				return err
			}
		})
	})
	if err != nil {
		return nil, err
	}
	for i := range values {
		if err := t.dump(ctx, &values[i]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (t *Target) dump(ctx context.Context, v *Value) error {
	if v.Kind == None || v.Large {
		return nil
	}
	asking, cancel := t.ask(ctx)
	defer cancel()
	dump, err := t.cl.Dump(asking, v.Key).Result()
	if errors.Is(err, goredis.Nil) {
		v.Kind = None
		return nil
	}
	v.Dump = dump
	return t.problem(ctx, act{doing: "copying a value", command: "dump", key: v.Key}, err)
}
