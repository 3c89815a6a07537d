package cluster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sort"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// change is one write: old is nil for a creation, next for a deletion.
type change struct {
	version   uint64
	kind      *kind
	old, next object
}

// remember keeps a change for those who watch.
func (c *Cluster) remember(k *kind, old, next object) {
	if next == nil { // a deletion is told with its own version
		old = copyOf(old)
		old.SetResourceVersion(strconv.FormatUint(c.version, 10))
	}
	c.history = append(c.history, change{c.version, k, old, next})
	if len(c.history) > c.options.History {
		half := len(c.history) / 2
		c.gone = c.history[half-1].version
		c.history = append([]change(nil), c.history[half:]...)
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// event is what a change is to those who watch a selection.
func (s selection) event(ch change) (watch.EventType, object) {
	if ch.kind != s.kind {
		return "", nil
	}
	was, is := s.has(ch.old), s.has(ch.next)
	switch {
	case is && was:
		return watch.Modified, ch.next
	case is:
		return watch.Added, ch.next
	case was && ch.next == nil:
		return watch.Deleted, ch.old
	case was: // it is no longer selected: the new state is told
		return watch.Deleted, ch.next
	default:
		return "", nil
	}
}

// watcher is one watch.
type watcher struct {
	c         *Cluster
	w         http.ResponseWriter
	a         *ask
	selection selection
	seen      uint64 // the version up to which everything was told
}

func (c *Cluster) serveWatch(w http.ResponseWriter, r *http.Request, a *ask, k *kind) error {
	s, err := newSelection(a, k)
	if err != nil {
		return err
	}
	one := &watcher{c: c, w: w, a: a, selection: s}
	first, err := one.begin()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(http.StatusOK)
	for _, o := range first {
		if err := one.tell(watch.Added, o); err != nil {
			return err
		}
	}
	if a.flag("sendInitialEvents") {
		if err := one.bookmark(); err != nil {
			return err
		}
	}
	return one.follow(r)
}

// begin decides where to begin, and what there is already.
func (o *watcher) begin() ([]object, error) {
	c := o.c
	c.mu.Lock()
	defer c.mu.Unlock()
	from := o.a.query.Get("resourceVersion")
	if from == "" || from == "0" || o.a.flag("sendInitialEvents") {
		items, version, err := c.selected(o.selection, "")
		o.seen = version
		return items, err
	}
	version, err := strconv.ParseUint(from, 10, 64)
	if err != nil {
		return nil, &apierrors.StatusError{ErrStatus: metav1.Status{ // the real one blames itself, and gives no reason
			Status: metav1.StatusFailure, Code: http.StatusInternalServerError,
			Message: fmt.Sprintf("resourceVersion: Invalid value: %q: %v", from, err),
		}}
	}
	if version < c.gone {
		return nil, tooOld(version, c.gone)
	}
	o.seen = version
	return nil, nil
}

func tooOld(version, oldest uint64) *apierrors.StatusError {
	return apierrors.NewResourceExpired(fmt.Sprintf("too old resource version: %d (%d)", version, oldest))
}

// follow tells changes until the client goes, its time is over or the cluster ends.
func (o *watcher) follow(r *http.Request) error {
	over := make(chan struct{})
	if seconds, err := strconv.Atoi(o.a.query.Get("timeoutSeconds")); err == nil && seconds > 0 {
		stop := o.c.options.Clock.AfterFunc(time.Duration(seconds)*time.Second, func() { close(over) })
		defer stop()
	}
	flush := http.NewResponseController(o.w)
	for {
		news, changed, err := o.news()
		if err != nil {
			return o.frame(watch.Error, err.Status())
		}
		for _, ch := range news {
			if kind, object := o.selection.event(ch); kind != "" {
				if err := o.tell(kind, object); err != nil {
					return err
				}
			}
		}
		if err := flush.Flush(); err != nil {
			return errStreamEnded
		}
		select {
		case <-changed:
		case <-over:
			return errStreamEnded
		case <-o.c.done:
			return errStreamEnded
		case <-o.c.faults.cut():
			return errStreamEnded
		case <-r.Context().Done():
			return errStreamEnded
		}
	}
}

func (o *watcher) news() ([]change, <-chan struct{}, *apierrors.StatusError) {
	c := o.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if o.seen < c.gone {
		return nil, nil, tooOld(o.seen, c.gone)
	}
	first := sort.Search(len(c.history), func(i int) bool { return c.history[i].version > o.seen })
	o.seen = max(o.seen, c.version)
	return c.history[first:len(c.history):len(c.history)], c.changed, nil
}

func (o *watcher) tell(kind watch.EventType, what object) error {
	b, err := encode(o.a, o.selection.kind, what, true)
	if err != nil {
		return err
	}
	return o.frame(kind, json.RawMessage(b))
}

// bookmark says that everything there was has been told.
func (o *watcher) bookmark() error {
	mark := o.selection.kind.fresh()
	mark.SetResourceVersion(strconv.FormatUint(o.seen, 10))
	mark.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	return o.tell(watch.Bookmark, mark)
}

func (o *watcher) frame(kind watch.EventType, what any) error {
	b, err := json.Marshal(struct {
		Type   watch.EventType `json:"type"`
		Object any             `json:"object"`
	}{kind, what})
	if err != nil {
		return fmt.Errorf("encoding a change: %w", err)
	}
	if _, err := o.w.Write(append(b, '\n')); err != nil {
		return errStreamEnded
	}
	return nil
}
