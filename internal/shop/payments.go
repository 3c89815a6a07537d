package shop

import "slices"

// Orders that were not paid as they should have been, and orders whose payments only look odd.
func payments() []seed {
	return slices.Concat(unpaid(), mispaid(), paidForNothing(), settled(), settledSoon())
}

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

func unpaid() []seed {
	return []seed{
		paymentSeed("unpaid", Unpaid, 10, "completed without any payment", func(_ *bed, o *order) Amount {
			o.payments = nil
			return *o.total
		}),
		paymentSeed("unpaid-attempts-failed", Unpaid, 4, "completed although every attempt failed", func(b *bed, o *order) Amount {
			o.payments[0].status = failed
			b.pay(o, failed, *o.total)
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
	}
}

func mispaid() []seed {
	return []seed{
		paymentSeed("underpaid", Underpaid, 5, "less than the total was captured", func(_ *bed, o *order) Amount {
			o.payments[0].amount -= cent
			return cent
		}),
		paymentSeed("underpaid-instalment", Underpaid, 3, "two instalments that do not add up", func(b *bed, o *order) Amount {
			deposit := *o.total / 3 / cent * cent
			o.payments[0].amount = deposit
			b.pay(o, completed, deposit)
			return *o.total - 2*deposit
		}),
		paymentSeed("overpaid", Overpaid, 4, "more than the total was captured", func(_ *bed, o *order) Amount {
			o.payments[0].amount += 250 * cent
			return 250 * cent
		}),
		paymentSeed("paid-twice", PaidTwice, 12, "captured twice after a retry", func(b *bed, o *order) Amount {
			b.pay(o, completed, *o.total)
			return *o.total
		}),
		paymentSeed("wrong-currency", WrongCurrency, 3, "the right number in another currency", func(_ *bed, o *order) Amount {
			o.payments[0].currency = "EUR"
			return *o.total
		}),
	}
}

func paidForNothing() []seed {
	return []seed{
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
				return paymentMark(*o.total, o)
			},
		},
	}
}

// payBack refunds part of the order's first payment.
func (b *bed) payBack(o *order, amount Amount) {
	paid := o.payments[0].id
	b.pay(o, refunded, amount).refundOf = &paid
}
