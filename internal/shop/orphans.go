package shop

import (
	"strings"
	"time"
)

// Orders whose customer is gone, and orders that only look so. Everything else about them is right.
func orphans() []seed {
	return []seed{
		{
			kind: "order-customer-gone", times: 22, about: "the customer was deleted while the order was in flight",
			sow: func(b *bed) []mark { return b.orphan(b.recentOrder(), b.goneCustomer()) },
		},
		{
			kind: "order-customer-gone-long-ago", times: 2, about: "as order-customer-gone, but long before the incident",
			sow: func(b *bed) []mark { return b.orphan(b.plantOrder(), b.goneCustomer()) },
		},
		{
			kind: "order-customer-gone-together", times: 1, about: "one deleted customer who leaves four orders",
			sow: sowFamilyOfOrphans,
		},
		{
			kind: "order-customer-case", times: 1, about: "the customer exists in lower case only; ids are case-sensitive",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				return b.orphan(o, strings.ToUpper(*o.customer))
			},
		},
		{
			kind: "order-customer-space", times: 1, about: "the customer's id with a space after it is another id",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				return b.orphan(o, *o.customer+" ")
			},
		},
		{
			kind: "order-customer-empty", times: 1, about: "an empty text is not NULL and nobody's id",
			sow: func(b *bed) []mark { return b.orphan(b.recentOrder(), "") },
		},
		{
			kind: "order-of-a-guest", times: 6, innocent: true, about: "customer_id is NULL: unattached, not orphaned",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				o.customer = nil
				return orderMark(OrphanedOrders, 0, o)
			},
		},
		{
			kind: "order-before-its-customer", times: 4, innocent: true, young: true,
			about: "younger than the minimum age: its customer may still arrive",
			sow:   func(b *bed) []mark { return b.orphan(b.youngOrder(), b.goneCustomer()) },
		},
		{
			kind: "order-older-than-its-customer", times: 2, innocent: true, about: "the customer arrived after the order, but did arrive",
			sow: func(b *bed) []mark {
				o, c := b.recentOrder(), b.plantCustomer()
				c.created = o.created.Add(5 * time.Minute)
				c.updated = c.created
				o.customer = &c.id
				return orderMark(OrphanedOrders, 0, o)
			},
		},
	}
}

func (b *bed) orphan(o *order, customer string) []mark {
	o.customer = &customer
	return orderMark(OrphanedOrders, *o.total, o)
}

func sowFamilyOfOrphans(b *bed) []mark {
	gone := b.goneCustomer()
	var money Amount
	var left []*order
	for range 4 {
		o := b.recentOrder()
		o.customer = &gone
		left, money = append(left, o), money+*o.total
	}
	return orderMark(OrphanedOrders, money, left...)
}
