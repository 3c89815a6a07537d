package shop

import "time"

// settled are orders that were paid as they should have been, in ways that a simple comparison takes for wrong.
func settled() []seed {
	right := func(kind string, times int, about string, change func(*bed, *order)) seed {
		return seed{kind: kind, times: times, innocent: true, about: about, sow: func(b *bed) []mark {
			o := b.recentOrder()
			change(b, o)
			return append(orderMark(OrderPayments, 0, o), orderMark(PaidNotCompleted, 0, o)...)
		}}
	}
	return []seed{
		right("paid-in-parts", 5, "two partial payments that add up", func(b *bed, o *order) {
			deposit := *o.total / 3 / cent * cent
			o.payments[0].amount = deposit
			b.pay(o, completed, *o.total-deposit)
		}),
		right("paid-at-second-try", 5, "failed attempts, then a good one", func(b *bed, o *order) {
			o.payments[0].status = failed
			b.pay(o, failed, *o.total)
			b.pay(o, completed, *o.total)
		}),
		right("paid-twice-one-back", 3, "captured twice, and one of them paid back", func(b *bed, o *order) {
			b.pay(o, completed, *o.total)
			b.payBack(o, *o.total)
		}),
		right("cancelled-and-paid-back", 4, "cancelled, and all the money paid back", func(b *bed, o *order) {
			b.payBack(o, *o.total)
			o.status = cancelled
		}),
		right("refunded", 4, "refunded in full", func(b *bed, o *order) {
			b.payBack(o, *o.total)
			o.status = refunded
		}),
		right("refunded-in-parts", 2, "refunded in two parts", func(b *bed, o *order) {
			b.payBack(o, cent)
			b.payBack(o, *o.total-cent)
			o.status = refunded
		}),
		right("cancelled-unpaid", 3, "cancelled after failed attempts", func(_ *bed, o *order) {
			o.payments[0].status = failed
			o.status = cancelled
		}),
		right("pending-attempt", 3, "not completed, and the payment is still under way", func(_ *bed, o *order) {
			o.payments[0].status = pending
			o.status = pending
		}),
		right("free-order", 3, "completed, and there was nothing to pay", func(_ *bed, o *order) {
			o.items, o.payments, o.total = nil, nil, ptr(Amount(0))
		}),
		right("paid-in-euro", 3, "an order in another currency, paid in it", func(_ *bed, o *order) {
			o.currency, o.payments[0].currency = "EUR", "EUR"
		}),
	}
}

// settledSoon are payments whose other side is still on its way.
func settledSoon() []seed {
	return []seed{
		{
			kind: "capture-in-grace", times: 4, innocent: true, young: true, about: "just completed: the capture is still under way",
			sow: func(b *bed) []mark {
				o := b.youngOrder()
				o.payments = nil
				return paymentMarks(o, Unpaid, *o.total)
			},
		},
		{
			kind: "status-in-grace", times: 3, innocent: true, young: true, about: "just paid: the order's status is still under way",
			sow: func(b *bed) []mark {
				o := b.youngOrder()
				o.status = pending
				return paymentMarks(o, PaidButPending, *o.total)
			},
		},
		{
			kind: "payment-unallocated", times: 3, innocent: true, about: "order_id is NULL: money that is not allocated yet",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				o.gone, o.items = true, nil
				o.payments[0].order = nil
				o.payments[0].updated = o.payments[0].created.Add(time.Minute)
				return paymentMark(0, o)
			},
		},
	}
}
