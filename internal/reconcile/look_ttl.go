package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// ttlLook shows when keys expire, and what the policy says to that.
type ttlLook struct{ caches []Cache }

// Look implements look.Looker.
func (l *ttlLook) Look(ctx context.Context, q look.Question, _ func(check.Progress)) (look.Report, error) {
	if q.NoRows {
		return sharedAnswer()
	}
	caches, keys, err := asked(l.caches, q)
	if err != nil {
		return look.Report{}, err
	}
	var rows [][]string
	var first string
	against, missing := 0, 0
	for _, key := range keys {
		line, wrong, err := ttlOf(ctx, caches, key)
		if err != nil {
			return look.Report{}, err
		}
		if rows = append(rows, line); first == "" {
			first = line[0]
		}
		switch {
		case line[1] == notThere:
			missing++
		case wrong:
			against++
		}
	}
	head := message.Message{Parts: []message.Part{tableOf(rows, message.Column{Name: "key"}, message.Column{Name: "ttl"}, message.Column{Name: "expires"}, message.Column{Name: "policy"})}}
	if len(keys) == 1 {
		head.Headline = message.Join(message.Mono(first), ": ttl "+rows[0][1]+policyClause(rows[0]))
	} else {
		head.Headline = message.Text("%s: %d against the policy, %d not there", phrase.Plural(int64(len(keys)), "key"), against, missing)
	}
	return look.Report{Head: head}, nil
}

const notThere = "not there"

func policyClause(line []string) string {
	if line[3] == "" {
		return ""
	}
	return " (" + line[3] + ")"
}

// ttlOf is one key's line: key, ttl, when, and what the policy says.
func ttlOf(ctx context.Context, caches []Cache, key string) (line []string, wrong bool, err error) {
	cache, known := owner(caches, key)
	var value redis.Value
	if known {
		values, err := cache.Target.TTLs(ctx, []string{key})
		if err != nil {
			return nil, false, err
		}
		value = values[0]
	} else {
		detail, _, err := inspectAny(ctx, caches, key)
		if err != nil {
			return nil, false, err
		}
		value = detail.Value
	}
	line = []string{shownKey(cache, known, key), exactly(value), "", "belongs to no check"}
	if at := value.Expires(); !at.IsZero() && value.Kind != redis.None {
		line[2] = at.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	if known {
		line[3], wrong = cache.words().policy(value)
	}
	if value.Kind == redis.None {
		line[3], wrong = "", false
	}
	return line, wrong, nil
}

// exactly is a TTL to the second.
func exactly(v redis.Value) string {
	switch {
	case v.Kind == redis.None:
		return notThere
	case v.TTL == redis.Forever:
		return "none"
	case v.TTL < time.Second:
		return "under 1 s"
	}
	return v.TTL.Round(time.Second).String()
}

// policy says what the policy for expiries says to a value.
func (w *cacheWords) policy(v redis.Value) (says string, wrong bool) {
	longest := w.longest()
	switch {
	case v.TTL == redis.Forever && w.expiryRequired():
		return "needs an expiry", true
	case v.TTL == redis.Forever:
		return "needs none", false
	case longest > 0 && v.TTL > longest:
		return fmt.Sprintf("at most %s", phrase.Age(longest)), true
	}
	return "within the policy", false
}
