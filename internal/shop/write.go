package shop

import (
	"fmt"
	"strconv"
	"time"
)

// How a population is written, table by table. Planted rows come at their places.

func (p *population) writeItems(s *sheet, unclustered bool) {
	total := p.itemPlaces()
	order := scatter{size: total, step: 1}
	if unclustered {
		order = newScatter(p.dice, streamItem, total)
	}
	for i := 0; i < total && s.err == nil; i++ {
		place := order.at(i)
		n, k := p.orderOfItem(place)
		if n > p.orders {
			continue
		}
		if planted := p.orderSlots[n]; planted != nil {
			p.writePlantedItems(s, planted, k)
			continue
		}
		product, quantity, price := p.itemAt(place)
		s.numbered("i", place+1)
		s.numbered("o", n)
		s.numbered("p", product)
		s.integer(quantity)
		s.amount(price)
		s.time(p.orderTime(n))
		s.end()
	}
}

// writePlantedItems writes item k of a planted order, and at its last place all that are more than usual.
func (p *population) writePlantedItems(s *sheet, o *order, k int) {
	if k < len(o.items) {
		s.item(&o.items[k])
	}
	if k == p.itemCount(o.slot)-1 {
		for extra := k + 1; extra < len(o.items); extra++ {
			s.item(&o.items[extra])
		}
	}
}

func (p *population) writeOrders(s *sheet) {
	for n := 1; n <= p.orders && s.err == nil; n++ {
		o := p.orderSlots[n]
		if o == nil {
			o = p.order(n)
		}
		if !o.gone {
			s.order(o)
		}
	}
}

func (p *population) writePayments(s *sheet) {
	var paid []payment
	for n := 1; n <= p.orders && s.err == nil; n++ {
		paid = paid[:0]
		if o := p.orderSlots[n]; o != nil {
			paid = append(paid, o.payments...)
		} else {
			paid = p.payments(paid, n, p.order(n))
		}
		for i := range paid {
			s.payment(&paid[i])
		}
	}
}

func (p *population) writeCustomers(s *sheet) {
	for n := 1; n <= p.customers && s.err == nil; n++ {
		c, planted := p.customerSlots[n]
		if !planted {
			c = p.customer(n)
		}
		if c != nil {
			s.customer(c)
		}
	}
	for _, c := range p.strangers {
		s.customer(c)
	}
}

func (p *population) eachProduct(s *sheet, write func(*product)) {
	for n := 1; n <= p.products && s.err == nil; n++ {
		row, planted := p.productSlots[n]
		if !planted {
			row = p.product(n)
		}
		if row != nil {
			write(row)
		}
	}
	for _, row := range p.curiosities {
		write(row)
	}
}

func (p *population) writeProducts(s *sheet) { p.eachProduct(s, s.product) }

func (p *population) writeMovements(s *sheet) {
	p.eachProduct(s, func(row *product) {
		for i := range row.movements {
			s.movement(&row.movements[i])
		}
	})
}

// eventOrders is how many of the newest orders still have their events: the event store keeps the last ones.
func (p *population) eventOrders() int { return min(p.orders, 50_000) }

// eachEvent gives the events of the newest orders: placed, and completed because it was placed.
func (p *population) eachEvent(s *sheet, write func(event)) {
	for n := p.orders - p.eventOrders() + 1; n <= p.orders && s.err == nil; n++ {
		if p.orderSlots[n] != nil {
			continue
		}
		at, id := p.orderTime(n), "o"+strconv.Itoa(n)
		write(event{id: "e" + strconv.Itoa(2*n-1), aggregate: id, version: 1, kind: "OrderCreated", occurred: at})
		if statusOf(p.part(n)) == completed {
			write(event{
				id: "e" + strconv.Itoa(2*n), aggregate: id, version: 2, cause: 1, kind: "OrderCompleted", occurred: at.Add(5 * time.Minute),
			})
		}
	}
	for _, e := range p.events {
		write(e)
	}
}

func (p *population) writeEvents(s *sheet) { p.eachEvent(s, s.event) }

func (p *population) writeProcessed(s *sheet) {
	p.eachEvent(s, func(e event) {
		s.text(e.id)
		s.time(e.occurred.Add(200 * time.Millisecond))
		s.end()
	})
}

// writeMigrations writes the history of 57 migrations.
func (p *population) writeMigrations(s *sheet) {
	const last = 57
	for rank := 1; rank <= last; rank++ {
		topic := migrationTopics[rank%len(migrationTopics)]
		at := p.now.Add(-history + time.Duration(rank)*12*24*time.Hour)
		if rank == last {
			topic, at = "drop customer foreign key from orders", p.migrated
		}
		s.integer(rank)
		s.text(strconv.Itoa(rank))
		s.text(topic)
		s.text("SQL")
		s.text(fmt.Sprintf("V%d__%s.sql", rank, snake(topic)))
		s.integer(int(int32(p.dice.roll(streamTime, -rank))))
		s.text("flyway")
		s.time(at)
		s.integer(20 + rank)
		s.boolean(true)
		s.end()
	}
}
