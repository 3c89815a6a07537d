package redis

import (
	"context"
	"errors"
	"strings"

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
