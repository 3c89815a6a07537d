package kafka

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// envelope is how records are wrapped in JSON.
type envelope struct {
	words  *Envelope
	paths  map[string]path // by the word in the config
	binary bool            // base64
	raw    bool            // the value is JSON itself
}

// open puts what is inside into the letter. A letter that is not wrapped so
// stays as it is, unless nothing else says where it is from: then what it was is
// not known.
func (e *envelope) open(l *Letter) {
	inside, wrapped := e.paths["value"].find(l.Value)
	if !wrapped || !e.complete(l.Value) {
		if l.Style == "" || l.Style == styleReplay && l.Topic == "" {
			l.Broken = "is not wrapped as the config's envelope says"
		}
		return
	}
	l.Style = styleEnvelope
	outside := l.Value
	if p, ok := e.paths["headers"]; ok {
		e.headers(l, p, outside)
	}
	value, err := e.decode(inside)
	if err != nil {
		l.Broken = fmt.Sprintf("is wrapped, but %v at %s", err, e.words.Value)
		return
	}
	l.Value, l.Key = value, e.key(l, outside)
	l.take(e.origin(outside))
	if text, ok := e.text("error", outside); ok {
		l.Class = className(text)
	}
	if text, ok := e.text("message", outside); ok {
		l.Message = text
	}
}

// complete tells whether what every envelope has is there: where it is from and
// what went wrong, as far as the config names them.
func (e *envelope) complete(outside []byte) bool {
	for _, word := range []string{"topic", "error"} {
		if p, named := e.paths[word]; named {
			if _, ok := p.find(outside); !ok {
				return false
			}
		}
	}
	return true
}

// key is what the envelope holds as key; without a word about it the letter's
// own.
func (e *envelope) key(l *Letter, outside []byte) []byte {
	p, named := e.paths["key"]
	if !named {
		return l.Key
	}
	inside, ok := p.find(outside)
	if !ok {
		return nil
	}
	key, err := e.decodeKey(inside)
	if err != nil {
		l.Broken = fmt.Sprintf("is wrapped, but %v at %s", err, e.words.Key)
		return nil
	}
	return key
}

func (e *envelope) decodeKey(inside json.RawMessage) ([]byte, error) {
	if !e.binary {
		text, ok := asText(inside)
		if !ok {
			return nil, nil
		}
		return faithful(text)
	}
	return e.decode(inside)
}

// decode gives the bytes that were wrapped; nil for null.
func (e *envelope) decode(inside json.RawMessage) ([]byte, error) {
	if isNull(inside) {
		return nil, nil
	}
	if e.raw {
		return bytes.Clone(inside), nil
	}
	var text string
	if err := json.Unmarshal(inside, &text); err != nil {
		return nil, fmt.Errorf("holds no text")
	}
	if !e.binary {
		return faithful(text)
	}
	out, err := decodeBase64(text)
	if err != nil {
		return nil, fmt.Errorf("holds no base64")
	}
	return out, nil
}

// faithful gives the bytes of a text, unless nobody can tell any more which they
// were. What is no UTF-8, or half of a pair of surrogates, is read as the
// replacement character, here and by whoever wrapped it: a text with one in it is
// most likely not what was sent.
func faithful(text string) ([]byte, error) {
	if strings.ContainsRune(text, utf8.RuneError) {
		return nil, errors.New("holds text that cannot be told to the byte")
	}
	return []byte(text), nil
}

// decodeBase64 takes both alphabets, with and without padding.
func decodeBase64(text string) ([]byte, error) {
	text = strings.TrimRight(text, "=")
	if out, err := base64.RawStdEncoding.DecodeString(text); err == nil {
		return out, nil
	}
	return base64.RawURLEncoding.DecodeString(text)
}

// headers are those that the envelope holds, instead of the letter's own: an
// object of names, or a list of pairs. Ours are among them, if a copy that a
// plan sent died again; those outside were added later than those inside.
func (e *envelope) headers(l *Letter, p path, outside []byte) {
	inside, ok := p.find(outside)
	if !ok || isNull(inside) {
		l.Headers = nil
		return
	}
	headers, err := e.pairs(inside)
	if err != nil {
		l.Broken = fmt.Sprintf("is wrapped, but %v at %s", err, e.words.Headers)
	}
	l.Headers = nil
	f := &facts{}
	for _, h := range headers {
		if strings.HasPrefix(h.Key, ownPrefix) {
			f.replayed(h)
			continue
		}
		l.Headers = append(l.Headers, h)
	}
	if l.Plan == 0 {
		l.Plan, l.From = f.plan, f.from
	}
	l.Attempts = max(l.Attempts, f.attempts)
}

// pairs are the headers that can be read; the error is the first that cannot.
func (e *envelope) pairs(inside json.RawMessage) (out []kgo.RecordHeader, first error) {
	named, err := members(inside)
	if err != nil {
		return nil, errors.New("holds no headers")
	}
	for _, m := range named {
		value, err := e.headerValue(m.value)
		if _, bad := faithful(m.name); bad != nil {
			err = bad
		}
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		out = append(out, kgo.RecordHeader{Key: m.name, Value: value})
	}
	return out, first
}

func (e *envelope) headerValue(inside json.RawMessage) ([]byte, error) {
	if e.binary {
		return e.decode(inside)
	}
	text, ok := asText(inside)
	if !ok {
		return nil, nil
	}
	return faithful(text)
}

func (e *envelope) origin(outside []byte) origin {
	o := nowhere()
	if text, ok := e.text("topic", outside); ok && legalTopic(text) {
		o.topic = text
	}
	if text, ok := e.text("partition", outside); ok {
		if n, ok := number([]byte(text), 1<<31-1); ok {
			o.partition = int32(n) //nolint:gosec // bounded by number
		}
	}
	if text, ok := e.text("offset", outside); ok {
		if n, ok := number([]byte(text), 1<<63-1); ok {
			o.offset = n
		}
	}
	if text, ok := e.text("time", outside); ok {
		o.time = moment([]byte(text))
	}
	return o
}

func (e *envelope) text(word string, outside []byte) (string, bool) {
	p, named := e.paths[word]
	if !named {
		return "", false
	}
	inside, ok := p.find(outside)
	if !ok {
		return "", false
	}
	return asText(inside)
}
