package workspace

import (
	"encoding/json"
	"maps"
	"strings"
	"time"
)

// Entry is one line of the journal: a Web API call ("api"), an envelope sent
// ("envelope"), its acknowledgement or lack of one ("ack"), or something that
// happened to a connection ("socket"). Violation is set when the bot did
// something Slack does not accept or silently ignores.
type Entry struct {
	N          int            `json:"n"`
	At         time.Time      `json:"at"`
	Kind       string         `json:"kind"`
	Method     string         `json:"method,omitempty"`
	Args       map[string]any `json:"args,omitempty"`
	Status     int            `json:"status,omitempty"`
	Response   any            `json:"response,omitempty"`
	EnvelopeID string         `json:"envelope_id,omitempty"`
	Type       string         `json:"type,omitempty"` // of the envelope
	Payload    map[string]any `json:"payload,omitempty"`
	Conn       string         `json:"conn,omitempty"`
	Retry      int            `json:"retry_attempt,omitempty"`
	LatencyMS  float64        `json:"latency_ms,omitempty"`
	Fault      string         `json:"fault,omitempty"`
	Event      string         `json:"event,omitempty"`
	Violation  string         `json:"violation,omitempty"`
}

// journal is a bounded list of entries; numbers go on rising when old entries
// are dropped.
type journal struct {
	limit   int
	last    int
	entries []Entry
}

func (j *journal) add(e Entry) {
	j.last++
	e.N = j.last
	if len(j.entries) >= j.limit {
		j.entries = append(j.entries[:0:0], j.entries[j.limit/4+1:]...)
	}
	j.entries = append(j.entries, e)
}

// note adds e with the present time.
func (w *Workspace) note(e Entry) {
	e.At = w.now()
	w.journal.add(e)
	if e.Violation != "" {
		w.log.Warn("the bot did something Slack does not accept", "violation", e.Violation, "method", e.Method, "conn", e.Conn)
	}
}

// Journal is what happened after entry number n; 0 is everything still kept.
func (w *Workspace) Journal(n int) []Entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := []Entry{}
	for _, e := range w.journal.entries {
		if e.N > n {
			out = append(out, e)
		}
	}
	return out
}

// Violations are the entries, of those still kept, in which the bot did
// something Slack does not accept.
func (w *Workspace) Violations() []Entry {
	var out []Entry
	for _, e := range w.Journal(0) {
		if e.Violation != "" {
			out = append(out, e)
		}
	}
	return out
}

// jsonArgs parses the arguments that hold JSON, so that the journal reads well,
// and leaves out whatever looks like a token.
func jsonArgs(args map[string]any) map[string]any {
	out := maps.Clone(args)
	delete(out, "token")
	for key, v := range out {
		text, ok := v.(string)
		if !ok || text == "" {
			continue
		}
		if strings.HasPrefix(text, "xoxb-") || strings.HasPrefix(text, "xapp-") {
			out[key] = "(token)"
			continue
		}
		if text[0] == '{' || text[0] == '[' {
			var parsed any
			if json.Unmarshal([]byte(text), &parsed) == nil {
				out[key] = parsed
			}
		}
	}
	return out
}
