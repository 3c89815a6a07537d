package shop

import "slices"

// Orders whose total is not what their items come to, and orders where that only seems so. What was paid is what
// the stored total says, so that order-payments finds nothing.
func totals() []seed {
	return slices.Concat(differingTotals(), missingTotals(), rightTotals())
}

func differingTotals() []seed {
	return []seed{
		{
			kind: "total-too-high", times: 18, about: "the total kept an item that was taken out",
			sow: func(b *bed) []mark { return b.mistotal(b.recentOrder(), 1+Amount(b.chance()%5000)) },
		},
		{
			kind: "total-too-low", times: 18, about: "the total misses an item",
			sow: func(b *bed) []mark { return b.mistotal(b.recentOrder(), -1-Amount(b.chance()%190)) },
		},
		{
			kind: "total-two-cents-off", times: 4, about: "just beyond the tolerance",
			sow: func(b *bed) []mark { return b.mistotal(b.plantOrder(), []Amount{1, -1}[b.chance()%2]) },
		},
		{
			kind: "total-errors-cancel", times: 3, about: "two orders whose errors add up to nothing",
			sow: func(b *bed) []mark {
				one, other := b.recentOrder(), b.recentOrder()
				b.mistotal(one, 36)
				b.mistotal(other, -36)
				return orderMark(OrderTotals, one.wrongBy()+other.wrongBy(), one, other)
			},
		},
	}
}

func missingTotals() []seed {
	return []seed{
		{
			kind: "total-null", times: 4, about: "no total although there are items",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				o.unpaid()
				o.total = nil
				return orderMark(OrderTotals, o.wrongBy(), o)
			},
		},
		{
			kind: "total-null-without-items", times: 2, about: "neither total nor items; the total should be 0",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				o.unpaid()
				o.total, o.items = nil, nil
				return orderMark(OrderTotals, 0, o)
			},
		},
		{
			kind: "total-without-items", times: 8, about: "an order of nothing for money, and paid",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				o.items = nil
				return orderMark(OrderTotals, o.wrongBy(), o)
			},
		},
		{
			kind: "total-zero-with-items", times: 3, about: "items for nothing",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				o.unpaid()
				o.total = ptr(Amount(0))
				return orderMark(OrderTotals, o.wrongBy(), o)
			},
		},
		{
			kind: "total-negative", times: 3, about: "an order of one negative line: its total is right, but below zero",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				o.unpaid()
				o.items = o.items[:1]
				o.items[0].quantity, o.items[0].price = 1, -5*unitsPerOne
				o.total = ptr(o.sum())
				return orderMark(NegativeTotals, 0, o)
			},
		},
	}
}

// mistotal makes the total wrong by the tolerance and this many cents more, up or down.
func (b *bed) mistotal(o *order, cents Amount) []mark {
	wrong := TotalTolerance + cents*cent
	if cents < 0 {
		wrong = -TotalTolerance + cents*cent
	}
	o.setTotal(o.sum() + wrong)
	return orderMark(OrderTotals, o.wrongBy(), o)
}

func (o *order) wrongBy() Amount {
	if o.total == nil {
		return o.sum().abs()
	}
	return (*o.total - o.sum()).abs()
}

func rightTotals() []seed {
	right := func(kind string, times int, about string, change func(*bed, *order)) seed {
		return seed{kind: kind, times: times, innocent: true, about: about, sow: func(b *bed) []mark {
			o := b.recentOrder()
			change(b, o)
			return orderMark(OrderTotals, 0, o)
		}}
	}
	return []seed{
		right("total-rounded-up", 5, "one cent above, by rounding line by line", func(_ *bed, o *order) { o.setTotal(o.sum() + cent) }),
		right("total-rounded-down", 5, "one cent below, by rounding line by line", func(_ *bed, o *order) { o.setTotal(o.sum() - cent) }),
		right("total-price-per-gram", 3, "three times 3.3333 is 9.9999, charged as 10.00", func(_ *bed, o *order) {
			o.items = o.items[:1]
			o.items[0].quantity, o.items[0].price = 3, 33333
			o.setTotal(10 * unitsPerOne)
		}),
		right("total-zero-without-items", 4, "an empty basket", func(_ *bed, o *order) {
			o.unpaid()
			o.items, o.total = nil, ptr(Amount(0))
		}),
		right("total-of-many-items", 1, "two hundred lines", func(b *bed, o *order) {
			for range 200 {
				id, price := b.anyProduct()
				b.addItem(o, &id, 1, price)
			}
			o.setTotal(o.sum())
		}),
		right("total-same-item-twice", 2, "the same product on two lines", func(b *bed, o *order) {
			first := o.items[0]
			b.addItem(o, first.product, first.quantity, first.price)
			o.setTotal(o.sum())
		}),
		right("total-zero-quantity", 2, "a line of zero pieces", func(b *bed, o *order) {
			id, price := b.anyProduct()
			b.addItem(o, &id, 0, price)
		}),
		right("total-discount-line", 3, "a negative line makes the total smaller, not negative", func(b *bed, o *order) {
			b.addItem(o, nil, 1, -unitsPerOne)
			o.setTotal(o.sum())
		}),
		right("total-beyond-float", 1, "a sum that binary floating point cannot hold to the cent", func(_ *bed, o *order) {
			o.items = append(o.items[:1:1], o.items[0])
			o.items[0].quantity, o.items[0].price = 1, 9007199254740900*cent
			o.items[1].id, o.items[1].quantity, o.items[1].price = o.items[1].id+"b", 1, 93*cent
			o.setTotal(o.sum())
		}),
		{
			kind: "total-discounted", times: 2, innocent: true, about: "a discount line is negative, the order's total is not",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				b.addItem(o, nil, 1, -o.sum())
				o.total = ptr(o.sum())
				o.payments = nil
				return orderMark(NegativeTotals, 0, o)
			},
		},
	}
}
