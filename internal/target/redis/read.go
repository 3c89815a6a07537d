package redis

import (
	"context"
	"errors"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	// readAtOnce is how many keys one pipeline reads.
	readAtOnce = 500
	// firstRead is how much of a string is read at first. Few are longer, and those are
	// read one by one.
	firstRead = 16 << 10
	// hashesAtOnce is how much memory the hashes of one pipeline take at most.
	hashesAtOnce = 4 << 20
)

// Strings reads values of which strings are expected, in the order of the keys. One of
// another kind has its kind and nothing else.
func (t *Target) Strings(ctx context.Context, keys []string) ([]Value, error) {
	return t.inPieces(ctx, keys, t.strings)
}

// Hashes reads values of which hashes are expected, in the order of the keys. One of
// another kind has its kind and nothing else.
func (t *Target) Hashes(ctx context.Context, keys []string) ([]Value, error) {
	return t.inPieces(ctx, keys, t.hashes)
}

// TTLs reads how long keys stay, without their values: those that are gone are None.
func (t *Target) TTLs(ctx context.Context, keys []string) ([]Value, error) {
	return t.inPieces(ctx, keys, func(ctx context.Context, values []Value) error {
		return t.pipelined(ctx, act{doing: "reading expiries", command: "pttl"}, values, func(pipe goredis.Pipeliner, v *Value) func() error {
			ttl := pipe.PTTL(ctx, v.Key)
			return func() error { return v.stays(ttl) }
		})
	})
}

func (t *Target) inPieces(ctx context.Context, keys []string, read func(context.Context, []Value) error) ([]Value, error) {
	values := make([]Value, len(keys))
	for i, key := range keys {
		values[i].Key = key
	}
	for from := 0; from < len(values); from += readAtOnce {
		if err := read(ctx, values[from:min(from+readAtOnce, len(values))]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// pipelined asks something of every value in one go. ask queues the question and gives
// what is done with the answer; answers of a wrong type are for that to judge.
func (t *Target) pipelined(ctx context.Context, a act, values []Value, ask func(goredis.Pipeliner, *Value) func() error) error {
	if len(values) == 0 {
		return nil
	}
	asking, cancel := t.ask(ctx)
	defer cancel()
	pipe := t.cl.Pipeline()
	answers := make([]func() error, len(values))
	for i := range values {
		answers[i] = ask(pipe, &values[i])
	}
	_, err := pipe.Exec(asking)
	var answered goredis.Error
	if err != nil && !errors.As(err, &answered) {
		return t.problem(ctx, a, err)
	}
	now := t.opts.Now()
	for i, answer := range answers {
		if err := answer(); err != nil {
			a.key = values[i].Key
			return t.problem(ctx, a, err)
		}
		if values[i].At.IsZero() { // the expiry is as old as the first answer
			values[i].At = now
		}
	}
	return nil
}

// stays takes in a TTL. Redis says -2 of a key that is gone and -1 of one without an
// expiry.
func (v *Value) stays(ttl *goredis.DurationCmd) error {
	d, err := ttl.Result()
	switch {
	case err != nil:
		return err
	case d == -2:
		v.Kind, v.Text, v.Fields = None, "", nil
	case d < 0:
		v.TTL = Forever
	default:
		v.TTL = d
	}
	return nil
}

// wrongType tells whether Redis says that a value is of another kind.
func wrongType(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "WRONGTYPE") }

func (t *Target) strings(ctx context.Context, values []Value) error {
	odd, long := map[string]bool{}, map[string]bool{}
	err := t.pipelined(ctx, act{doing: "reading values", command: "getrange"}, values, func(pipe goredis.Pipeliner, v *Value) func() error {
		text, ttl := pipe.GetRange(ctx, v.Key, 0, firstRead), pipe.PTTL(ctx, v.Key)
		return func() error {
			v.Kind, v.Text = String, text.Val()
			v.Size = int64(len(v.Text))
			switch err := text.Err(); {
			case wrongType(err):
				odd[v.Key] = true
			case err != nil:
				return err
			case len(v.Text) > firstRead:
				long[v.Key] = true
			}
			return v.stays(ttl)
		}
	})
	if err != nil {
		return err
	}
	if err := t.oneByOne(ctx, values, long, t.longString); err != nil {
		return err
	}
	return t.kinds(ctx, values, odd)
}

// oneByOne does something with some of the values.
func (t *Target) oneByOne(ctx context.Context, values []Value, which map[string]bool, do func(context.Context, *Value) error) error {
	for i := range values {
		if which[values[i].Key] && values[i].Kind != None {
			if err := do(ctx, &values[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// longString reads a string that is longer than most.
func (t *Target) longString(ctx context.Context, v *Value) error {
	asking, cancel := t.ask(ctx)
	defer cancel()
	length, err := t.cl.StrLen(asking, v.Key).Result()
	if err == nil && length <= MaxValue {
		v.Text, err = t.cl.GetRange(asking, v.Key, 0, MaxValue).Result()
		length = max(length, int64(len(v.Text)))
	}
	if wrongType(err) { // it changed just now
		v.Kind, v.Text, v.Size = None, "", 0
		return nil
	}
	v.Size = length
	if length > MaxValue {
		v.Text, v.Large = "", true
	}
	return t.problem(ctx, act{doing: "reading a long value", command: "getrange", key: v.Key}, err)
}

// kinds finds out what values are that are not what was expected.
func (t *Target) kinds(ctx context.Context, values []Value, odd map[string]bool) error {
	if len(odd) == 0 {
		return nil
	}
	return t.oneByOne(ctx, values, odd, func(ctx context.Context, v *Value) error {
		asking, cancel := t.ask(ctx)
		defer cancel()
		kind, err := t.cl.Type(asking, v.Key).Result()
		v.Kind, v.Text, v.Fields = kind, "", nil
		return t.problem(ctx, act{doing: "asking for the type of a value", command: "type", key: v.Key}, err)
	})
}

func (t *Target) hashes(ctx context.Context, values []Value) error {
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
	for from := 0; from < len(values); {
		to, size := from, int64(0)
		for ; to < len(values) && (to == from || size+values[to].Size <= hashesAtOnce); to++ {
			size += values[to].Size
		}
		if err := t.fields(ctx, values[from:to]); err != nil {
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
