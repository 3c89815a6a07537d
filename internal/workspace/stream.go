package workspace

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// maxBehind is how many notices a reader may be behind; one that is further
// behind is cut off and comes back.
const maxBehind = 1024

// keepAlive is how often a silent stream sends a comment.
const keepAlive = 15 * time.Second

// notice tells the pages that something is different.
type notice struct {
	Rev      int    `json:"rev"`
	Type     string `json:"type"`
	Channel  string `json:"channel,omitempty"`
	ThreadTS string `json:"thread_ts,omitempty"`
	TS       string `json:"ts,omitempty"`
	View     obj    `json:"view,omitempty"`

	only string // the person it concerns; empty for everyone
}

// stream is the list of those who listen. rev counts all changes.
type stream struct {
	rev     int
	readers []*reader
}

type reader struct {
	user string
	out  chan []byte
}

// publish tells everyone concerned.
func (w *Workspace) publish(n notice) {
	w.stream.rev++
	n.Rev = w.stream.rev
	var line []byte
	for _, r := range slices.Clone(w.stream.readers) {
		if !w.concerns(n, r.user) {
			continue
		}
		if line == nil {
			line, _ = json.Marshal(n) // a notice holds nothing but strings and parsed JSON
		}
		select {
		case r.out <- line:
		default:
			w.leave(r)
		}
	}
}

// concerns keeps what happens in other people's conversations from a reader.
func (w *Workspace) concerns(n notice, user string) bool {
	if n.only != "" {
		return n.only == user
	}
	ch := w.channels[n.Channel]
	return ch == nil || n.Type == "channel" || ch.has(user) || !(ch.IsPrivate || ch.IM || ch.Group)
}

func (w *Workspace) leave(r *reader) {
	if i := slices.Index(w.stream.readers, r); i >= 0 {
		w.stream.readers = slices.Delete(w.stream.readers, i, i+1)
		close(r.out)
	}
}

// serveEvents is the stream of notices for one person (Server-Sent Events).
func (w *Workspace) serveEvents(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	person, refusal := w.acting(r.URL.Query().Get("as"))
	w.mu.Unlock()
	if refusal != nil {
		writeSim(rw, nil, refusal)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	control := http.NewResponseController(rw)
	sub := &reader{user: person.ID, out: make(chan []byte, maxBehind)}
	w.mu.Lock()
	w.stream.readers = append(w.stream.readers, sub)
	first := fmt.Sprintf(": rev %d\n\n", w.stream.rev)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.leave(sub)
		w.mu.Unlock()
	}()
	if _, err := fmt.Fprint(rw, first); err != nil {
		return
	}
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for control.Flush() == nil {
		line, open := ": still here\n\n", true
		select {
		case <-r.Context().Done():
			return
		case <-w.done:
			return
		case <-tick.C:
		case data, ok := <-sub.out:
			line, open = "data: "+string(data)+"\n\n", ok
		}
		if !open {
			return
		}
		if _, err := fmt.Fprint(rw, line); err != nil {
			return
		}
	}
}
