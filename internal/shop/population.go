package shop

import (
	"fmt"
	"strconv"
	"time"
)

// population is the whole shop as a function of the seed: every row of it can be computed alone, from its
// number. Planted rows take places (slots) of it, so that they lie anywhere between the others.
type population struct {
	dice      dice
	now       time.Time
	orders    int
	customers int
	products  int

	customerSlots map[int]*customer // nil: this customer was deleted
	productSlots  map[int]*product  // nil: this product was deleted
	orderSlots    map[int]*order
	strangers     []*customer // rows beyond the places, with unusual ids
	curiosities   []*product
	unchecked     []movement
	events        []event
	step          time.Duration // between one order and the next
	migrated      time.Time     // the last time
	unvalidated   bool          // a foreign key is NOT VALID
}

const (
	history       = 2 * 365 * 24 * time.Hour // how far back the shop's orders go
	quietSince    = time.Hour                // the newest ordinary order is this old, well beyond any minimum age
	leastOrders   = 1000
	ordersInCycle = 5  // five orders in a row have 1, 2, 3, 4 and 5 items, in some rotation
	itemsInCycle  = 15 // so items are exactly three times the orders
)

func newPopulation(seed int64, now time.Time, orders int) *population {
	return &population{
		dice:          dice(seed),
		now:           now,
		orders:        orders,
		customers:     max(orders/10, 300),
		products:      max(orders/60, 200),
		customerSlots: map[int]*customer{},
		productSlots:  map[int]*product{},
		orderSlots:    map[int]*order{},
		step:          (history - quietSince) / time.Duration(orders),
	}
}

func (p *population) orderTime(n int) time.Time {
	jitter := time.Duration(p.dice.roll(streamTime, n) % uint64(p.step))
	return p.now.Add(-history + time.Duration(n-1)*p.step + jitter).Truncate(time.Microsecond)
}

// existing gives the first number from n on (counted round) whose slot was not emptied.
func existing[T any](slots map[int]*T, n, size int) int {
	for {
		if row, planted := slots[n]; !planted || row != nil {
			return n
		}
		n = n%size + 1
	}
}

func (p *population) customer(n int) *customer {
	h := p.dice.roll(streamCustomer, n)
	first, last := firstNames[h%uint64(len(firstNames))], lastNames[h>>8%uint64(len(lastNames))]
	email := fmt.Sprintf("%s.%s.%d@example.com", lower(first), lower(last), n)
	phone := fmt.Sprintf("+1-555-%04d", h>>16%10000)
	created := p.now.Add(-history - time.Duration(h>>24%uint64(history/time.Second))*time.Second).Truncate(time.Microsecond)
	c := &customer{
		id: "c" + strconv.Itoa(n), email: &email, name: first + " " + last, phone: &phone,
		created: created, updated: created,
	}
	if h>>32%20 == 0 {
		referrer := "c" + strconv.Itoa(existing(p.customerSlots, 1+int(h>>40)%p.customers, p.customers))
		c.referredBy = &referrer
	}
	if h>>48%50 == 0 {
		c.phone = nil
	}
	return c
}

func (p *population) price(product int) Amount {
	return 199*cent + Amount(p.dice.roll(streamProduct, product)%19800)*cent
}

func (p *population) product(n int) *product {
	h := p.dice.roll(streamProduct, n)
	created := p.now.Add(-history).Truncate(time.Microsecond)
	row := &product{
		id: "p" + strconv.Itoa(n), name: productNames[h>>20%uint64(len(productNames))] + " " + strconv.Itoa(n),
		price: p.price(n), version: int(h >> 30 % 40), created: created, updated: created,
	}
	stock := 0
	for k := range 1 + n%movementsPerProduct {
		m := p.movement(n, k)
		stock += m.quantity
		row.movements = append(row.movements, m)
	}
	row.stock = &stock
	return row
}

const movementsPerProduct = 5

// movement k of a product: one large receipt, then small sales that cannot use it up.
func (p *population) movement(n, k int) movement {
	h := p.dice.roll(streamMovement, n*movementsPerProduct+k)
	m := movement{
		id: "m" + strconv.Itoa((n-1)*movementsPerProduct+k+1), product: "p" + strconv.Itoa(n), reason: "SALE",
		quantity: -1 - int(h%10), created: p.now.Add(-history + time.Duration(k+1)*24*time.Hour).Truncate(time.Microsecond),
	}
	if k == 0 {
		m.reason, m.quantity = "RECEIPT", 50+int(h%500)
	}
	return m
}

// itemCount is how many items order n has.
func (p *population) itemCount(n int) int {
	return 1 + (n-1+p.rotation((n-1)/ordersInCycle))%ordersInCycle
}

func (p *population) rotation(cycle int) int {
	return int(p.dice.roll(streamCount, cycle) % ordersInCycle)
}

// firstItem is the place (from 0) of order n's first item among all items.
func (p *population) firstItem(n int) int {
	cycle := (n - 1) / ordersInCycle
	place := cycle * itemsInCycle
	for before := cycle*ordersInCycle + 1; before < n; before++ {
		place += p.itemCount(before)
	}
	return place
}

// itemPlaces is the number of places for items, a few more than items when the orders end within a cycle.
func (p *population) itemPlaces() int {
	return (p.orders + ordersInCycle - 1) / ordersInCycle * itemsInCycle
}

// orderOfItem says which order, and which of its items, is at a place.
func (p *population) orderOfItem(place int) (n, k int) {
	n, k = place/itemsInCycle*ordersInCycle+1, place%itemsInCycle
	for {
		count := p.itemCount(n)
		if k < count {
			return n, k
		}
		k -= count
		n++
	}
}

// itemAt gives product, quantity and price of the item at a place.
func (p *population) itemAt(place int) (product, quantity int, price Amount) {
	h := p.dice.roll(streamItem, place)
	product = existing(p.productSlots, 1+int(h>>8)%p.products, p.products)
	return product, 1 + int(h%4), p.price(product)
}

func (p *population) total(n int) Amount {
	var sum Amount
	place := p.firstItem(n)
	for k := range p.itemCount(n) {
		_, quantity, price := p.itemAt(place + k)
		sum += Amount(quantity) * price
	}
	return sum
}

// part is one of a hundred kinds of order, each exactly once in a hundred orders in a row, so that the number of
// payments is exactly nine tenths of the orders.
func (p *population) part(n int) int {
	return (n + int(p.dice.roll(streamStatus, n/100)%100)) % 100
}

const (
	partFailedFirst   = 0 // one failed attempt, then the payment
	partInstalments   = 1 // two payments that add up
	partPending       = 78
	partAttempt       = 78 // pending, with a payment that is not through
	partFailed        = 79 // pending, with a failed payment
	partCancelled     = 90
	partCancelledPaid = 90 // cancelled after payment, paid back
	partRefunded      = 97
)

func statusOf(part int) string {
	switch {
	case part < partPending:
		return completed
	case part < partCancelled:
		return pending
	case part < partRefunded:
		return cancelled
	default:
		return refunded
	}
}

func (p *population) currency(n int) string {
	if p.dice.roll(streamOrder, n)>>32%20 == 0 {
		return "EUR"
	}
	return "USD"
}

func (p *population) customerOf(n int) int {
	return existing(p.customerSlots, 1+int(p.dice.roll(streamOrder, n)&0x7fffffff)%p.customers, p.customers)
}

// payments appends what was paid for an ordinary order.
func (p *population) payments(into []payment, n int, o *order) []payment {
	add := func(k int, status string, amount Amount) {
		ref := "ch_" + strconv.FormatUint(p.dice.roll(streamPayment, 2*n+k), 16)
		at := o.created.Add(time.Duration(1+k) * time.Minute)
		into = append(into, payment{
			id: "pay" + strconv.Itoa(2*(n-1)+k+1), order: &o.id, amount: amount, currency: o.currency,
			status: status, ref: &ref, created: at, updated: at,
		})
	}
	first, total := len(into), *o.total
	switch part := p.part(n); {
	case part == partFailedFirst:
		add(0, failed, total)
		add(1, completed, total)
	case part == partInstalments:
		deposit := total / 3 / cent * cent
		add(0, completed, deposit)
		add(1, completed, total-deposit)
	case part < partPending:
		add(0, completed, total)
	case part == partAttempt:
		add(0, pending, total)
	case part == partFailed:
		add(0, failed, total)
	case part == partCancelledPaid, part >= partRefunded:
		add(0, completed, total)
		add(1, refunded, total)
		into[first+1].refundOf = &into[first].id
	}
	return into
}

// order is ordinary order n without its children.
func (p *population) order(n int) *order {
	total, buyer := p.total(n), "c"+strconv.Itoa(p.customerOf(n))
	at := p.orderTime(n)
	return &order{
		id: "o" + strconv.Itoa(n), customer: &buyer, status: statusOf(p.part(n)), currency: p.currency(n),
		total: &total, created: at, updated: at.Add(5 * time.Minute), slot: n,
	}
}
