package bot

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

// TestWhenSlackSaysToWaitNobodyAsks: Retry-After holds for everybody, and what
// is remembered has to do meanwhile, also for those who want it fresh.
func TestWhenSlackSaysToWaitNobodyAsks(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	m := newMemo[string]("usergroups.list", time.Minute, func() time.Time { return now }, nil)
	calls, limited := 0, false
	ask := func(context.Context) (string, error) {
		calls++
		if limited {
			return "", &slack.RateLimitedError{RetryAfter: 20 * time.Second}
		}
		return "groups", nil
	}
	get := func(key string, fresh bool) (string, error) { return m.get(t.Context(), key, fresh, ask) }
	expect := func(when string, wantCalls int, wantValue string, wantLimited bool, key string, fresh bool) {
		t.Helper()
		v, err := get(key, fresh)
		var limit *slack.RateLimitedError
		if calls != wantCalls || v != wantValue || errors.As(err, &limit) != wantLimited {
			t.Errorf("%s: %d calls, %q, %v", when, calls, v, err)
		}
	}
	expect("the first time", 1, "groups", false, "", false)
	now, limited = now.Add(30*time.Second), true
	expect("fresh, and Slack says to wait", 2, "groups", false, "", true)
	expect("fresh, while it has to wait", 2, "groups", false, "", true)
	expect("another key, while it has to wait", 2, "", true, "other", true)
	now, limited = now.Add(19*time.Second), false
	expect("still waiting", 2, "groups", false, "", true)
	now = now.Add(2 * time.Second)
	expect("after Retry-After", 3, "groups", false, "", true)
}
