package app

import (
	"context"
	"fmt"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/reconcile"
	"github.com/integritybot/integritybot/internal/target/postgres"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// redisOptions reads the files that the config names, as kafkaOptions does.
func redisOptions(name string, t config.Target, c *config.Config, store string) (redis.Options, error) {
	r := t.Redis
	o := redis.Options{
		Name: name, Place: t.Place, Addrs: r.Addr, Mode: redis.Mode(r.Mode), Master: r.Master, DB: r.DB,
		Login:         redis.Login{User: r.User, Password: redis.Secret(r.Password.Reveal())},
		SentinelLogin: redis.Login{User: r.SentinelUser, Password: redis.Secret(r.SentinelPassword.Reveal())},
		Clears:        r.Clears(), Prefix: r.Prefix, Store: store, Keep: c.Store.KeepImages.Std(),
		ScanCount: r.ScanCount, MaxKeys: r.MaxKeys, DialTimeout: r.ConnectTimeout.Std(), ReadTimeout: r.RequestTimeout.Std(),
	}
	if r.Clears() { // whoever would remove need not be known before
		o.Clearer = redis.Login{User: r.ClearUser, Password: redis.Secret(r.ClearPassword.Reveal())}
	}
	if r.TLS == nil {
		return o, nil
	}
	var err error
	o.TLS, err = tlsConfig(r.TLS)
	return o, err
}

// Reader implements reconcile.Rows: it reads the database itself, see databases.
func (d databases) Reader(ctx context.Context, from reconcile.From, pace reconcile.Pace) (reconcile.RowReader, error) {
	one, ok := d[from.Target]
	if !ok {
		return nil, &check.Problem{Sentence: "Target " + from.Target + " is off: the config gives no address for it, so I cannot look up there what cached values were made from."}
	}
	return one.Lookup(ctx, from.Table, from.Key, from.Columns, postgres.Pace(pace))
}

// cacheFix makes a fix ready to use, or says why it is not.
func (t *Targets) cacheFix(c *config.Config, one fix.Declared, words reconcile.Fix, clearing map[string]fix.Applier) fix.Declared {
	name := one.Check.Target
	target, on := t.redis[name]
	if !on {
		one.Off = fmt.Sprintf("the config gives no address for it (targets.%s.redis.addr)", name)
		return one
	}
	applier, clears := clearing[name]
	if !clears {
		one.Off = fmt.Sprintf("the config does not let plans remove values there (targets.%s.redis.clear: on)", name)
		return one
	}
	var others []reconcile.Declaration // whose values a flush takes with it
	for _, d := range c.Declared() {
		if other, ok := d.Declaration.(reconcile.Declaration); ok && d.Check.Target == name && d.Check.Name != one.Check.Name {
			others = append(others, other)
		}
	}
	one.Planner, one.Applier = words.Planner(target, t.rows, one.Check, others...), applier
	return one
}

// caches are the cache checks with what they compare.
func (t *Targets) caches(c *config.Config, catalog check.Catalog) []reconcile.Cache {
	known := catalog.ByName()
	var out []reconcile.Cache
	for _, d := range c.Declared() {
		if words, ok := d.Declaration.(reconcile.Declaration); ok {
			one := known[d.Check.Name]
			out = append(out, reconcile.Cache{Check: one, Declaration: words, Target: t.redis[one.Target], Rows: t.rows})
		}
	}
	return out
}
