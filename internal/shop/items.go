package shop

// Items whose order or product is gone.
func items() []seed {
	return []seed{
		{
			kind: "item-order-gone", times: 5, about: "the order was deleted, its items were not",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				o.gone, o.payments = true, nil
				return itemMark(ItemsWithoutOrder, o)
			},
		},
		{
			kind: "order-gone-children-left", times: 2, about: "the order was deleted, its items and its payment were not",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				o.gone = true
				return append(itemMark(ItemsWithoutOrder, o), paymentMark(*o.total, o)...)
			},
		},
		{
			kind: "item-product-gone", times: 5, about: "the product was deleted after it was sold",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				o.items = o.items[:1]
				o.items[0].product = ptr(b.goneProduct())
				o.setTotal(o.sum())
				return itemMark(ItemsWithoutProduct, o)
			},
		},
		{
			kind: "item-without-product", times: 4, innocent: true, about: "product_id is NULL: a line for postage",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				o.items = o.items[:1]
				o.items[0].product = nil
				o.setTotal(o.sum())
				return append(itemMark(ItemsWithoutProduct, o), itemMark(ItemsWithoutOrder, o)...)
			},
		},
		{
			kind: "item-unattached", times: 3, innocent: true, about: "order_id is NULL: a basket that never became an order",
			sow: func(b *bed) []mark {
				o := b.recentOrder()
				o.gone, o.payments = true, nil
				for i := range o.items {
					o.items[i].order = nil
				}
				return itemMark(ItemsWithoutOrder, o)
			},
		},
	}
}
