package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/integritybot/integritybot/internal/fix"
)

// The ends of the names of a plan's record.
const (
	endMeta = ":keys"
	endWas  = ":was"
)

// recordName is the key of a plan's record, in the slot of a key.
func (t *Target) recordName(plan int64, key string) string {
	if t.opts.Mode != Cluster {
		return t.opts.Prefix + ":" + fix.Ref(plan)
	}
	return t.recordIn(plan, slotOf(key))
}

func (t *Target) recordIn(plan int64, slot int) string {
	return t.opts.Prefix + ":{" + t.tags()[slot] + "}:" + fix.Ref(plan)
}

// Own tells whether a key is one of the bot's own.
func (t *Target) Own(key string) bool { return strings.HasPrefix(key, t.opts.Prefix+":") }

// recordNames are all keys under which a plan may have left a record.
func (t *Target) recordNames(plan int64) []string {
	if t.opts.Mode != Cluster {
		return []string{t.recordName(plan, "")}
	}
	out := make([]string, slotCount)
	for slot := range out {
		out[slot] = t.recordIn(plan, slot)
	}
	return out
}

// recordsAtOnce is how many records one pipeline reads.
const recordsAtOnce = 1_000

// records reads what is recorded of a plan, by the names of its records.
func (t *Target) records(ctx context.Context, plan int64) (map[string]map[string]string, error) {
	client, err := t.writer()
	if err != nil {
		return nil, err
	}
	out := map[string]map[string]string{}
	names := t.recordNames(plan)
	for from := 0; from < len(names); from += recordsAtOnce {
		some := names[from:min(from+recordsAtOnce, len(names))]
		if err := t.someRecords(ctx, client, some, out); err != nil {
			return nil, err
		}
	}
	for _, record := range out {
		if owner := record["store"]; owner != t.opts.Store {
			return nil, t.notOurs(plan)
		}
	}
	return out, nil
}

func (t *Target) someRecords(ctx context.Context, client goredis.UniversalClient, names []string, into map[string]map[string]string) error {
	asking, cancel := t.ask(ctx)
	defer cancel()
	pipe := client.Pipeline()
	answers := make([]*goredis.MapStringStringCmd, len(names))
	for i, name := range names {
		answers[i] = pipe.HGetAll(asking, name)
	}
	if _, err := pipe.Exec(asking); err != nil {
		return t.problem(ctx, act{doing: "reading what plans have done", command: "hgetall", clears: true}, err)
	}
	for i, answer := range answers {
		if len(answer.Val()) > 0 {
			into[names[i]] = answer.Val()
		}
	}
	return nil
}

func (t *Target) notOurs(plan int64) error {
	return problemf("Redis %s has a record of %s that another bot left under the same prefix (%s): give each bot a prefix of its own.", t.opts.Place, fix.Ref(plan), t.opts.Prefix)
}

// resultOf reads what became of a batch: 1700000000000 uucg.
func resultOf(batch, text string) (fix.Result, error) {
	n, err := strconv.Atoi(batch)
	if err != nil {
		return fix.Result{}, fmt.Errorf("record of a plan: batch %q: %w", batch, err)
	}
	millis, letters, ok := strings.Cut(text, " ")
	at, err := strconv.ParseInt(millis, 10, 64)
	if err != nil || !ok {
		return fix.Result{}, fmt.Errorf("record of a plan: batch %d says %q", n, text)
	}
	r := fix.Result{Batch: n, Pass: 1, At: time.UnixMilli(at).UTC()}
	for i, letter := range letters {
		why, skipped := whyOf(letter)
		if skipped {
			r.Skipped = append(r.Skipped, fix.Skipped{Index: i, Why: why})
			continue
		}
		r.Changed++
	}
	return r, nil
}

// Further reasons why a value was left alone.
const (
	whyExpired   fix.Why = "would have expired by now"
	whyForgotten fix.Why = "its copy is gone"
	whyDenied    fix.Why = "Redis refused it"
)

func whyOf(letter rune) (why fix.Why, skipped bool) {
	switch letter {
	case outcomeDone:
		return "", false
	case outcomeChanged:
		return fix.WhyChanged, true
	case outcomeGone:
		return fix.WhyGone, true
	case outcomeRight:
		return fix.WhyUnless, true
	case outcomeTaken:
		return fix.WhyTaken, true
	case outcomeForgotten:
		return whyForgotten, true
	case outcomeExpired:
		return whyExpired, true
	}
	return whyDenied, true
}

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
		if out, err = t.scanCopies(ctx, client, name+endMeta, out); err != nil {
			return nil, err
		}
	}
	return inOrder(out), nil
}

func (t *Target) scanCopies(ctx context.Context, client goredis.UniversalClient, name string, out []copied) ([]copied, error) {
	const count = 500
	seen := map[string]bool{}
	for cursor := uint64(0); ; {
		pairs, next, err := t.hscan(ctx, client, name, cursor, count)
		if err != nil {
			return nil, err
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			if seen[pairs[i]] {
				continue
			}
			seen[pairs[i]] = true
			one, err := copiedOf(pairs[i], pairs[i+1])
			if err != nil {
				return nil, err
			}
			out = append(out, one)
		}
		if cursor = next; cursor == 0 {
			return out, nil
		}
	}
}

func (t *Target) hscan(ctx context.Context, client goredis.UniversalClient, name string, cursor uint64, count int64) ([]string, uint64, error) {
	asking, cancel := t.ask(ctx)
	defer cancel()
	pairs, next, err := client.HScan(asking, name, cursor, "", count).Result()
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
