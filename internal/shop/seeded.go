package shop

import "strconv"

// seeded is the ground of a shop that is being made: planted rows take places of the population.
type seeded struct {
	pop          *population
	orderPlaces  places
	buyerPlaces  places
	shelfPlaces  places
	gone         []int // customers
	goneProducts []int
	nextGone     int
	nextShelf    int
	next         int
	rolls        int
	populous     int
}

// places hands out numbers 1 … size in a scattered order, the two ends first, because that is where scans
// forget a row.
type places struct {
	scatter scatter
	used    int
	full    bool
}

func (p *places) take() int {
	p.used++
	switch p.used {
	case 1:
		return 1
	case 2:
		return p.scatter.size
	}
	for k := p.used; k < p.scatter.size; k++ {
		if n := 1 + p.scatter.at(k); n != 1 && n != p.scatter.size {
			p.used = k
			return n
		}
	}
	p.used = p.scatter.size
	p.full = true
	return 1
}

const (
	goneCustomers = 40
	goneProducts  = 12
)

func newSeeded(p *population) *seeded {
	g := &seeded{
		pop:         p,
		orderPlaces: places{scatter: newScatter(p.dice, streamSlot, p.orders)},
		buyerPlaces: places{scatter: newScatter(p.dice, streamSlot, p.customers)},
		shelfPlaces: places{scatter: newScatter(p.dice, streamSlot, p.products)},
		next:        p.itemPlaces() + 1,
		populous:    min(max(p.orders/1500, 20), 2000),
	}
	// The deleted ones come first: from here on no ordinary row refers to them.
	for range goneCustomers {
		n := g.buyerPlaces.take()
		p.customerSlots[n] = nil
		g.gone = append(g.gone, n)
	}
	for range goneProducts {
		n := g.shelfPlaces.take()
		p.productSlots[n] = nil
		g.goneProducts = append(g.goneProducts, n)
	}
	return g
}

func (g *seeded) order() *order {
	p, n := g.pop, g.orderPlaces.take()
	o := p.order(n)
	o.status, o.currency = completed, Currency
	place := p.firstItem(n)
	for k := range p.itemCount(n) {
		product, quantity, price := p.itemAt(place + k)
		o.items = append(o.items, item{
			id: "i" + strconv.Itoa(place+k+1), order: &o.id, product: ptr("p" + strconv.Itoa(product)),
			quantity: quantity, price: price, created: o.created,
		})
	}
	ref := "ch_" + strconv.FormatUint(p.dice.roll(streamPayment, 2*n), 16)
	o.payments = []payment{{
		id: "pay" + strconv.Itoa(2*(n-1)+1), order: &o.id, amount: *o.total, currency: Currency, status: completed,
		ref: &ref, created: o.created, updated: o.created,
	}}
	p.orderSlots[n] = o
	return o
}

func (g *seeded) customer() *customer {
	n := g.buyerPlaces.take()
	c := g.pop.customer(n)
	g.pop.customerSlots[n] = c
	return c
}

func (g *seeded) product() *product {
	n := g.shelfPlaces.take()
	row := g.pop.product(n)
	g.pop.productSlots[n] = row
	return row
}

func (g *seeded) strangeCustomer(id string) *customer {
	c := g.pop.customer(1 + len(g.pop.strangers)%g.pop.customers)
	c.id, c.email, c.referredBy = id, nil, nil
	g.pop.strangers = append(g.pop.strangers, c)
	return c
}

func (g *seeded) strangeProduct(id string) *product {
	row := g.pop.product(1 + len(g.pop.curiosities)%g.pop.products)
	row.id, row.movements = id, nil
	g.pop.curiosities = append(g.pop.curiosities, row)
	return row
}

func (g *seeded) goneCustomer() string {
	g.nextGone++
	return "c" + strconv.Itoa(g.gone[g.nextGone%len(g.gone)])
}

func (g *seeded) goneProduct() string {
	g.nextShelf++
	return "p" + strconv.Itoa(g.goneProducts[g.nextShelf%len(g.goneProducts)])
}

func (g *seeded) anyProduct() (string, Amount) {
	n := existing(g.pop.productSlots, 1+int(g.chance()>>8)%g.pop.products, g.pop.products)
	return "p" + strconv.Itoa(n), g.pop.price(n)
}

func (g *seeded) number() int {
	g.next++
	return g.next
}

func (g *seeded) chance() uint64 {
	g.rolls++
	return g.pop.dice.roll(streamPlant, g.rolls)
}

// full says whether there were more plants than places: the shop is too small for them.
func (g *seeded) full() bool {
	return g.orderPlaces.full || g.buyerPlaces.full || g.shelfPlaces.full
}

func (g *seeded) crowd() int { return g.populous }
