package kafka

import (
	"cmp"
	"encoding/json"
	"fmt"
)

// letterRules are how letters are understood: what a plan keeps, so that it
// reads them later as it did when it was made. They can be written as JSON.
type letterRules struct {
	letterWords
	made *rules
}

// letterWords are the words that matter for it.
type letterWords struct {
	ID       IDRule      `json:"id,omitzero"`
	Origin   Origin      `json:"origin,omitzero"`
	Headers  HeaderNames `json:"headers,omitzero"`
	Envelope *Envelope   `json:"envelope,omitempty"`
}

// MarshalJSON writes the words.
func (l letterRules) MarshalJSON() ([]byte, error) { return json.Marshal(l.letterWords) }

// UnmarshalJSON reads the words and makes them ready.
func (l *letterRules) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &l.letterWords); err != nil {
		return fmt.Errorf("rules of letters: %w", err)
	}
	var err error
	l.made, err = l.ready()
	return err
}

// rules of words without faults.
func (d *DeadLetters) rules() letterRules {
	l := letterRules{letterWords: letterWords{d.ID, d.Origin, d.Headers, d.Envelope}}
	l.made, _ = l.ready()
	return l
}

// rules are the words made ready for reading letters.
type rules struct {
	mapped   map[string]string // by header: what it says
	envelope *envelope
	origin   Origin
	idHeader string
	idPath   path
}

// ready makes the words ready. The error is a path that is none, which Faults
// would have found.
func (l letterWords) ready() (*rules, error) {
	r := &rules{origin: l.Origin, mapped: map[string]string{}, idHeader: l.ID.Header}
	h := l.Headers
	for what, name := range map[string]string{
		"topic": h.Topic, "partition": h.Partition, "offset": h.Offset, "time": h.Time, "error": h.Error, "message": h.Message,
	} {
		if name != "" {
			r.mapped[name] = what
		}
	}
	var err error
	if l.ID.JSON != "" {
		if r.idPath, err = parsePath(l.ID.JSON); err != nil {
			return nil, err
		}
	}
	if e := l.Envelope; e != nil {
		encoding := cmp.Or(e.Encoding, encodingText)
		r.envelope = &envelope{words: e, paths: map[string]path{}, binary: encoding == encodingBase64, raw: encoding == encodingJSON}
		for word, text := range e.paths() {
			if r.envelope.paths[word], err = parsePath(text); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// id is which event a letter holds; empty: it does not say.
func (r *rules) id(l Letter) string {
	if name := r.idHeader; name != "" {
		for _, h := range l.Headers {
			if h.Key == name && len(h.Value) > 0 {
				return string(h.Value)
			}
		}
		for _, h := range l.Record.Headers { // those of the envelope itself
			if h.Key == name && len(h.Value) > 0 {
				return string(h.Value)
			}
		}
	}
	if r.idPath != nil {
		if text, ok := r.idPath.text(l.Value); ok {
			return text
		}
	}
	return ""
}
