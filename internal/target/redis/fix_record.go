package redis

import (
	"context"
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
		return t.opts.Prefix + ":" + t.bot() + ":" + fix.Ref(plan)
	}
	return t.recordIn(plan, slotOf(key))
}

func (t *Target) recordIn(plan int64, slot int) string {
	return t.opts.Prefix + ":{" + t.tags()[slot] + "}:" + t.bot() + ":" + fix.Ref(plan)
}

// bot tells the records of two bots apart that share a prefix.
func (t *Target) bot() string {
	const letters = 8
	return sum(t.opts.Store)[:letters]
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

// records reads what is recorded of a plan, by the names of its records. Of a record
// that Redis has removed it is what stands beside what is known of its values.
func (t *Target) records(ctx context.Context, plan int64) (map[string]record, error) {
	client, err := t.writer()
	if err != nil {
		return nil, err
	}
	out := map[string]record{}
	names := t.recordNames(plan)
	for from := 0; from < len(names); from += recordsAtOnce {
		some := names[from:min(from+recordsAtOnce, len(names))]
		if err := t.someRecords(ctx, client, some, out); err != nil {
			return nil, err
		}
	}
	for _, r := range out {
		if owner, known := r[fieldStore]; known && owner != t.opts.Store {
			return nil, t.notOurs(plan)
		}
	}
	return out, nil
}

// record is what became of batches, by their numbers, and whose record it is.
type record map[string]string

// results are the batches of a record.
func (r record) results() ([]fix.Result, error) {
	var out []fix.Result
	for batch, text := range r {
		if batch == fieldStore || batch == fieldHash {
			continue
		}
		one, err := resultOf(batch, text)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (t *Target) someRecords(ctx context.Context, client goredis.UniversalClient, names []string, into map[string]record) error {
	asking, cancel := t.ask(ctx)
	defer cancel()
	a := act{doing: "reading what plans have done", command: "hgetall", clears: true}
	pipe := client.Pipeline()
	answers, known := make([]*goredis.MapStringStringCmd, len(names)), make([]*goredis.IntCmd, len(names))
	for i, name := range names {
		answers[i], known[i] = pipe.HGetAll(asking, name), pipe.Exists(asking, name+endMeta)
	}
	if _, err := pipe.Exec(asking); err != nil {
		return t.problem(ctx, a, err)
	}
	for i, answer := range answers {
		if len(answer.Val()) > 0 {
			into[names[i]] = answer.Val()
		}
		if known[i].Val() == 0 {
			continue
		}
		r := record{}
		for batch, text := range into[names[i]] {
			r[batch] = text
		}
		into[names[i]] = r
		err := t.eachKnown(ctx, client, names[i]+endMeta, markBatch+"*", func(field, text string) error {
			if batch := strings.TrimPrefix(field, markBatch); r[batch] == "" {
				r[batch] = text
			}
			return nil
		})
		if err != nil {
			return err
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
