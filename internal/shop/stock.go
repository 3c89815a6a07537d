package shop

// Products whose stock is not what their movements come to, or below zero.
func stock() []seed {
	differs := func(kind string, times int, about string, change func(*bed, *product)) seed {
		return seed{kind: kind, times: times, about: about, sow: func(b *bed) []mark {
			p := b.plantProduct()
			change(b, p)
			return productMark(ProductStock, p)
		}}
	}
	agrees := func(kind string, times int, about string, change func(*bed, *product)) seed {
		s := differs(kind, times, about, change)
		s.innocent = true
		return s
	}
	return []seed{
		differs("stock-too-high", 8, "sold, but not taken off", func(b *bed, p *product) { p.stock = ptr(*p.stock + 1 + int(b.chance()%9)) }),
		differs("stock-too-low", 8, "taken off twice", func(b *bed, p *product) { p.stock = ptr(*p.stock - 1 - int(b.chance()%4)) }),
		differs("stock-without-rows", 5, "stock that never came in", func(b *bed, p *product) { b.restock(p, ptr(7)) }),
		differs("stock-zero-with-rows", 3, "movements say that there are some", func(b *bed, p *product) { b.restock(p, ptr(0), 5) }),
		differs("stock-null", 2, "no stock although there are movements", func(_ *bed, p *product) { p.stock = nil }),
		{
			kind: "stock-errors-cancel", times: 2, about: "two products whose errors add up to nothing",
			sow: func(b *bed) []mark {
				one, other := b.plantProduct(), b.plantProduct()
				one.stock, other.stock = ptr(*one.stock+7), ptr(*other.stock-7)
				return productMark(ProductStock, one, other)
			},
		},
		{
			kind: "stock-negative", times: 4, about: "sold more than there was; the movements say so too",
			sow: func(b *bed) []mark {
				p := b.plantProduct()
				b.restock(p, ptr(-3), 4, -7)
				return productMark(NegativeStock, p)
			},
		},
		{
			kind: "stock-negative-and-wrong", times: 2, about: "below zero, and the movements say otherwise",
			sow: func(b *bed) []mark {
				p := b.plantProduct()
				b.restock(p, ptr(-2), 4)
				return append(productMark(NegativeStock, p), productMark(ProductStock, p)...)
			},
		},
		agrees("stock-zero-without-rows", 5, "never in stock", func(b *bed, p *product) { b.restock(p, ptr(0)) }),
		agrees("stock-sold-out", 3, "movements that come to zero", func(b *bed, p *product) { b.restock(p, ptr(0), 6, -4, -2) }),
		agrees("stock-many-movements", 1, "five hundred movements", func(b *bed, p *product) {
			quantities := make([]int, 500)
			for i := range quantities {
				quantities[i] = 10 - i%20
			}
			quantities[0] += 700
			sum := 0
			for _, q := range quantities {
				sum += q
			}
			b.restock(p, &sum, quantities...)
		}),
	}
}
