package workspace

import (
	"math"
	"time"
)

// tier is how many calls a minute a method allows, per app and workspace.
type tier int

// Slack's tiers. unlimited is for the methods with "special" limits that are
// not published.
const (
	unlimited tier = 0
	tier1     tier = 1
	tier2     tier = 20
	tier3     tier = 50
	tier4     tier = 100
)

// postsPerMinute is the workspace-wide limit of chat.postMessage ("some
// hundreds").
const postsPerMinute = 300

// bucket is a token bucket.
type bucket struct {
	tokens, size, perSecond float64
	at                      time.Time
}

// take removes a token, or says how long it will be until there is one.
func (b *bucket) take(now time.Time) (wait time.Duration) {
	b.tokens = min(b.size, b.tokens+now.Sub(b.at).Seconds()*b.perSecond)
	b.at = now
	if b.tokens >= 1 {
		b.tokens--
		return 0
	}
	return time.Duration((1 - b.tokens) / b.perSecond * float64(time.Second))
}

// limit takes a token from the bucket called name, which is made at need.
func (w *Workspace) limit(name string, size, perSecond float64) *apiError {
	b := w.buckets[name]
	if b == nil {
		b = &bucket{tokens: size, size: size, perSecond: perSecond, at: w.now()}
		w.buckets[name] = b
	}
	if wait := b.take(w.now()); wait > 0 {
		return rateLimited(wait)
	}
	return nil
}

// limitMethod enforces the method's tier.
func (w *Workspace) limitMethod(method string, t tier) *apiError {
	if w.opt.Rates == RatesOff || t == unlimited {
		return nil
	}
	size := float64(t)
	if w.opt.Rates == RatesStrict {
		size = math.Max(1, size/4)
	}
	return w.limit(method, size, float64(t)/60)
}

// limitPost enforces one message a second per channel.
func (w *Workspace) limitPost(channel string) *apiError {
	if w.opt.Rates == RatesOff {
		return nil
	}
	burst := 5.0
	if w.opt.Rates == RatesStrict {
		burst = 1
	}
	if err := w.limit("post "+channel, burst, 1); err != nil {
		return err
	}
	return w.limit("post", postsPerMinute, postsPerMinute/60)
}

// rateLimited is the answer 429; Retry-After is in whole seconds, at least 1.
func rateLimited(wait time.Duration) *apiError {
	seconds := max(1, math.Ceil(wait.Seconds()))
	return &apiError{code: "ratelimited", status: 429, retryAfter: time.Duration(seconds) * time.Second}
}
