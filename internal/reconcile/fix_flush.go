package reconcile

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
	"github.com/integritybot/integritybot/internal/target/redis"
)

const (
	// sampledKeys is how many keys a preview looks at to tell what else would go.
	sampledKeys = 20_000
	// strangeShown is how many kinds of others it names.
	strangeShown = 5
	// readsOver is how long it counts what is read.
	readsOver = 2 * time.Second
)

// flush makes a plan that removes everything. It says what that costs.
func (p *planner) flush(ctx context.Context, o fix.Order) (fix.Draft, error) {
	if len(o.Select) > 0 || o.Limit > 0 {
		return fix.Draft{}, problemf("A flush removes everything: there is nothing to choose. Leave keys, pattern and --limit out, or clear.")
	}
	before, err := p.cache.State(ctx)
	if err != nil {
		return fix.Draft{}, err
	}
	kept, err := p.cache.Kept(ctx)
	if err != nil {
		return fix.Draft{}, err
	}
	others, err := p.strangers(ctx)
	if err != nil {
		return fix.Draft{}, err
	}
	if err := p.cache.Sleep(ctx, readsOver); err != nil {
		return fix.Draft{}, fmt.Errorf("count what is read: %w", err)
	}
	after, err := p.cache.State(ctx)
	if err != nil {
		return fix.Draft{}, err
	}
	content, servers, err := p.cache.FlushAll(ctx)
	if err != nil {
		return fix.Draft{}, err
	}
	d := p.flushed(after, kept, servers)
	d.Content, d.Risk = content, risks(after, rate(before, after), others, kept)
	return d, nil
}

// flushed words a flush.
func (p *planner) flushed(s redis.State, kept redis.Kept, servers int) fix.Draft {
	keys := max(0, s.Keys-kept.Keys)
	d := fix.Draft{
		Does: fmt.Sprintf("flush %s: remove all %s", p.cache.Place(), phrase.Plural(keys, "key")), Button: "flush " + p.cache.Place(), Done: "flushed",
		Noun: "servers", Target: p.check.Target, Place: p.cache.Place(), Plain: true, Uncounted: true, Typed: p.cache.Place(),
		Rows: int64(servers), Found: int64(servers), Total: int64(servers),
		Irreversible: "what is flushed is gone, and no copy is kept",
		Heads:        []string{"what", "now", "then"},
		Samples:      []fix.Sample{{Key: "keys", Before: phrase.Count(keys), After: "0"}, {Key: "memory of the server", Before: size(s.Memory), After: ""}},
		Listing:      [][]string{{"server", "keys"}},
	}
	if servers == 1 {
		d.Noun = "server"
	}
	for _, one := range s.Servers {
		d.Listing = append(d.Listing, []string{one.Name, phrase.Count(one.Keys)})
	}
	return d
}

// rate is how many reads a second there were between two looks.
func rate(before, after redis.State) int64 {
	took := after.At.Sub(before.At).Seconds()
	if took <= 0 || after.Reads < before.Reads {
		return 0
	}
	return int64(float64(after.Reads-before.Reads) / took)
}

// risks says what a flush costs.
func risks(s redis.State, reads int64, o strangers, kept redis.Kept) string {
	out := []string{fmt.Sprintf("About %s a second are answered from this cache now (hits and misses); with nothing in it, each of them asks the database until the cache is warm again.", phrase.Plural(reads, "read"))}
	if o.keys > 0 {
		about := phrase.Count(o.keys)
		if o.sampled < o.all {
			about = fmt.Sprintf("of %s keys that were sampled %s", phrase.Count(o.sampled), about)
		}
		out = append(out, fmt.Sprintf("It also removes what no check of a cache knows: %s (such as %s). Make sure that these are no sessions, locks or queues.", about, strings.Join(o.examples, ", ")))
	}
	if kept.Plans > 0 {
		out = append(out, fmt.Sprintf("What %s kept for the way back (%s) goes with it: they can no longer be undone.", phrase.Plural(int64(kept.Plans), "earlier plan"), phrase.Plural(kept.Values, "value")))
	}
	if s.Databases > 1 {
		out = append(out, "Other databases of this server keep their keys.")
	}
	return strings.Join(out, " ")
}
