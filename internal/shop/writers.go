package shop

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

// Writers are the shop's innocent traffic: orders placed in one transaction or step by step, changed, cancelled,
// paid back and deleted with their children, stock moved, rows of every kind rewritten in place. They never
// change what is planted, so the truth holds while they run and after; a check that reports a row of theirs is
// wrong. As much is deleted as is placed, so they may run for days.
type Writers struct {
	// DSN is the shop's database, with the right to change its rows.
	DSN string
	// Truth tells which rows are planted.
	Truth *Truth
	// Connections is how many work side by side; default 4.
	Connections int
	// Rate is how many operations all of them start per second; default 50.
	Rate float64
	// Seed makes the choice of operations repeatable; what they meet in the database is not.
	Seed uint64
}

// operationLimit bounds one operation with all its steps, also after the writers were told to stop.
const operationLimit = 30 * time.Second

// Validate names what is missing.
func (w Writers) Validate() error {
	var problems []error
	if w.DSN == "" {
		problems = append(problems, errors.New("shop: writers need a database"))
	}
	if w.Truth == nil {
		problems = append(problems, errors.New("shop: writers need the truth, or they would change it"))
	}
	if w.Truth != nil && (w.Truth.Orders < 1 || w.Truth.Customers < 1 || w.Truth.Products < 1) {
		problems = append(problems, errors.New("shop: writers need the truth about a generated shop, not an empty one"))
	}
	if w.Connections < 0 || w.Connections > 100 {
		problems = append(problems, fmt.Errorf("shop: writers: connections must be between 1 and 100, not %d", w.Connections))
	}
	if w.Rate < 0 {
		problems = append(problems, fmt.Errorf("shop: writers: rate must not be negative, but is %g", w.Rate))
	}
	return errors.Join(problems...)
}

// Run writes until ctx ends and then finishes what was begun, so that no half-placed order is left behind. It
// gives how often each operation was done, also when it failed.
func (w Writers) Run(ctx context.Context) (map[string]int, error) {
	if err := w.Validate(); err != nil {
		return nil, err
	}
	t := newTraffic(w)
	limit := rate.NewLimiter(rate.Limit(orDefault(w.Rate, 50)), 1)
	all, working := errgroup.WithContext(ctx)
	for i := range orDefault(w.Connections, 4) {
		all.Go(func() error { return t.work(working, limit, rand.New(rand.NewPCG(w.Seed, uint64(i)))) })
	}
	err := all.Wait()
	return t.counts(), err
}

func orDefault[T int | float64](v, fallback T) T {
	if v == 0 {
		return fallback
	}
	return v
}

// traffic is what the writers share.
type traffic struct {
	dsn      string
	truth    *Truth
	reserved map[string]bool // orders and products that are planted
	touches  []touch

	mu     sync.Mutex
	placed []string // orders of ours that are complete, oldest first
	done   map[string]int
}

func newTraffic(w Writers) *traffic {
	t := &traffic{dsn: w.DSN, truth: w.Truth, reserved: map[string]bool{}, done: map[string]int{}}
	for _, ids := range w.Truth.Reserved {
		for _, id := range ids {
			t.reserved[id] = true
		}
	}
	for _, p := range w.Truth.Plants {
		for _, key := range p.Keys {
			t.touches = append(t.touches, touch{p.Table, key})
		}
	}
	return t
}

func (t *traffic) counts() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.done)
}

// writer is one connection at work.
type writer struct {
	*traffic
	conn *pgx.Conn
	rng  *rand.Rand
	stop <-chan struct{} // closed when the writers are to stop
}

func (t *traffic) work(ctx context.Context, limit *rate.Limiter, rng *rand.Rand) error {
	conn, err := pgx.Connect(ctx, t.dsn)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("shop: writers: %w", err)
	}
	w := &writer{traffic: t, conn: conn, rng: rng, stop: ctx.Done()}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = conn.Close(closing) // between operations nothing is open
	}()
	for limit.Wait(ctx) == nil {
		if err := w.operate(ctx); err != nil {
			return err
		}
	}
	return nil
}

// operate does one operation to its end, whatever becomes of ctx meanwhile.
func (w *writer) operate(ctx context.Context) error {
	op := w.pick()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), operationLimit)
	defer cancel()
	err := op.do(w, ctx)
	name := op.name
	switch {
	case errors.Is(err, errNothingThere):
		name = "nothing to do"
	case isCollision(err):
		name = "collisions" // rolled back as a whole: nothing was done
	case err != nil:
		return fmt.Errorf("shop: writers: %s: %w", op.name, err)
	}
	w.mu.Lock()
	w.done[name]++
	w.mu.Unlock()
	return nil
}

// errNothingThere says that an operation met a row that is gone or cannot be treated so.
var errNothingThere = errors.New("nothing to do")

// isCollision tells whether Postgres rolled a single transaction back because of another one.
func isCollision(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (refused.Code == "40P01" || refused.Code == "40001")
}

type operation struct {
	name   string
	weight int
	do     func(*writer, context.Context) error
}

// operations are what writers do, and how often. Placing and deleting balance.
func operations() []operation {
	return []operation{
		{"place", 14, (*writer).place},
		{"place step by step", 6, (*writer).placeInSteps},
		{"place before the customer", 3, (*writer).placeBeforeCustomer},
		{"change items", 10, (*writer).changeItems},
		{"complete", 12, (*writer).complete},
		{"cancel", 6, (*writer).cancel},
		{"move stock", 12, (*writer).moveStock},
		{"take stock", 2, (*writer).takeStock},
		{"touch planted rows", 12, (*writer).touchPlanted},
		{"touch other rows", 6, (*writer).touchOthers},
		{"delete", 23, (*writer).delete},
	}
}

func (w *writer) pick() operation {
	all := operations()
	total := 0
	for _, op := range all {
		total += op.weight
	}
	n := w.rng.IntN(total)
	for _, op := range all {
		if n -= op.weight; n < 0 {
			return op
		}
	}
	return all[0]
}

// pause waits a moment between the steps of one operation, less when the writers are to stop.
func (w *writer) pause() {
	timer := time.NewTimer(time.Duration(w.rng.IntN(150)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.stop:
	}
}

func (w *writer) inTx(ctx context.Context, do func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, w.conn, do)
}

// someOrder is an order that is not planted; it may be gone.
func (w *writer) someOrder() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.placed) > 0 && w.rng.IntN(2) == 0 {
		return w.placed[w.rng.IntN(len(w.placed))]
	}
	return w.unreserved("o", w.truth.Orders)
}

// unreserved is the id of an ordinary row; it may be gone.
func (w *writer) unreserved(prefix string, size int) string {
	for {
		if id := prefix + strconv.Itoa(1+w.rng.IntN(size)); !w.reserved[id] {
			return id
		}
	}
}

func (w *writer) finished(order string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.placed = append(w.placed, order)
}

// oldest takes the oldest of our orders off the list, as long as there are some left to work on.
func (w *writer) oldest() (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.placed) < 20 {
		return "", false
	}
	id := w.placed[0]
	w.placed = w.placed[1:]
	return id, true
}
