package shop

import "time"

// The rows of the shop as the generator handles them. A nil pointer is SQL NULL.

type customer struct {
	id         string
	email      *string
	name       string
	phone      *string
	referredBy *string
	created    time.Time
	updated    time.Time
}

type product struct {
	id        string
	name      string
	price     Amount
	stock     *int
	version   int
	created   time.Time
	updated   time.Time
	movements []movement
}

type movement struct {
	id       string
	product  string
	quantity int
	reason   string
	created  time.Time
}

type order struct {
	id       string
	customer *string
	status   string
	currency string
	total    *Amount
	note     *string
	created  time.Time
	updated  time.Time
	items    []item
	payments []payment

	slot int  // which place of the population it takes; 0 for a row made later
	gone bool // the row itself was deleted; its items and payments were not
}

type item struct {
	id       string
	order    *string
	product  *string
	quantity int
	price    Amount
	created  time.Time
}

type payment struct {
	id       string
	order    *string
	amount   Amount
	currency string
	status   string
	ref      *string
	refundOf *string
	created  time.Time
	updated  time.Time
}

type event struct {
	id        string
	aggregate string
	version   int
	cause     int // 0: none
	kind      string
	occurred  time.Time
}

const (
	pending   = "PENDING"
	completed = "COMPLETED"
	cancelled = "CANCELLED"
	refunded  = "REFUNDED"
	failed    = "FAILED"
)

// sum is what the order's items come to.
func (o *order) sum() Amount {
	var sum Amount
	for _, it := range o.items {
		sum += Amount(it.quantity) * it.price
	}
	return sum
}

// setTotal stores a total and makes the order's only payment agree with it, so that a wrong total is wrong in
// nothing but itself.
func (o *order) setTotal(total Amount) {
	o.total = &total
	for i := range o.payments {
		o.payments[i].amount = total
	}
}

// unpaid takes the payments away and puts the order back to pending, which owes nothing.
func (o *order) unpaid() {
	o.status, o.payments = pending, nil
}

// dated moves the order and its children in time.
func (o *order) dated(at time.Time) {
	o.created, o.updated = at, at
	for i := range o.items {
		o.items[i].created = at
	}
	for i := range o.payments {
		o.payments[i].created, o.payments[i].updated = at, at
	}
}
