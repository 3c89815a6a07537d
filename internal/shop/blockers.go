package shop

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Blockers are sessions of the shop's services that block each other: one that was left in the middle of its
// transaction, those that wait for it, and innocent ones beside them.
type Blockers struct {
	// Root is the process id of the session that all others wait for, and Waiting those of the others.
	Root    uint32
	Waiting []uint32

	conns   []*pgx.Conn
	stop    context.CancelFunc // ends what the waiting ones wait for
	waiting sync.WaitGroup
}

// BlockersOptions say where.
type BlockersOptions struct {
	DSN     string // of a service's role, which may change products
	Waiters int    // default 3
	Truth   *Truth // no planted product is touched
}

// Block opens the sessions. None of them ever commits, so that no row changes.
func Block(ctx context.Context, o BlockersOptions) (b *Blockers, err error) {
	if o.Waiters == 0 {
		o.Waiters = 3
	}
	waits, stop := context.WithCancel(context.WithoutCancel(ctx))
	b = &Blockers{stop: stop}
	defer func() {
		if err != nil {
			err = fmt.Errorf("shop: block sessions: %w", errors.Join(err, b.Close()))
			b = nil
		}
	}()
	root, err := b.open(ctx, o.DSN, "ecommerce-backend")
	if err != nil {
		return b, err
	}
	b.Root = root.PgConn().PID()
	var products []string
	rows, err := root.Query(ctx, `SELECT id FROM products WHERE id ~ '^p[0-9]+$' AND id <> ALL (coalesce($1::text[], '{}')) ORDER BY id LIMIT 2`, o.Truth.Reserved["products"])
	if err != nil {
		return b, err
	}
	if products, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return b, err
	}
	if len(products) < 2 {
		return b, errors.New("there are no products")
	}
	if err := b.deadlock(ctx, o.DSN, products); err != nil {
		return b, err
	}
	if err := sell(ctx, root, products[0]); err != nil {
		return b, err
	}
	for range o.Waiters {
		if err := b.wait(ctx, waits, o.DSN, products[0]); err != nil {
			return b, err
		}
	}
	err = b.awaitWaiting(ctx, root)
	return b, err
}

func (b *Blockers) open(ctx context.Context, dsn, application string) (*pgx.Conn, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	c.RuntimeParams["application_name"] = application
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, err
	}
	b.conns = append(b.conns, conn)
	_, err = conn.Exec(ctx, "BEGIN")
	return conn, err
}

// sell locks a product as a sale does, and changes nothing that anybody sees.
func sell(ctx context.Context, conn *pgx.Conn, product string) error {
	_, err := conn.Exec(ctx, "UPDATE products SET stock_quantity = stock_quantity - 1 WHERE id = $1", product)
	return err
}

// wait opens a session that waits for the product until the root ends, or waits does.
func (b *Blockers) wait(ctx, waits context.Context, dsn, product string) error {
	conn, err := b.open(ctx, dsn, "inventory-service")
	if err != nil {
		return err
	}
	b.Waiting = append(b.Waiting, conn.PgConn().PID())
	b.waiting.Go(func() { // it is meant to wait; how that ends is for others to say
		if sell(waits, conn, product) == nil {
			_, _ = conn.Exec(waits, "ROLLBACK") // and lets the next one go on
		}
	})
	return nil
}

// deadlock lets two sessions meet in one, so that the database has counted one.
func (b *Blockers) deadlock(ctx context.Context, dsn string, products []string) error {
	one, err := b.open(ctx, dsn, "ecommerce-backend")
	if err != nil {
		return err
	}
	two, err := b.open(ctx, dsn, "inventory-service")
	if err != nil {
		return err
	}
	if err := errors.Join(sell(ctx, one, products[0]), sell(ctx, two, products[1])); err != nil {
		return err
	}
	var met sync.WaitGroup
	met.Go(func() { _ = sell(ctx, one, products[1]) }) // one of the two fails: which one the database decides
	met.Go(func() { _ = sell(ctx, two, products[0]) })
	met.Wait()
	_, errOne := one.Exec(ctx, "ROLLBACK")
	_, errTwo := two.Exec(ctx, "ROLLBACK")
	return errors.Join(errOne, errTwo)
}

// awaitWaiting waits until all of them wait.
func (b *Blockers) awaitWaiting(ctx context.Context, root *pgx.Conn) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var n int
		if err := root.QueryRow(ctx, "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = ANY ($1)", b.Waiting).Scan(&n); err != nil {
			return err
		}
		if n == len(b.Waiting) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Close ends all sessions. That somebody else ended one before is no error.
func (b *Blockers) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	b.stop()
	b.waiting.Wait()
	for _, conn := range b.conns {
		_ = conn.Close(ctx)
	}
	return nil
}
