package shop

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// loader writes a population with two sessions: one for order_items, which is most of the work, one for the rest.
type loader struct {
	main, items *pgx.Conn
	progress    func(Progress)
	mu          sync.Mutex
	rows        map[string]int64
}

func openLoader(ctx context.Context, dsn string, progress func(Progress)) (*loader, error) {
	l := &loader{progress: progress, rows: map[string]int64{}}
	for _, conn := range []**pgx.Conn{&l.main, &l.items} {
		opened, err := pgx.Connect(ctx, dsn)
		if err != nil {
			l.close()
			return nil, fmt.Errorf("make shop: %w", err)
		}
		*conn = opened
		const fast = `SET synchronous_commit = off; SET maintenance_work_mem = '512MB'; SET max_parallel_maintenance_workers = 0;
			SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET client_min_messages = warning`
		if _, err := opened.Exec(ctx, fast); err != nil {
			l.close()
			return nil, fmt.Errorf("make shop: prepare the session: %w", err)
		}
	}
	return l, nil
}

func (l *loader) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, conn := range []*pgx.Conn{l.main, l.items} {
		if conn != nil {
			_ = conn.Close(ctx) // nothing is open in it that could be lost
		}
	}
}

func (l *loader) load(ctx context.Context, pop *population, opt Options) (map[string]int64, error) {
	if err := refuseExisting(ctx, l.main); err != nil {
		return nil, err
	}
	if err := l.run(ctx, l.main, "schema", schemaSQL); err != nil {
		return nil, err
	}
	if err := l.fill(ctx, pop, opt.Unclustered); err != nil {
		return nil, err
	}
	if err := l.share(ctx, "keys", statements(keysSQL)); err != nil {
		return nil, err
	}
	if err := l.run(ctx, l.main, "references", referencesSQL); err != nil {
		return nil, err
	}
	if opt.Plant != PlantNone {
		if err := l.breakForeignKeys(ctx, pop.unchecked, pop.unvalidated); err != nil {
			return nil, err
		}
	}
	return l.rows, l.share(ctx, "vacuum", []string{
		"VACUUM (ANALYZE) order_items", "VACUUM (ANALYZE) orders, customers, products", "VACUUM (ANALYZE) payments, inventory",
		"VACUUM (ANALYZE) domain_events, processed_events, flyway_schema_history",
	})
}

// statements splits a script of ours, which has one statement per line and comments on lines of their own.
func statements(script string) []string {
	var list []string
	for line := range strings.Lines(script) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "--") {
			list = append(list, line)
		}
	}
	return list
}

// share runs statements side by side in both sessions, each taking the next one.
func (l *loader) share(ctx context.Context, step string, list []string) error {
	next := make(chan string, len(list))
	for _, statement := range list {
		next <- statement
	}
	close(next)
	both, ctx := errgroup.WithContext(ctx)
	for _, conn := range []*pgx.Conn{l.main, l.items} {
		both.Go(func() error {
			for statement := range next {
				if err := l.run(ctx, conn, step, statement); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return both.Wait()
}

// run runs statements of ours that take no parameters.
func (l *loader) run(ctx context.Context, conn *pgx.Conn, step, sql string) error {
	l.tell(Progress{Step: step})
	if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		return fmt.Errorf("make shop: %s: %w", step, err)
	}
	return nil
}

func (l *loader) tell(p Progress) {
	if l.progress == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.progress(p)
}

func (l *loader) copy(ctx context.Context, conn *pgx.Conn, table, columns string, total int, fill func(*sheet)) error {
	tell := func(done int64) { l.tell(Progress{Step: table, Done: done, Total: int64(total)}) }
	tell(0)
	n, err := copyRows(ctx, conn.PgConn(), columns, tell, fill)
	if err != nil {
		return fmt.Errorf("make shop: %w", err)
	}
	l.mu.Lock()
	l.rows[table] += n
	l.mu.Unlock()
	return nil
}

// fill writes all rows, those of order_items beside all others.
func (l *loader) fill(ctx context.Context, pop *population, unclustered bool) error {
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		write := func(s *sheet) { pop.writeItems(s, unclustered) }
		return l.copy(ctx, l.items, "order_items", itemColumns, 3*pop.orders, write)
	})
	both.Go(func() error { return l.fillRest(ctx, pop) })
	return both.Wait()
}

func (l *loader) fillRest(ctx context.Context, pop *population) error {
	for _, t := range []struct {
		table, columns string
		total          int
		fill           func(*sheet)
	}{
		{"orders", orderColumns, pop.orders, pop.writeOrders},
		{"payments", paymentColumns, pop.orders * 9 / 10, pop.writePayments},
		{"customers", customerColumns, pop.customers, pop.writeCustomers},
		{"products", productColumns, pop.products, pop.writeProducts},
		{"inventory", movementColumns, pop.products * 3, pop.writeMovements},
		{"domain_events", eventColumns, 0, pop.writeEvents},
		{"processed_events", processedColumns, 0, pop.writeProcessed},
		{"flyway_schema_history", migrationColumns, 0, pop.writeMigrations},
	} {
		if err := l.copy(ctx, l.main, t.table, t.columns, t.total, t.fill); err != nil {
			return err
		}
	}
	return nil
}

// breakForeignKeys writes rows that refer to nothing past a declared foreign key, and puts another one back as
// NOT VALID if that is wanted.
func (l *loader) breakForeignKeys(ctx context.Context, unchecked []movement, unvalidated bool) error {
	const notValid = `
		ALTER TABLE customers DROP CONSTRAINT customers_referred_by_fkey;
		ALTER TABLE customers ADD CONSTRAINT customers_referred_by_fkey
			FOREIGN KEY (referred_by) REFERENCES customers (id) NOT VALID`
	if unvalidated {
		if err := l.run(ctx, l.main, "foreign keys", notValid); err != nil {
			return err
		}
	}
	return pgx.BeginFunc(ctx, l.main, func(tx pgx.Tx) error {
		if err := writeUnchecked(ctx, tx, unchecked); err != nil {
			return fmt.Errorf("make shop: %w", err)
		}
		l.rows["inventory"] += int64(len(unchecked))
		return nil
	})
}

// writeUnchecked writes movements with triggers off, which is how a foreign key comes not to hold.
func writeUnchecked(ctx context.Context, tx pgx.Tx, rows []movement) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, "SET LOCAL session_replication_role = replica"); err != nil {
		return fmt.Errorf("turn triggers off to plant a broken foreign key (this needs a superuser): %w", err)
	}
	_, err := copyRows(ctx, tx.Conn().PgConn(), movementColumns, nil, func(s *sheet) {
		for i := range rows {
			s.movement(&rows[i])
		}
	})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "SET LOCAL session_replication_role = origin"); err != nil {
		return fmt.Errorf("turn triggers on again: %w", err)
	}
	return nil
}
