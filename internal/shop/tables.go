package shop

// Where each kind of row goes, and in which order its columns are written.
const (
	customerColumns  = "customers (id, email, name, phone, referred_by, created_at, updated_at)"
	productColumns   = "products (id, name, price, stock_quantity, version, created_at, updated_at)"
	movementColumns  = "inventory (id, product_id, quantity, reason, created_at)"
	orderColumns     = "orders (id, customer_id, status, currency, total_amount, note, created_at, updated_at)"
	itemColumns      = "order_items (id, order_id, product_id, quantity, unit_price, created_at)"
	paymentColumns   = "payments (id, order_id, amount, currency, status, provider_ref, refund_of, created_at, updated_at)"
	eventColumns     = "domain_events (event_id, aggregate_type, aggregate_id, version, cause_version, event_type, payload, occurred_at)"
	processedColumns = "processed_events (event_id, processed_at)"
	migrationColumns = "flyway_schema_history (installed_rank, version, description, type, script, checksum, installed_by, installed_on, execution_time, success)"
)

func tables() []string {
	return []string{
		"customers", "products", "inventory", "orders", "order_items", "payments", "domain_events", "processed_events",
		"flyway_schema_history",
	}
}

func (s *sheet) customer(c *customer) {
	s.text(c.id)
	s.optional(c.email)
	s.text(c.name)
	s.optional(c.phone)
	s.optional(c.referredBy)
	s.time(c.created)
	s.time(c.updated)
	s.end()
}

func (s *sheet) product(p *product) {
	s.text(p.id)
	s.text(p.name)
	s.amount(p.price)
	if p.stock == nil {
		s.null()
	} else {
		s.integer(*p.stock)
	}
	s.bigint(p.version)
	s.time(p.created)
	s.time(p.updated)
	s.end()
}

func (s *sheet) movement(m *movement) {
	s.text(m.id)
	s.text(m.product)
	s.integer(m.quantity)
	s.text(m.reason)
	s.time(m.created)
	s.end()
}

func (s *sheet) order(o *order) {
	s.text(o.id)
	s.optional(o.customer)
	s.text(o.status)
	s.text(o.currency)
	if o.total == nil {
		s.null()
	} else {
		s.amount(*o.total)
	}
	s.optional(o.note)
	s.time(o.created)
	s.time(o.updated)
	s.end()
}

func (s *sheet) item(it *item) {
	s.text(it.id)
	s.optional(it.order)
	s.optional(it.product)
	s.integer(it.quantity)
	s.amount(it.price)
	s.time(it.created)
	s.end()
}

func (s *sheet) payment(p *payment) {
	s.text(p.id)
	s.optional(p.order)
	s.amount(p.amount)
	s.text(p.currency)
	s.text(p.status)
	s.optional(p.ref)
	s.optional(p.refundOf)
	s.time(p.created)
	s.time(p.updated)
	s.end()
}

func (s *sheet) event(e event) {
	s.text(e.id)
	s.text("order")
	s.text(e.aggregate)
	s.integer(e.version)
	if e.cause == 0 {
		s.null()
	} else {
		s.integer(e.cause)
	}
	s.text(e.kind)
	s.jsonb(`{"orderId": "` + e.aggregate + `"}`)
	s.time(e.occurred)
	s.end()
}
