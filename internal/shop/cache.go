package shop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// CachePolicy is how long a cached customer lives at most.
const CachePolicy = 24 * time.Hour

// Staleness is how many cached customers of each kind are wrong.
type Staleness struct {
	Stale   int // have a name or an email that the database has not any more
	Missing int // are of customers that do not exist
	Endless int // have no expiry
	TooLong int // expire later than CachePolicy allows
}

// CacheOptions say which shop is cached where.
type CacheOptions struct {
	Addr string // of a Redis that nobody else uses
	DSN  string // of the shop
	// Truth tells which customers are planted: no cached defect is about those.
	Truth *Truth
	// Customers is how many are cached; default 2,000, at most all.
	Customers int
	Wrong     Staleness
}

// CacheTruth is everything that was planted in a cache: keys, sorted.
type CacheTruth struct {
	Stale, Missing, Endless, TooLong []string
	// Keys is how many there are in all.
	Keys int
}

// CacheKey is the key under which a customer is cached.
func CacheKey(id string) string { return "customer:" + id }

// cachedCustomer is what the shop's service keeps of a customer.
type cachedCustomer struct {
	ID        string    `json:"id"`
	Email     *string   `json:"email"`
	Name      string    `json:"name"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// FillCache caches customers as the shop's service does, some of them wrongly, and gives the truth about it.
func FillCache(ctx context.Context, o CacheOptions) (CacheTruth, error) {
	if o.Customers == 0 {
		o.Customers = 2000
	}
	customers, err := customersToCache(ctx, o)
	if err != nil {
		return CacheTruth{}, err
	}
	wrong := o.Wrong.Stale + o.Wrong.Endless + o.Wrong.TooLong
	if len(customers) < wrong {
		return CacheTruth{}, fmt.Errorf("shop: %d customers are too few for %d wrong ones in the cache", len(customers), wrong)
	}
	client := redis.NewClient(&redis.Options{Addr: o.Addr})
	defer client.Close()
	f := &filling{ctx: ctx, pipe: client.Pipeline()}
	for i, c := range customers {
		f.one(i, c, o.Wrong)
	}
	for i := range o.Wrong.Missing {
		id := fmt.Sprintf("c%d", freshFloor+i)
		f.truth.Missing = append(f.truth.Missing, CacheKey(id))
		f.put(cachedCustomer{ID: id, Name: "Kim Lund", UpdatedAt: time.Now().UTC()}, f.lives())
	}
	if err := f.flush(); err != nil {
		return CacheTruth{}, fmt.Errorf("shop: fill the cache: %w", err)
	}
	f.truth.sort()
	return f.truth, nil
}

// customersToCache reads ordinary customers, so that no planted one is cached.
func customersToCache(ctx context.Context, o CacheOptions) (customers []cachedCustomer, err error) {
	conn, err := pgx.Connect(ctx, o.DSN)
	if err != nil {
		return nil, fmt.Errorf("shop: fill the cache: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	rows, err := conn.Query(ctx, `SELECT id, email, name, updated_at FROM customers WHERE id ~ '^c[0-9]+$' AND id <> ALL (coalesce($1::text[], '{}')) ORDER BY id LIMIT $2`,
		o.Truth.Reserved["customers"], o.Customers)
	if err != nil {
		return nil, fmt.Errorf("shop: read customers: %w", err)
	}
	customers, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c cachedCustomer, err error) {
		err = row.Scan(&c.ID, &c.Email, &c.Name, &c.UpdatedAt)
		c.UpdatedAt = c.UpdatedAt.UTC()
		return c, err
	})
	return customers, err
}

// filling is a cache that is being filled.
type filling struct {
	ctx   context.Context
	pipe  redis.Pipeliner
	truth CacheTruth
	err   error
}

// one caches a customer, the first ones wrongly.
func (f *filling) one(i int, c cachedCustomer, wrong Staleness) {
	key, ttl := CacheKey(c.ID), f.lives()
	switch {
	case i < wrong.Stale:
		f.truth.Stale = append(f.truth.Stale, key)
		if i%2 == 0 {
			c.Name += " (before the wedding)"
		} else {
			c.Email = ptr("old." + c.ID + "@example.com")
		}
	case i < wrong.Stale+wrong.Endless:
		f.truth.Endless = append(f.truth.Endless, key)
		ttl = 0
	case i < wrong.Stale+wrong.Endless+wrong.TooLong:
		f.truth.TooLong = append(f.truth.TooLong, key)
		ttl = 30 * 24 * time.Hour
	}
	f.put(c, ttl)
}

// lives spreads expiries over the policy's length, so that they do not come at once.
func (f *filling) lives() time.Duration {
	return time.Hour + time.Duration(f.truth.Keys*7919%int((CachePolicy-2*time.Hour)/time.Second))*time.Second
}

const fillAtOnce = 1000

func (f *filling) put(c cachedCustomer, ttl time.Duration) {
	text, err := json.Marshal(c)
	if err != nil {
		f.err = errors.Join(f.err, err)
		return
	}
	f.truth.Keys++
	f.pipe.Set(f.ctx, CacheKey(c.ID), text, ttl)
	if f.pipe.Len() >= fillAtOnce {
		f.err = errors.Join(f.err, f.flush())
	}
}

func (f *filling) flush() error {
	if _, err := f.pipe.Exec(f.ctx); err != nil {
		f.err = errors.Join(f.err, err)
	}
	return f.err
}

func (t *CacheTruth) sort() {
	for _, keys := range [][]string{t.Stale, t.Missing, t.Endless, t.TooLong} {
		slices.Sort(keys)
	}
}
