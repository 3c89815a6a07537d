package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// copied is what is known of one value that a plan changed.
type copied struct {
	batch, place int
	key          string
	digest       string
	size         int64
	expires      int64 // ms since 1970; 0: never
}

// copies reads what is known of the values that a plan changed, in the plan's order.
func (t *Target) copies(ctx context.Context, plan int64) ([]copied, error) {
	client, err := t.writer()
	if err != nil {
		return nil, err
	}
	records, err := t.records(ctx, plan)
	if err != nil {
		return nil, err
	}
	var out []copied
	for name := range records {
		err := t.eachKnown(ctx, client, name+endMeta, "*.*", func(place, text string) error {
			one, err := copiedOf(place, text)
			out = append(out, one)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return inOrder(out), nil
}

// eachKnown hands over the fields of what is known that match a pattern, each once.
func (t *Target) eachKnown(ctx context.Context, client goredis.UniversalClient, name, match string, each func(field, text string) error) error {
	seen := map[string]bool{}
	for cursor := uint64(0); ; {
		pairs, next, err := t.hscan(ctx, client, name, cursor, match)
		if err != nil {
			return err
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			if seen[pairs[i]] {
				continue
			}
			seen[pairs[i]] = true
			if err := each(pairs[i], pairs[i+1]); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

func (t *Target) hscan(ctx context.Context, client goredis.UniversalClient, name string, cursor uint64, match string) ([]string, uint64, error) {
	const count = 500
	asking, cancel := t.ask(ctx)
	defer cancel()
	pairs, next, err := client.HScan(asking, name, cursor, match, count).Result()
	return pairs, next, t.problem(ctx, act{doing: "reading what plans have kept", command: "hscan", clears: true}, err)
}

// copiedOf reads 12.3 and 1700000000000 512 string:… customer:7.
func copiedOf(place, text string) (copied, error) {
	batch, index, _ := strings.Cut(place, ".")
	parts := strings.SplitN(text, " ", 4)
	if len(parts) != 4 {
		return copied{}, fmt.Errorf("record of a plan: %s says %d things", place, len(parts))
	}
	c := copied{digest: parts[2], key: parts[3]}
	var errs [4]error
	c.batch, errs[0] = strconv.Atoi(batch)
	c.place, errs[1] = strconv.Atoi(index)
	c.expires, errs[2] = strconv.ParseInt(parts[0], 10, 64)
	c.size, errs[3] = strconv.ParseInt(parts[1], 10, 64)
	if err := errors.Join(errs[:]...); err != nil {
		return copied{}, fmt.Errorf("record of a plan: %s: %w", place, err)
	}
	return c, nil
}
