package store

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/commands"
)

// lanes is how many groups are committed side by side: while one waits for the
// disk, the next one does its inserts and queues for the audit head.
const lanes = 2

// errClosed is the answer after Close.
var errClosed = errors.New("the store is being closed")

// request is one call of Record or Append on its way through the committer.
type request struct {
	key      string // inbox key; empty: no de-duplication
	numbered bool
	build    func(run int64) commands.Intent

	built     bool
	intent    commands.Intent
	taken     bool // no longer in the queue; guarded by committer.mu
	duplicate bool
	err       error
	done      chan struct{}
}

// committer lets requests that come in while the disk is busy share the next
// transaction, and so one wait for the disk and one turn at the audit head. A
// request alone is committed at once; grouping costs no waiting.
type committer struct {
	store  *Store
	mu     sync.Mutex
	queue  []*request
	busy   int
	closed bool
	work   sync.WaitGroup
}

func newCommitter(s *Store) *committer { return &committer{store: s} }

// do commits one request and says how it went. If ctx ends while the request
// is still in the queue, it is taken back and nothing is done; if it is being
// committed, do waits for the outcome, which is bounded by WriteTimeout, so
// that "nothing was done" is never said of something that was.
func (c *committer) do(ctx context.Context, r *request) error {
	r.done = make(chan struct{})
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return errClosed
	}
	c.queue = append(c.queue, r)
	if c.busy < lanes {
		c.busy++
		c.work.Add(1)
		go c.drain()
	}
	c.mu.Unlock()
	select {
	case <-r.done:
	case <-ctx.Done():
		if c.takeBack(r) {
			return context.Cause(ctx)
		}
		<-r.done
	}
	return r.err
}

func (c *committer) takeBack(r *request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.taken {
		return false
	}
	for i, q := range c.queue {
		if q == r {
			c.queue = append(c.queue[:i:i], c.queue[i+1:]...)
			return true
		}
	}
	return false
}

func (c *committer) drain() {
	defer c.work.Done()
	for {
		group := c.next()
		if group == nil {
			return
		}
		c.run(group)
	}
}

func (c *committer) next() []*request {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.queue), c.store.opts.Group)
	if n == 0 {
		c.busy--
		return nil
	}
	group := c.queue[:n:n]
	c.queue = c.queue[n:]
	for _, r := range group {
		r.taken = true
	}
	return group
}

// run commits a group. If the database refuses it, each request is tried
// alone, so that a bad one fails by itself. A store that does not answer fails
// all: trying one by one would only multiply the waiting.
func (c *committer) run(group []*request) {
	err := c.attempt(group)
	if err != nil && len(group) > 1 && refused(err) {
		for _, r := range group {
			r.err = c.attempt([]*request{r})
			close(r.done)
		}
		return
	}
	for _, r := range group {
		r.err = err
		close(r.done)
	}
}

func (c *committer) attempt(group []*request) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), c.store.opts.WriteTimeout, errNoAnswer)
	defer cancel()
	err := c.store.recordGroup(ctx, group)
	if errors.Is(err, errInDoubt) {
		return c.store.findOut(group, err)
	}
	if err != nil && ctx.Err() != nil {
		// Not wrapped: this deadline is ours and must not look like the caller's.
		return fmt.Errorf("%w (%s): %v", errNoAnswer, c.store.opts.WriteTimeout, err) //nolint:errorlint // see above
	}
	return err
}

var errNoAnswer = errors.New("the store did not answer in time")

// refused tells an answer of a living server from a connection that is gone.
// Class 57 is "operator intervention": the server is going away.
func refused(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code[:2] != "57" || errors.Is(err, errBuild) || errors.Is(err, pgx.ErrTxCommitRollback) || moved(err)
}

func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.work.Wait()
}
