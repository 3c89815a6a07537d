package bot

import "sync"

// recent remembers the last requests by id, so that a redelivery on another
// socket is acknowledged without doing the work again, and one that comes while
// the first is still under way waits for its end. It is only a saving: the store
// is what makes a request count once, over all replicas and restarts.
type recent struct {
	mu    sync.Mutex
	limit int
	order []string
	seen  map[string]*attempt
}

// attempt is one request being handled. done is closed at its end; ok tells
// then whether it may be acknowledged.
type attempt struct {
	done chan struct{}
	ok   bool
}

func newRecent(limit int) *recent {
	return &recent{limit: limit, seen: make(map[string]*attempt, limit)}
}

// begin gives the attempt for id and whether the caller is the one to make it.
func (r *recent) begin(id string) (*attempt, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a, ok := r.seen[id]; ok {
		return a, false
	}
	a := &attempt{done: make(chan struct{})}
	if len(r.order) == r.limit {
		delete(r.seen, r.order[0])
		r.order = r.order[1:]
	}
	r.order = append(r.order, id)
	r.seen[id] = a
	return a, true
}

// end closes the attempt. One that failed is forgotten, so that a redelivery
// tries again.
func (r *recent) end(id string, a *attempt, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.ok = ok
	close(a.done)
	if !ok && r.seen[id] == a {
		delete(r.seen, id)
	}
}
