package shop

import (
	"fmt"
	"strings"
	"time"
)

// seed is one kind of plant: what it is, how often it is sown, and how one of it is made. The families
// (orphans.go, duplicates.go, …) are tables of seeds.
type seed struct {
	kind     string
	innocent bool
	young    bool // innocent only because it is younger than MinimumAge
	times    int  // how many of it a shop gets
	about    string
	sow      func(*bed) []mark
}

// mark is what one sown plant means to one check.
type mark struct {
	check, class, table, constraint string
	keys                            []string
	kept                            string
	money                           Amount
	first, last                     time.Time
}

// seeds lists every kind, family by family.
func seeds() []seed {
	var all []seed
	for _, family := range []func() []seed{orphans, duplicates, totals, stock, payments, items, foreignKeys, hostile} {
		all = append(all, family()...)
	}
	return all
}

// ground is where planted rows come from: places of a population that is being made, or fresh rows in a shop
// that is running.
type ground interface {
	// order gives a fresh order that is right in everything: completed, in USD, with items, paid once.
	order() *order
	// customer and product give fresh ordinary rows; a product comes with the movements its stock is made of.
	customer() *customer
	product() *product
	// strangeCustomer and strangeProduct are the same with ids that are not of the usual form; the customer has
	// no email and the product no movements.
	strangeCustomer(id string) *customer
	strangeProduct(id string) *product
	// goneCustomer and goneProduct give the id of a row that was deleted.
	goneCustomer() string
	goneProduct() string
	// anyProduct gives a product that exists and its price.
	anyProduct() (string, Amount)
	// number gives a number that no other planted row has, for ids and variety.
	number() int
	// chance gives any number, the same for the same seed.
	chance() uint64
	// crowd is how many customers share the most duplicated email.
	crowd() int
}

// bed collects what was sown.
type bed struct {
	ground
	now       time.Time
	orders    []*order
	customers []*customer
	products  []*product
	unchecked []movement // to be written with triggers off
	events    []event
}

// sowOne sows one plant of a kind and gives what it means, check by check.
func (b *bed) sowOne(s seed) []Plant {
	var plants []Plant
	for _, m := range s.sow(b) {
		p := Plant{
			Kind: s.kind, Check: m.check, Class: m.class, Table: m.table, Constraint: m.constraint, Innocent: s.innocent,
			Keys: m.keys, Money: m.money, First: m.first, Last: m.last, About: s.about,
		}
		if m.kept != "" {
			p.Kept = []string{m.kept}
		}
		if s.young {
			p.Matures = m.first.Add(MinimumAge)
		}
		plants = append(plants, p)
	}
	return plants
}

// sowAll sows a kind as often as a shop gets it and puts together what belongs together. Young plants stay
// apart, because each matures at its own time.
func (b *bed) sowAll(s seed) []Plant {
	type place struct{ check, class, table, constraint string }
	together := map[place]int{}
	var plants []Plant
	for range s.times {
		for _, p := range b.sowOne(s) {
			at := place{p.Check, p.Class, p.Table, p.Constraint}
			i, known := together[at]
			if !known || s.young {
				together[at] = len(plants)
				plants = append(plants, p)
				continue
			}
			plants[i].merge(p)
		}
	}
	return plants
}

func (p *Plant) merge(other Plant) {
	p.Keys = append(p.Keys, other.Keys...)
	p.Kept = append(p.Kept, other.Kept...)
	p.Money += other.Money
	if other.First.Before(p.First) {
		p.First = other.First
	}
	if other.Last.After(p.Last) {
		p.Last = other.Last
	}
}

// plain says whether a kind is free of hostile texts.
func (s seed) plain() bool { return !strings.HasPrefix(s.kind, "hostile-") }

// plantOrder gives a right order to damage. It lies in the past, where its place is.
func (b *bed) plantOrder() *order {
	o := b.order()
	b.orders = append(b.orders, o)
	return o
}

// recentOrder is an order of the incident: the last two hours, but well beyond the minimum age.
func (b *bed) recentOrder() *order {
	o := b.plantOrder()
	o.dated(b.recently())
	return o
}

// youngOrder is younger than the minimum age and will be for several minutes.
func (b *bed) youngOrder() *order {
	o := b.plantOrder()
	o.dated(b.now.Add(-time.Duration(b.chance()%60) * time.Second).Truncate(time.Microsecond))
	return o
}

func (b *bed) recently() time.Time {
	return b.now.Add(-15*time.Minute - time.Duration(b.chance()%6300)*time.Second).Truncate(time.Microsecond)
}

func (b *bed) plantCustomer() *customer {
	c := b.customer()
	b.customers = append(b.customers, c)
	return c
}

func (b *bed) plantProduct() *product {
	p := b.product()
	p.updated = b.recently()
	b.products = append(b.products, p)
	return p
}

func (b *bed) plantStrangeCustomer(id, text string) *customer {
	c := b.strangeCustomer(id)
	c.name, c.phone = text, &text
	b.customers = append(b.customers, c)
	return c
}

func (b *bed) plantStrangeProduct(id, name string) *product {
	p := b.strangeProduct(id)
	p.name, p.updated = name, b.recently()
	b.products = append(b.products, p)
	return p
}

// addItem gives an order one more line and leaves its total as it is.
func (b *bed) addItem(o *order, product *string, quantity int, price Amount) {
	o.items = append(o.items, item{
		id: fmt.Sprintf("i%d", b.number()), order: &o.id, product: product, quantity: quantity, price: price, created: o.created,
	})
}

// pay gives an order one more payment, in USD.
func (b *bed) pay(o *order, status string, amount Amount) *payment {
	n := b.number()
	ref := fmt.Sprintf("ch_%x", b.chance())
	at := o.created.Add(time.Duration(len(o.payments)) * time.Second)
	o.payments = append(o.payments, payment{
		id: fmt.Sprintf("pay%d", n), order: &o.id, amount: amount, currency: Currency, status: status, ref: &ref,
		created: at, updated: at,
	})
	return &o.payments[len(o.payments)-1]
}

// restock replaces a product's movements by one of the given quantity and sets its stock, which need not agree.
func (b *bed) restock(p *product, stock *int, quantities ...int) {
	p.stock, p.movements = stock, nil
	for _, quantity := range quantities {
		p.movements = append(p.movements, movement{
			id: fmt.Sprintf("m%d", b.number()), product: p.id, quantity: quantity, reason: "ADJUSTMENT", created: p.created,
		})
	}
}

func orderMark(check string, money Amount, orders ...*order) []mark {
	m := mark{check: check, table: "orders", money: money, first: orders[0].created, last: orders[0].created}
	for _, o := range orders {
		m.keys = append(m.keys, o.id)
		m.span(o.created)
	}
	return []mark{m}
}

// customerMark is for customers whose email is shared with one to keep; class and kept are empty for innocents.
func customerMark(class, kept string, extra ...*customer) []mark {
	m := mark{check: DuplicateEmails, class: class, table: "customers", kept: kept, first: extra[0].created, last: extra[0].created}
	for _, c := range extra {
		m.keys = append(m.keys, c.id)
		m.span(c.created)
	}
	return []mark{m}
}

func productMark(check string, products ...*product) []mark {
	m := mark{check: check, table: "products", first: products[0].updated, last: products[0].updated}
	for _, p := range products {
		m.keys = append(m.keys, p.id)
		m.span(p.updated)
	}
	return []mark{m}
}

func itemMark(check string, o *order) []mark {
	m := mark{check: check, table: "order_items", first: o.created, last: o.created}
	for _, it := range o.items {
		m.keys = append(m.keys, it.id)
	}
	return []mark{m}
}

func paymentMark(money Amount, o *order) []mark {
	m := mark{check: PaymentsWithoutOrder, table: "payments", money: money, first: o.payments[0].created, last: o.payments[0].created}
	for _, p := range o.payments {
		m.keys = append(m.keys, p.id)
		m.span(p.created)
	}
	return []mark{m}
}

func (m *mark) span(at time.Time) {
	if at.Before(m.first) {
		m.first = at
	}
	if at.After(m.last) {
		m.last = at
	}
}

func ptr[T any](v T) *T { return &v }
