package redis

import (
	"context"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

const (
	// readAtOnce is how many keys one pipeline reads.
	readAtOnce = 1_000
	// firstRead is how much of a string is read at first. Few are longer.
	firstRead = 16 << 10
	// bytesAtOnce is how much memory the long values of one pipeline take at most.
	bytesAtOnce = 4 << 20
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
	values := valuesOf(keys)
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
	if err := t.exec(ctx, asking, pipe, a); err != nil {
		return err
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
