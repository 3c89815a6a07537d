package shop

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

//go:embed sql/schema.sql
var schemaSQL string

//go:embed sql/keys.sql
var keysSQL string

//go:embed sql/references.sql
var referencesSQL string

// Planting says what is wrong in a shop.
type Planting int

const (
	// PlantAll plants every defect and every innocent look-alike.
	PlantAll Planting = iota
	// PlantLasting leaves out what is innocent only because it is young, for a shop that is looked at for longer
	// than MinimumAge.
	PlantLasting
	// PlantNone makes a shop in which every check passes.
	PlantNone
)

// Options say how large a shop is and what is wrong in it.
type Options struct {
	// Orders is the number of places for orders, at least 1,000; default 2,000. There are three times as many
	// items, nine tenths as many payments, a tenth as many customers (at least 300) and a sixtieth as many products
	// (at least 200), give or take the planted ones.
	Orders int
	// Seed determines every row; shops with equal options are equal.
	Seed int64
	// Now is the time of the newest rows; default: the database's clock.
	Now time.Time
	// Plant says what is wrong; default everything.
	Plant Planting
	// Defects are the kinds of defect that are planted, see Kinds; nil: all. What is innocent is planted in any case.
	Defects []string
	// Migrated is how long ago the last migration was made; default 130 minutes, shortly before what is planted.
	Migrated time.Duration
	// Plain leaves out the hostile texts, for a shop that is shown to people.
	Plain bool
	// Unclustered spreads the items of an order over the whole table, as years of traffic would.
	Unclustered bool
	// Progress, if given, is told how far the work is. Calls come one at a time.
	Progress func(Progress)
}

// Progress is how far Generate is.
type Progress struct {
	// Step is what is being done, for example "order_items" while rows are written, or "keys".
	Step string
	// Done and Total count rows; Total is 0 where it is not known.
	Done, Total int64
}

func (o Options) withDefaults() Options {
	if o.Orders == 0 {
		o.Orders = 2000
	}
	if o.Migrated == 0 {
		o.Migrated = 130 * time.Minute
	}
	return o
}

// Validate names what is wrong with the options.
func (o Options) Validate() error {
	var problems []error
	if o.Orders != 0 && (o.Orders < leastOrders || o.Orders > 100_000_000) {
		problems = append(problems, fmt.Errorf("shop: orders must be between %d and 100,000,000, not %d", leastOrders, o.Orders))
	}
	if o.Plant < PlantAll || o.Plant > PlantNone {
		problems = append(problems, fmt.Errorf("shop: there is no planting %d", o.Plant))
	}
	for _, kind := range o.Defects {
		if !slices.Contains(defects(), kind) {
			problems = append(problems, fmt.Errorf("shop: there is no kind of defect %q; the kinds are %s", kind, strings.Join(defects(), ", ")))
		}
	}
	return errors.Join(problems...)
}

// Generate makes a shop in the empty database at dsn and gives the truth about it. Planting a foreign key that
// does not hold needs a role that may set session_replication_role, usually a superuser. After an error the
// database holds part of a shop and should be dropped.
func Generate(ctx context.Context, dsn string, opt Options) (*Truth, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	opt = opt.withDefaults()
	l, err := openLoader(ctx, dsn, opt.Progress)
	if err != nil {
		return nil, err
	}
	defer l.close()
	if opt.Now.IsZero() {
		if err := l.main.QueryRow(ctx, "SELECT now()").Scan(&opt.Now); err != nil {
			return nil, fmt.Errorf("make shop: read the clock: %w", err)
		}
	}
	opt.Now = opt.Now.UTC().Truncate(time.Microsecond)

	pop := newPopulation(opt.Seed, opt.Now, opt.Orders)
	pop.migrated = opt.Now.Add(-opt.Migrated)
	truth := &Truth{Seed: opt.Seed, Now: opt.Now, Orders: pop.orders, Customers: pop.customers, Products: pop.products}
	if opt.Plant != PlantNone {
		if err := truth.sow(pop, opt); err != nil {
			return nil, err
		}
	}
	if truth.Rows, err = l.load(ctx, pop, opt); err != nil {
		return nil, err
	}
	return truth, nil
}

// sow plants every kind into the population and notes it.
func (t *Truth) sow(pop *population, opt Options) error {
	g := newSeeded(pop)
	b := &bed{ground: g, now: pop.now}
	for _, s := range seeds() {
		if s.young && opt.Plant == PlantLasting || !s.plain() && opt.Plain {
			continue
		}
		if opt.Defects != nil && !s.innocent && !slices.Contains(opt.Defects, s.kind) {
			continue
		}
		t.Plants = append(t.Plants, b.sowAll(s)...)
		pop.unvalidated = pop.unvalidated || s.kind == notValidKind
	}
	if g.full() {
		return fmt.Errorf("shop: %d orders are too few for everything that is planted", pop.orders)
	}
	pop.unchecked, pop.events = b.unchecked, b.events
	t.Reserved = b.reserved()
	t.sort()
	return t.validate()
}

// reserved lists what nobody may change without changing the truth.
func (b *bed) reserved() map[string][]string {
	ids := map[string][]string{}
	for _, o := range b.orders {
		ids["orders"] = append(ids["orders"], o.id)
	}
	for _, c := range b.customers {
		ids["customers"] = append(ids["customers"], c.id)
	}
	for _, p := range b.products {
		ids["products"] = append(ids["products"], p.id)
	}
	for _, list := range ids {
		slices.Sort(list)
	}
	return ids
}

// refuseExisting keeps Generate away from a database that is in use.
func refuseExisting(ctx context.Context, conn *pgx.Conn) error {
	var table *string
	err := conn.QueryRow(ctx, `
		SELECT min(c.oid::regclass::text) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
		  AND c.relname = ANY ($1)`, tables()).Scan(&table)
	if err != nil {
		return fmt.Errorf("make shop: look for tables: %w", err)
	}
	if table != nil {
		return fmt.Errorf("make shop: the database already has a table %s; use an empty database", *table)
	}
	return nil
}
