//go:build bench

package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	goredis "github.com/redis/go-redis/v9"

	"github.com/integritybot/integritybot/internal/message/phrase"
	"github.com/integritybot/integritybot/internal/shop"
)

// Goal S8.
const (
	cacheTime     = 10 * time.Second
	longestCall   = 20 * time.Millisecond
	timesAsFast   = 100
	noRedisClient = "redis-cli is not installed (`deploy/scripts/setup.sh all`)"
)

// measureCache is S8: every cached customer compared with its row, against somebody who does it key by key, and against
// a program that only reads the cache.
func measureCache(t *trial, b *bed) {
	c := b.fillCache(t)
	for round := range b.looks + 1 { // the first warms up
		c.round(t, b)
		if round == 0 {
			c.ours, c.theirs, c.reading = nil, nil, nil
		}
	}
	t.measured(c.row())
	b.note("S8", "PostgreSQL as Debian ships it, but `shared_buffers = 2GB`, and Redis %s, both on this machine; the cache is filled as the shop's service fills it (JSON, "+
		"expiries between 1 h and 23 h). Planted: %d values with an old name or email, %d of customers that do not exist, %d without an expiry, %d that stay longer than the policy allows; every "+
		"run of ours found exactly these, each with its reason, or the number would not be here. Ours is `integritybot check %s --full --output csv --unmasked` with the example config, from start to end of "+
		"the process; it looks at what is wrong three times, half a second apart, before it says so. Median of %d rounds after one that warms up: %s, of which %s is the processor time of `integritybot` itself. "+
		"Memory is its peak, without Redis and Postgres.",
		c.version, len(c.truth.Stale), len(c.truth.Missing), len(c.truth.Endless), len(c.truth.TooLong), cacheCheck, b.looks, rounded(tooks(c.ours)), seconds(median(cpus(c.ours))))
	b.note("S8", "The other side is one `redis-cli GET` and then one `psql -c 'SELECT *'` for each of %d customers, and nothing is compared; the time for all is extrapolated. "+
		"A fairer measure of what is possible: `SCAN` and pipelined `MGET` by go-redis, which read the cache alone, compare nothing and do not ask Postgres, take %s (%s values/s).",
		sampledKeys, seconds(median(c.reading)), humanize.Comma(perSecond(c.keys(), median(c.reading))))
	b.note("S8", "A call is one command as Redis' own slow log times it: everything above %s, in all %d rounds, the one that warms up included. It counts the time in which the machine gave Redis no processor in the "+
		"middle of a call; Redis was ready to run and had to wait for %s of the %s of these rounds. The longest of each command: %s. Commands of one run: %s.",
		loggedFrom, b.looks+1, seconds(c.slow.queued), seconds(c.checking), strings.Join(c.slow.each(), ", "), c.calls)
}

// cached is a cache with the database behind it, and what was measured there.
type cached struct {
	pg      server
	addr    string
	version string
	client  *goredis.Client
	truth   shop.CacheTruth
	rows    int // of the database

	ours    []checked
	theirs  []time.Duration // for sampledKeys keys
	reading []time.Duration
	slow    slowCalls
	// checking is how long all rounds of ours took.
	checking time.Duration
	calls    string // commands of one run of ours
}

func (c *cached) keys() int { return c.truth.Keys }

// round lets each side do its work once.
func (c *cached) round(t *trial, b *bed) {
	t.Helper()
	c.slow.reset(t, c.client)
	f := c.check(t, b)
	c.slow.read(t, c.client)
	c.calls = commandCounts(t, c.client)
	c.compareToTruth(t, f.out)
	c.ours, c.checking = append(c.ours, f), c.checking+f.took
	if took, ok := c.keyByKey(t); ok {
		c.theirs = append(c.theirs, took)
	}
	c.reading = append(c.reading, c.readOnly(t))
	t.Logf("ours %s (%s cpu, %s), Redis calls %v, %d keys by hand %v, only reading %s",
		f.took, f.cpu, megabytes(f.peak), c.slow.each(), sampledKeys, c.theirs, c.reading[len(c.reading)-1])
}

// check runs the built binary.
func (c *cached) check(t *trial, b *bed) checked {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out := filepath.Join(b.dir, "cache.csv")
	env := map[string]string{"SHOP_DSN": c.pg.DSN("shop", reader), "REDIS_ADDR": c.addr}
	f := watch(ctx, t, env, out, b.binary, "check", cacheCheck, "--full", "--output", "csv", "--unmasked", "--config", b.config())
	if f.code != exitFail {
		t.Fatalf("integritybot check ended with %q and not with exit status %d, which says that something is wrong in the cache\n%s", f.how, exitFail, tail(f.err))
	}
	return checked{f, out}
}

// row is the line in the table.
func (c *cached) row() row {
	n := c.keys()
	took, peak := median(tooks(c.ours)), int64(0)
	for _, f := range c.ours {
		peak = max(peak, f.peak)
	}
	wrong := len(c.truth.Stale) + len(c.truth.Missing) + len(c.truth.Endless) + len(c.truth.TooLong)
	theirs, fast := noRedisClient, false
	if len(c.theirs) > 0 {
		all := median(c.theirs) / sampledKeys * time.Duration(n)
		ratio := float64(all) / float64(took)
		fast = ratio >= timesAsFast
		theirs = fmt.Sprintf("%s keys/s by redis-cli and psql, key by key; extrapolated from %d keys to %s; ours is %s times as fast",
			humanize.Comma(perSecond(sampledKeys, median(c.theirs))), sampledKeys, phrase.Age(all), humanize.Comma(int64(ratio)))
	}
	return row{
		ID: "S8", Work: fmt.Sprintf("%s cached customers compared with %s rows", humanize.Comma(int64(n)), humanize.Comma(int64(c.rows))),
		Ours: fmt.Sprintf("%s, %s keys/s, peak %s, exact (%s findings); longest Redis call %s, %d over %d ms", seconds(took), humanize.Comma(perSecond(n, took)), megabytes(peak),
			humanize.Comma(int64(wrong)), c.slow.words(), c.slow.over, longestCall.Milliseconds()),
		Theirs: theirs, Goal: "≤ 10 s; no Redis call over 20 ms; ≥ 100 times as fast",
		Met: verdict(took <= cacheTime && c.slow.over == 0 && fast),
	}
}

func tooks(all []checked) []time.Duration {
	return durations(all, func(f checked) time.Duration { return f.took })
}

func cpus(all []checked) []time.Duration {
	return durations(all, func(f checked) time.Duration { return f.cpu })
}

func durations[T any](all []T, of func(T) time.Duration) []time.Duration {
	var out []time.Duration
	for _, one := range all {
		out = append(out, of(one))
	}
	return out
}

func perSecond(n int, took time.Duration) int64 { return int64(float64(n) / max(took, 1).Seconds()) }
