package cluster

import (
	"sync"
	"time"
)

// Entry is one request.
type Entry struct {
	N         int
	At        time.Time
	User      string // empty: nobody's token
	UserAgent string
	Verb      string // get, list, watch, create, update, patch, delete; get for what is no resource
	Path      string
	Query     string
	Resource  string // with its subresource: deployments/scale
	Namespace string
	Name      string
	DryRun    bool
	Manager   string // what the fields are managed under; empty for reads
	Status    int    // 0: not answered, or not yet
	Took      time.Duration
}

// Writes tells that a request changed something if it succeeded.
func (e Entry) Writes() bool {
	switch e.Verb {
	case "create", "update", "patch", "delete", "deletecollection":
		return !e.DryRun
	default:
		return false
	}
}

// journal is a bounded list; numbers go on rising when old entries are dropped.
type journal struct {
	limit int

	mu      sync.Mutex
	last    int
	entries []*Entry
}

func (j *journal) begin(a *ask, now time.Time) *Entry {
	e := &Entry{
		At: now, UserAgent: a.agent, Verb: a.verb, Path: a.path, Query: a.query.Encode(), Namespace: a.namespace, Name: a.name,
		Resource: attributes{resource: a.resource, subresource: a.subresource}.whole(), DryRun: len(a.query["dryRun"]) > 0,
	}
	if a.user != nil {
		e.User = a.user.Name
	}
	if a.writes() {
		e.Manager = managerOf(a.query.Get("fieldManager"), a.agent)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	e.N = j.last
	if len(j.entries) >= j.limit {
		j.entries = append([]*Entry(nil), j.entries[j.limit/4+1:]...)
	}
	j.entries = append(j.entries, e)
	return e
}

func (j *journal) end(e *Entry, code int, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Status, e.Took = code, now.Sub(e.At)
}

// Journal is what was asked after entry number n; 0 is everything still kept.
func (c *Cluster) Journal(n int) []Entry {
	c.journal.mu.Lock()
	defer c.journal.mu.Unlock()
	var all []Entry
	for _, e := range c.journal.entries {
		if e.N > n {
			all = append(all, *e)
		}
	}
	return all
}
