package workspace

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Fault makes calls of Method ("chat.postMessage", "response_url",
// "files.upload", "*" for all, "socket" for the Socket Mode link) go wrong.
//
// Kinds for methods: "429" (RetryAfter), "500", "timeout" (never answers),
// "lost_answer" (done, but the connection breaks before the answer), "error"
// (Error is the name), "slow" (done after Delay).
//
// Kinds for "socket": "refresh", "warning" and "drop" happen once, to Count
// connections, oldest first (0: to all). "link_disabled" ends all connections,
// and with Count 0 all later ones too until it is cleared. "silence" (no pings)
// and "duplicate" last until they are cleared; for "duplicate" Count is how
// often each envelope is delivered. "no_open" makes Count calls of
// apps.connections.open fail with Error (0: all until cleared).
type Fault struct {
	Method     string `json:"method"`
	Kind       string `json:"kind"`
	Error      string `json:"error,omitempty"`
	RetryAfter int    `json:"retry_after,omitempty"` // seconds
	DelayMS    int    `json:"delay_ms,omitempty"`
	// Count is how many calls are hit; 0 means until cleared.
	Count int `json:"count"`
	// Probability that a call is hit; 0 means always.
	Probability float64 `json:"probability,omitempty"`

	left int
}

var (
	callFaults   = []string{"429", "500", "timeout", "lost_answer", "error", "slow"}
	socketFaults = []string{"refresh", "warning", "drop", "link_disabled", "silence", "duplicate", "no_open"}
)

// Validate names what makes no sense.
func (f Fault) Validate() error {
	var errs []error
	known := callFaults
	if f.Method == "socket" {
		known = socketFaults
	}
	if f.Method == "" {
		errs = append(errs, errors.New(`method is missing: a method's name, "*" or "socket"`))
	}
	if !slices.Contains(known, f.Kind) {
		errs = append(errs, fmt.Errorf("kind %q is unknown; for %q it is one of %v", f.Kind, f.Method, known))
	}
	if f.Count < 0 || f.DelayMS < 0 || f.RetryAfter < 0 || f.Probability < 0 || f.Probability > 1 {
		errs = append(errs, errors.New("count, delay_ms and retry_after must not be negative, and probability is between 0 and 1"))
	}
	return errors.Join(errs...)
}

// Inject adds a fault.
func (w *Workspace) Inject(f Fault) error {
	if err := f.Validate(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	f.left = f.Count
	if f.Kind == "429" && f.RetryAfter == 0 {
		f.RetryAfter = 1
	}
	if f.Kind == "silence" {
		f.Count = 0 // lasts until it is cleared
	}
	w.note(Entry{Kind: "fault", Method: f.Method, Fault: f.Kind})
	defer w.publish(notice{Type: "fault"})
	if f.Method == "socket" && w.socketFault(f) {
		return nil
	}
	w.faults = append(w.faults, &f)
	return nil
}

// socketFault does at once what can be done at once; it reports whether that
// was all.
func (w *Workspace) socketFault(f Fault) (done bool) {
	hit := slices.Clone(w.links)
	if f.Count > 0 && f.Kind != "duplicate" && len(hit) > f.Count {
		hit = hit[:f.Count]
	}
	switch f.Kind {
	case "refresh":
		for _, l := range hit {
			w.refresh(l)
		}
	case "warning":
		for _, l := range hit {
			l.disconnect("warning")
		}
	case "drop":
		for _, l := range hit {
			w.dropLink(l, "dropped by a fault")
		}
	case "link_disabled":
		for _, l := range slices.Clone(w.links) {
			w.disable(l)
		}
		return f.Count > 0
	default:
		return false
	}
	return true
}

// ClearFaults ends all faults.
func (w *Workspace) ClearFaults() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = nil
	w.publish(notice{Type: "fault"})
}

// Faults are those in force. Count is what is left of them.
func (w *Workspace) Faults() []Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := []Fault{}
	for _, f := range w.faults {
		shown := *f
		if f.Count > 0 && f.Kind != "duplicate" {
			shown.Count = f.left
		}
		out = append(out, shown)
	}
	return out
}

// socketFaultOf is the lasting fault of the link of this kind, or nil.
func (w *Workspace) socketFaultOf(kind string) *Fault {
	for _, f := range w.faults {
		if f.Method == "socket" && f.Kind == kind {
			return f
		}
	}
	return nil
}

// faultFor picks the fault that hits this call, or nil, and uses it up.
func (w *Workspace) faultFor(method string) *Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.faults {
		noOpen := method == "apps.connections.open" && f.Method == "socket" && f.Kind == "no_open"
		if !noOpen && f.Method != method && f.Method != "*" {
			continue
		}
		if f.Probability > 0 && w.rng.Float64() >= f.Probability {
			continue
		}
		hit := *f
		if noOpen {
			hit.Kind = "error"
		}
		w.useUp(f)
		return &hit
	}
	return nil
}

// useUp counts one hit of f and removes it after the last.
func (w *Workspace) useUp(f *Fault) {
	if f.Count == 0 {
		return
	}
	if f.left--; f.left <= 0 {
		w.faults = slices.DeleteFunc(w.faults, func(x *Fault) bool { return x == f })
		w.publish(notice{Type: "fault"})
	}
}

// faultBefore applies the faults that keep a call from being made; it reports
// whether the call was dealt with.
func (w *Workspace) faultBefore(rw http.ResponseWriter, r *http.Request, f *Fault, c *call, began time.Time) bool {
	if f == nil {
		return false
	}
	var err *apiError
	switch f.Kind {
	case "429":
		err = rateLimited(time.Duration(f.RetryAfter) * time.Second)
	case "500":
		err = &apiError{code: "internal_error", status: http.StatusInternalServerError}
	case "error":
		err = fail(f.Error)
		setText(&err.code, "internal_error")
	case "timeout":
		w.logCall(c, began, nil, fail("no_answer"), f)
		w.hang(r, f)
		hangUp(rw)
		return true
	default:
		return false
	}
	w.logCall(c, began, nil, err, f)
	w.writeAnswer(rw, nil, err)
	return true
}

// hang waits until the caller gives up; with a delay, at most that long.
func (w *Workspace) hang(r *http.Request, f *Fault) {
	if f.DelayMS > 0 {
		w.sleep(time.Duration(f.DelayMS)*time.Millisecond, r.Context().Done())
		return
	}
	select {
	case <-r.Context().Done():
	case <-w.done:
	}
}

// faultAfter applies the faults that hit a call that was made.
func (w *Workspace) faultAfter(r *http.Request, f *Fault) {
	if f != nil && f.Kind == "slow" {
		w.sleep(time.Duration(f.DelayMS)*time.Millisecond, r.Context().Done())
	}
}

func (f *Fault) losesAnswer() bool { return f != nil && f.Kind == "lost_answer" }

// hangUp breaks the caller's connection without an answer.
func hangUp(rw http.ResponseWriter) {
	conn, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 or a recorder: the server breaks it off
	}
	_ = conn.Close() // breaking it is all that is wanted
}
