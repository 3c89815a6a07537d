package shop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Beginner begins transactions: a pgx connection or pool.
type Beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// Kinds gives the kinds of defect that Break can make, sorted.
func Kinds() []string {
	return slices.DeleteFunc(defects(), func(kind string) bool { return kind == notValidKind })
}

// defects gives the kinds of defect that a shop can be made with, sorted.
func defects() []string {
	var kinds []string
	for _, s := range seeds() {
		if !s.innocent {
			kinds = append(kinds, s.kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// Break makes one fresh defect in a running shop, of fresh rows only and older than MinimumAge, and gives its
// plants, one for each check that must find it; see Truth.With. It is for the demo and for tests. "fk-violated"
// needs a role that may set session_replication_role.
func Break(ctx context.Context, db Beginner, kind string) ([]Plant, error) {
	i := slices.IndexFunc(seeds(), func(s seed) bool { return s.kind == kind })
	if i < 0 || !slices.Contains(Kinds(), kind) {
		return nil, fmt.Errorf("break shop: there is no kind of defect %q; the kinds are %s", kind, strings.Join(Kinds(), ", "))
	}
	var plants []Plant
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		g, err := openLive(ctx, tx)
		if err != nil {
			return err
		}
		b := &bed{ground: g, now: g.now}
		plants = b.sowOne(seeds()[i])
		return b.write(ctx, tx)
	})
	if err != nil {
		return nil, fmt.Errorf("break shop: %s: %w", kind, err)
	}
	return plants, nil
}

// write writes what was sown into a running shop.
func (b *bed) write(ctx context.Context, tx pgx.Tx) error {
	conn := tx.Conn().PgConn()
	for _, t := range []struct {
		into string
		fill func(*sheet)
	}{
		{customerColumns, func(s *sheet) { each(b.customers, s.customer) }},
		{productColumns, func(s *sheet) { each(b.products, s.product) }},
		{movementColumns, func(s *sheet) {
			each(b.products, func(p *product) {
				for i := range p.movements {
					s.movement(&p.movements[i])
				}
			})
		}},
		{orderColumns, func(s *sheet) {
			each(b.orders, func(o *order) {
				if !o.gone {
					s.order(o)
				}
			})
		}},
		{itemColumns, func(s *sheet) {
			each(b.orders, func(o *order) {
				for i := range o.items {
					s.item(&o.items[i])
				}
			})
		}},
		{paymentColumns, func(s *sheet) {
			each(b.orders, func(o *order) {
				for i := range o.payments {
					s.payment(&o.payments[i])
				}
			})
		}},
	} {
		if _, err := copyRows(ctx, conn, t.into, nil, t.fill); err != nil {
			return err
		}
	}
	return writeUnchecked(ctx, tx, b.unchecked)
}

func each[T any](rows []*T, do func(*T)) {
	for _, row := range rows {
		do(row)
	}
}

// live is the ground of a running shop: fresh rows that refer to customers and products that are there.
type live struct {
	now       time.Time
	customers []string
	products  []string
	prices    []Amount
}

func openLive(ctx context.Context, tx pgx.Tx) (*live, error) {
	g := &live{}
	if err := tx.QueryRow(ctx, "SELECT now()").Scan(&g.now); err != nil {
		return nil, fmt.Errorf("read the clock: %w", err)
	}
	rows, err := tx.Query(ctx, "SELECT id FROM customers WHERE id ~ '^c[0-9]+$' ORDER BY id LIMIT 20")
	if err != nil {
		return nil, fmt.Errorf("look for customers: %w", err)
	}
	if g.customers, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return nil, fmt.Errorf("look for customers: %w", err)
	}
	rows, err = tx.Query(ctx, "SELECT id, price::text FROM products WHERE id ~ '^p[0-9]+$' ORDER BY id LIMIT 20")
	if err != nil {
		return nil, fmt.Errorf("look for products: %w", err)
	}
	var id, price string
	_, err = pgx.ForEachRow(rows, []any{&id, &price}, func() error {
		amount, err := ParseAmount(price)
		g.products, g.prices = append(g.products, id), append(g.prices, amount)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for products: %w", err)
	}
	if len(g.customers) == 0 || len(g.products) == 0 {
		return nil, fmt.Errorf("the shop has no customers or no products")
	}
	return g, nil
}

// freshFloor is above every number that a generated shop uses in its ids.
const freshFloor = 1_000_000_000_000

func freshNumber() int { return freshFloor + int(rand.Int64N(9*freshFloor)) }

func (g *live) number() int    { return freshNumber() }
func (g *live) chance() uint64 { return rand.Uint64() }
func (g *live) crowd() int     { return 20 }

func (g *live) goneCustomer() string { return fmt.Sprintf("c%d", freshNumber()) }
func (g *live) goneProduct() string  { return fmt.Sprintf("p%d", freshNumber()) }

func (g *live) anyProduct() (string, Amount) {
	i := rand.IntN(len(g.products))
	return g.products[i], g.prices[i]
}

func (g *live) order() *order {
	n := freshNumber()
	at := g.now.Add(-time.Hour)
	o := &order{
		id: fmt.Sprintf("o%d", n), customer: ptr(g.customers[rand.IntN(len(g.customers))]), status: completed, currency: Currency,
		created: at, updated: at,
	}
	for k := range 3 {
		product, price := g.anyProduct()
		o.items = append(o.items, item{
			id: fmt.Sprintf("i%d%d", n, k), order: &o.id, product: &product, quantity: 1 + rand.IntN(4), price: price, created: at,
		})
	}
	total, ref := o.sum(), fmt.Sprintf("ch_%x", g.chance())
	o.total = &total
	o.payments = []payment{{
		id: fmt.Sprintf("pay%d", n), order: &o.id, amount: total, currency: Currency, status: completed, ref: &ref, created: at, updated: at,
	}}
	return o
}

func (g *live) customer() *customer {
	n := freshNumber()
	at := g.now.Add(-history)
	return &customer{
		id: fmt.Sprintf("c%d", n), email: ptr(fmt.Sprintf("ada.berg.%d@example.com", n)), name: "Ada Berg", phone: ptr("+1-555-0142"),
		created: at, updated: at,
	}
}

func (g *live) strangeCustomer(id string) *customer {
	c := g.customer()
	c.id, c.email = id, nil
	return c
}

func (g *live) product() *product {
	n := freshNumber()
	at := g.now.Add(-time.Hour)
	p := &product{id: fmt.Sprintf("p%d", n), name: fmt.Sprintf("Kettle %d", n), price: 1999 * cent, stock: ptr(100), created: at, updated: at}
	p.movements = []movement{{id: fmt.Sprintf("m%d", n), product: p.id, quantity: 100, reason: "RECEIPT", created: at}}
	return p
}

func (g *live) strangeProduct(id string) *product {
	p := g.product()
	p.id, p.movements = id, nil
	return p
}
