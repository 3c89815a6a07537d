package shop

import "time"

// Orders that were not paid as they should have been, and orders whose payments only look odd.
func payments() []seed { return append(wrongPayments(), rightPayments()...) }

// The classes of order-payments.
const (
	Unpaid           = "unpaid"
	Underpaid        = "underpaid"
	Overpaid         = "overpaid"
	PaidTwice        = "paid_twice"
	WrongCurrency    = "wrong_currency"
	PaidButPending   = "paid_but_pending"
	PaidButCancelled = "paid_but_cancelled"
)

// paymentSeed damages a recent order; money is what order-payments is short of or holds too much.
func paymentSeed(kind, class string, times int, about string, damage func(b *bed, o *order) (money Amount)) seed {
	return seed{kind: kind, times: times, about: about, sow: func(b *bed) []mark {
		o := b.recentOrder()
		return paymentMarks(o, class, damage(b, o))
	}}
}

func paymentMarks(o *order, class string, money Amount) []mark {
	marks := orderMark(OrderPayments, money, o)
	marks[0].class = class
	if class == PaidButPending || class == PaidButCancelled {
		marks = append(marks, orderMark(PaidNotCompleted, money, o)...)
	}
	return marks
}

func wrongPayments() []seed {
	return []seed{
		paymentSeed("unpaid", Unpaid, 10, "completed without any payment", func(_ *bed, o *order) Amount {
			o.payments = nil
			return *o.total
		}),
		paymentSeed("unpaid-attempts-failed", Unpaid, 4, "completed although every attempt failed", func(b *bed, o *order) Amount {
			o.payments[0].status = failed
			b.pay(o, failed, Currency, *o.total)
			return *o.total
		}),
		paymentSeed("unpaid-attempt-pending", Unpaid, 3, "completed, and the payment never came through", func(_ *bed, o *order) Amount {
			o.payments[0].status = pending
			return *o.total
		}),
		paymentSeed("unpaid-paid-back", Unpaid, 2, "completed, paid and paid back in full", func(b *bed, o *order) Amount {
			b.payBack(o, *o.total)
			return *o.total
		}),
		paymentSeed("underpaid", Underpaid, 5, "less than the total was captured", func(_ *bed, o *order) Amount {
			o.payments[0].amount -= cent
			return cent
		}),
		paymentSeed("underpaid-instalment", Underpaid, 3, "two instalments that do not add up", func(b *bed, o *order) Amount {
			deposit := *o.total / 3 / cent * cent
			o.payments[0].amount = deposit
			b.pay(o, completed, Currency, deposit)
			return *o.total - 2*deposit
		}),
		paymentSeed("overpaid", Overpaid, 4, "more than the total was captured", func(_ *bed, o *order) Amount {
			o.payments[0].amount += 250 * cent
			return 250 * cent
		}),
		paymentSeed("paid-twice", PaidTwice, 12, "captured twice after a retry", func(b *bed, o *order) Amount {
			b.pay(o, completed, Currency, *o.total)
			return *o.total
		}),
		paymentSeed("wrong-currency", WrongCurrency, 3, "the right number in another currency", func(_ *bed, o *order) Amount {
			o.payments[0].currency = "EUR"
			return *o.total
		}),
		paymentSeed("paid-but-pending", PaidButPending, 5, "paid, and the order never noticed", func(_ *bed, o *order) Amount {
			o.status = pending
			return *o.total
		}),
		paymentSeed("paid-but-cancelled", PaidButCancelled, 4, "cancelled, and the money was kept", func(_ *bed, o *order) Amount {
			o.status = cancelled
			return *o.total
		}),
		paymentSeed("paid-but-cancelled-half-back", PaidButCancelled, 2, "cancelled, and only some of the money was paid back", func(b *bed, o *order) Amount {
			b.payBack(o, cent)
			o.status = cancelled
			return *o.total - cent
		}),
		{
			kind: "payment-order-gone", times: 6, about: "the order was deleted, its payment was not",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				o.gone, o.items = true, nil
				return paymentMark(PaymentsWithoutOrder, *o.total, o)
			},
		},
	}
}

// payBack refunds part of the order's first payment.
func (b *bed) payBack(o *order, amount Amount) {
	paid := o.payments[0].id
	b.pay(o, refunded, Currency, amount).refundOf = &paid
}

func rightPayments() []seed {
	right := func(kind string, times int, about string, change func(*bed, *order)) seed {
		return seed{kind: kind, times: times, innocent: true, about: about, sow: func(b *bed) []mark {
			o := b.recentOrder()
			change(b, o)
			return append(orderMark(OrderPayments, 0, o), orderMark(PaidNotCompleted, 0, o)...)
		}}
	}
	young := func(s seed) seed {
		s.innocent, s.young = true, true
		return s
	}
	return []seed{
		right("paid-in-parts", 5, "two partial payments that add up", func(b *bed, o *order) {
			deposit := *o.total / 3 / cent * cent
			o.payments[0].amount = deposit
			b.pay(o, completed, Currency, *o.total-deposit)
		}),
		right("paid-at-second-try", 5, "failed attempts, then a good one", func(b *bed, o *order) {
			o.payments[0].status = failed
			b.pay(o, failed, Currency, *o.total)
			b.pay(o, completed, Currency, *o.total)
		}),
		right("paid-twice-one-back", 3, "captured twice, and one of them paid back", func(b *bed, o *order) {
			b.pay(o, completed, Currency, *o.total)
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
		young(seed{
			kind: "capture-in-grace", times: 4, about: "just completed: the capture is still under way",
			sow: func(b *bed) []mark {
				o := b.youngOrder()
				o.payments = nil
				return paymentMarks(o, Unpaid, *o.total)
			},
		}),
		young(seed{
			kind: "status-in-grace", times: 3, about: "just paid: the order's status is still under way",
			sow: func(b *bed) []mark {
				o := b.youngOrder()
				o.status = pending
				return paymentMarks(o, PaidButPending, *o.total)
			},
		}),
		{
			kind: "payment-unallocated", times: 3, innocent: true, about: "order_id is NULL: money that is not allocated yet",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				o.gone, o.items = true, nil
				o.payments[0].order = nil
				o.payments[0].updated = o.payments[0].created.Add(time.Minute)
				return paymentMark(PaymentsWithoutOrder, 0, o)
			},
		},
	}
}
