package shop

import "fmt"

// notValidKind is the one defect that is not made of rows.
const notValidKind = "fk-not-valid"

// Declared foreign keys that do not hold or were never validated, and half-empty ones that do hold.
func foreignKeys() []seed {
	return []seed{
		{
			kind: "fk-violated", times: 3, about: "stock movements of a deleted product, written with triggers off",
			sow: func(b *bed) []mark {
				m := movement{
					id: fmt.Sprintf("m%d", b.number()), product: b.goneProduct(), quantity: 4, reason: "RECEIPT", created: b.recently(),
				}
				b.unchecked = append(b.unchecked, m)
				found := mark{check: ForeignKeys, table: "inventory", constraint: "inventory_product_id_fkey", keys: []string{m.id}}
				found.first, found.last = m.created, m.created
				return []mark{found}
			},
		},
		{
			kind: notValidKind, times: 1, about: "added as NOT VALID and never validated; every row satisfies it",
			sow: func(*bed) []mark {
				const name = "customers_referred_by_fkey"
				return []mark{{check: ForeignKeys, table: "customers", constraint: name, keys: []string{name}}}
			},
		},
		{
			kind: "fk-null", times: 2, innocent: true, about: "NULL refers to nothing and so holds",
			sow: func(b *bed) []mark {
				c := b.plantCustomer()
				c.referredBy = nil
				return foreignKeyMark("customers", "customers_referred_by_fkey", c.id)
			},
		},
		{
			kind: "fk-self", times: 2, innocent: true, about: "a row that refers to itself",
			sow: func(b *bed) []mark {
				c := b.plantCustomer()
				c.referredBy = &c.id
				return foreignKeyMark("customers", "customers_referred_by_fkey", c.id)
			},
		},
		{
			kind: "fk-half-null", times: 2, innocent: true, about: "a key of two columns, one of them NULL, holds (MATCH SIMPLE)",
			sow: func(b *bed) []mark {
				n := b.number()
				e := event{
					id: fmt.Sprintf("e%d", n), aggregate: fmt.Sprintf("cart%d", n), version: 1, kind: "BasketAbandoned", occurred: b.recently(),
				}
				b.events = append(b.events, e)
				return foreignKeyMark("domain_events", "domain_events_cause_fkey", e.id)
			},
		},
	}
}

func foreignKeyMark(table, constraint, key string) []mark {
	return []mark{{check: ForeignKeys, table: table, constraint: constraint, keys: []string{key}}}
}
