package shop

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// sheet writes rows in the text format of COPY. It keeps the first error, so that a fill function only has to
// look at it at its end.
type sheet struct {
	out  io.Writer
	buf  []byte
	mid  bool // inside a row: the next field needs a tab before it
	rows int64
	tell func(rows int64)
	err  error
}

const (
	sheetFlush = 128 << 10
	sheetTell  = 1 << 16
)

// copyRows streams what fill writes into one table and gives the number of rows the server took.
func copyRows(ctx context.Context, conn *pgconn.PgConn, columns string, tell func(int64), fill func(*sheet)) (int64, error) {
	reader, writer := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s := &sheet{out: writer, tell: tell}
		fill(s)
		s.flush()
		writer.CloseWithError(s.err)
	}()
	tag, err := conn.CopyFrom(ctx, reader, "COPY "+columns+" FROM STDIN")
	reader.CloseWithError(io.ErrClosedPipe)
	<-done
	if err != nil {
		return 0, fmt.Errorf("copy into %s: %w", columns, err)
	}
	return tag.RowsAffected(), nil
}

func (s *sheet) flush() {
	if s.err == nil && len(s.buf) > 0 {
		_, s.err = s.out.Write(s.buf)
	}
	s.buf = s.buf[:0]
}

func (s *sheet) field() {
	if s.mid {
		s.buf = append(s.buf, '\t')
	}
	s.mid = true
}

func (s *sheet) end() {
	s.buf = append(s.buf, '\n')
	s.mid = false
	s.rows++
	if len(s.buf) >= sheetFlush {
		s.flush()
	}
	if s.tell != nil && s.rows%sheetTell == 0 {
		s.tell(s.rows)
	}
}

func (s *sheet) text(v string) {
	s.field()
	for i := 0; i < len(v); i++ {
		switch c := v[i]; c {
		case '\\':
			s.buf = append(s.buf, '\\', '\\')
		case '\n':
			s.buf = append(s.buf, '\\', 'n')
		case '\r':
			s.buf = append(s.buf, '\\', 'r')
		case '\t':
			s.buf = append(s.buf, '\\', 't')
		default:
			s.buf = append(s.buf, c)
		}
	}
}

func (s *sheet) null() {
	s.field()
	s.buf = append(s.buf, '\\', 'N')
}

func (s *sheet) optional(v *string) {
	if v == nil {
		s.null()
		return
	}
	s.text(*v)
}

func (s *sheet) int(v int) {
	s.field()
	s.buf = strconv.AppendInt(s.buf, int64(v), 10)
}

// numbered is an id made of a letter or two and a number, without the garbage of building a string.
func (s *sheet) numbered(prefix string, n int) {
	s.field()
	s.buf = strconv.AppendInt(append(s.buf, prefix...), int64(n), 10)
}

func (s *sheet) amount(v Amount) {
	s.field()
	s.buf = v.append(s.buf)
}

func (s *sheet) time(v time.Time) {
	s.field()
	s.buf = v.UTC().AppendFormat(s.buf, "2006-01-02 15:04:05.999999+00")
}

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
		s.int(*p.stock)
	}
	s.int(p.version)
	s.time(p.created)
	s.time(p.updated)
	s.end()
}

func (s *sheet) movement(m *movement) {
	s.text(m.id)
	s.text(m.product)
	s.int(m.quantity)
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
	s.int(it.quantity)
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
