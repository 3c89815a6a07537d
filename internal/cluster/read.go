package cluster

import (
	"net/http"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (c *Cluster) serveGet(w http.ResponseWriter, a *ask, k *kind) error {
	c.mu.Lock()
	o, err := c.get(k, a.place())
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return writeObject(w, http.StatusOK, a, k, o)
}

func (c *Cluster) serveList(w http.ResponseWriter, a *ask, k *kind) error {
	s, err := newSelection(a, k)
	if err != nil {
		return err
	}
	limit := 0
	if v := a.query.Get("limit"); v != "" {
		if limit, err = strconv.Atoi(v); err != nil || limit < 0 {
			return apierrors.NewBadRequest("limit: invalid value " + strconv.Quote(v))
		}
	}
	c.mu.Lock()
	items, version, err := c.selected(s, a.query.Get("continue"))
	if err != nil {
		c.mu.Unlock()
		return err
	}
	m := metav1.ListMeta{ResourceVersion: strconv.FormatUint(version, 10)}
	if limit > 0 && len(items) > limit {
		m.Continue = c.pages.keep(page{version: version, rest: items[limit:]})
		if s.everything() {
			left := int64(len(items) - limit)
			m.RemainingItemCount = &left
		}
		items = items[:limit]
	}
	c.mu.Unlock()
	return writeList(w, a, k, m, items)
}

// selected is what a list begins with: all that there is now, or what a former list left.
func (c *Cluster) selected(s selection, next string) ([]object, uint64, error) {
	if next != "" {
		p, err := c.pages.take(next)
		return p.rest, p.version, err
	}
	var items []object
	for _, o := range c.list(s.kind, s.namespace) {
		if s.has(o) {
			items = append(items, o)
		}
	}
	return items, c.version, nil
}

// pages are what lists have left, the newest ones. A list goes on as of the version with which it began.
type pages struct {
	last int
	kept map[string]page
}

type page struct {
	number  int
	version uint64
	rest    []object
}

// mostPages is how many lists can be under way. In a real cluster they expire after five minutes.
const mostPages = 100

func (p *pages) keep(one page) string {
	if p.kept == nil {
		p.kept = map[string]page{}
	}
	p.last++
	one.number = p.last
	token := "page-" + strconv.Itoa(p.last)
	p.kept[token] = one
	for old, other := range p.kept {
		if other.number <= p.last-mostPages {
			delete(p.kept, old)
		}
	}
	return token
}

func (p *pages) take(token string) (page, error) {
	one, kept := p.kept[token]
	if !kept {
		return page{}, apierrors.NewResourceExpired("The provided continue parameter is too old to display a consistent list " +
			"result. You can start a new list without the continue parameter, or use the continue token in this response to " +
			"retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects " +
			"that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.")
	}
	return one, nil
}
