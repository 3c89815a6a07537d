package kafka

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// line is one record in a file: all that Kafka keeps of it, to the byte.
//
//	{"topic":"ecommerce-dlq","partition":3,"offset":12345,"timestamp":1700000000000,"timestamp_type":"create",
//	 "key":"by0xNw==","value":null,"headers":[["source","c2hvcA=="],["empty",""],["null",null]]}
type line struct {
	Topic     string `json:"topic"`
	Partition *int32 `json:"partition"`
	Offset    int64  `json:"offset"`
	Timestamp *int64 `json:"timestamp"` // in milliseconds since 1970
	// TimestampType is create, as its producer said, or append, as the broker did.
	TimestampType string      `json:"timestamp_type,omitempty"`
	Key           maybeBytes  `json:"key"`
	Value         maybeBytes  `json:"value"`
	Headers       *[]lineHead `json:"headers"`
	// Origin is what is understood of a dead letter. An import does not read it.
	Origin *lineOrigin `json:"origin,omitempty"`
}

// lineOrigin is where a dead letter is from.
type lineOrigin struct {
	Style     string `json:"style,omitempty"`
	Topic     string `json:"topic,omitempty"`
	Partition *int32 `json:"partition,omitempty"`
	Offset    *int64 `json:"offset,omitempty"`
	Error     string `json:"error,omitempty"`
	Message   string `json:"message,omitempty"`
	ID        string `json:"id,omitempty"`
	Attempts  int    `json:"attempts,omitempty"`
	Plan      int64  `json:"plan,omitempty"`
}

// maybeBytes are bytes in base64, or null. Given tells whether the word is there
// at all.
type maybeBytes struct {
	bytes []byte
	given bool
}

// MarshalJSON writes base64 or null.
func (m maybeBytes) MarshalJSON() ([]byte, error) { return json.Marshal(m.bytes) }

// UnmarshalJSON reads base64 or null, and nothing else.
func (m *maybeBytes) UnmarshalJSON(in []byte) error {
	m.given = true
	if string(in) == "null" {
		m.bytes = nil
		return nil
	}
	var text string
	if err := json.Unmarshal(in, &text); err != nil {
		return errors.New("bytes are written as base64 in quotes, or as null")
	}
	out, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return errors.New("bytes are written as base64")
	}
	m.bytes = out
	return nil
}

// lineHead is a header: its name and its value. A name that is no text (UTF-8)
// follows in base64 as a third.
type lineHead struct{ kgo.RecordHeader }

// MarshalJSON writes a list of two or three.
func (h lineHead) MarshalJSON() ([]byte, error) {
	out := []any{h.Key, h.Value}
	if !utf8.ValidString(h.Key) {
		out = append(out, []byte(h.Key))
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads a list of two or three.
func (h *lineHead) UnmarshalJSON(in []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(in, &parts); err != nil || len(parts) < 2 || len(parts) > 3 {
		return errors.New(`a header is written as ["name", "value in base64"]`)
	}
	var value, exact maybeBytes
	if err := json.Unmarshal(parts[0], &h.Key); err != nil || string(parts[0]) == "null" {
		return errors.New("the name of a header is a text")
	}
	if err := value.UnmarshalJSON(parts[1]); err != nil {
		return err
	}
	h.Value = value.bytes
	if len(parts) == 3 {
		if err := exact.UnmarshalJSON(parts[2]); err != nil {
			return err
		}
		h.Key = string(exact.bytes)
	}
	return nil
}

// writeLine is a record as a line without its end. origin may be nil.
func writeLine(r *kgo.Record, origin *lineOrigin) ([]byte, error) {
	ms, kind := r.Timestamp.UnixMilli(), "create"
	if r.Attrs.TimestampType() == 1 {
		kind = "append"
	}
	headers := make([]lineHead, 0, len(r.Headers))
	for _, h := range r.Headers {
		headers = append(headers, lineHead{h})
	}
	var out bytes.Buffer
	in := json.NewEncoder(&out)
	in.SetEscapeHTML(false)
	err := in.Encode(line{
		Topic: r.Topic, Partition: &r.Partition, Offset: r.Offset, Timestamp: &ms, TimestampType: kind,
		Key: maybeBytes{bytes: r.Key}, Value: maybeBytes{bytes: r.Value}, Headers: &headers, Origin: origin,
	})
	if err != nil {
		return nil, fmt.Errorf("record %d of partition %d: %w", r.Offset, r.Partition, err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// originOf is what is understood of a letter.
func originOf(l Letter) *lineOrigin {
	o := &lineOrigin{
		Style: l.Style, Topic: l.Topic, Error: l.Class, Message: l.Message, ID: l.ID, Attempts: l.Attempts, Plan: l.Plan,
	}
	if l.Partition >= 0 {
		o.Partition = &l.Partition
	}
	if l.Offset >= 0 {
		o.Offset = &l.Offset
	}
	return o
}

// readLine reads a line. The error is a sentence without its end: it may be
// shown, and holds nothing of the line.
func readLine(text []byte) (*kgo.Record, error) {
	var l line
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&l); err != nil {
		return nil, lineFault(err)
	}
	if _, err := in.Token(); err == nil || in.More() {
		return nil, errors.New("something follows the record")
	}
	switch {
	case l.Partition == nil || *l.Partition < 0:
		return nil, errors.New("partition is missing, or is no number from 0 on")
	case l.Timestamp == nil:
		return nil, errors.New("timestamp is missing: milliseconds since 1970")
	case !l.Key.given:
		return nil, errors.New("key is missing: base64 or null")
	case !l.Value.given:
		return nil, errors.New("value is missing: base64 or null")
	case l.Headers == nil:
		return nil, errors.New("headers is missing: a list, which may be empty")
	}
	r := &kgo.Record{
		Topic: l.Topic, Partition: *l.Partition, Offset: l.Offset, Timestamp: time.UnixMilli(*l.Timestamp),
		Key: l.Key.bytes, Value: l.Value.bytes,
	}
	for _, h := range *l.Headers {
		r.Headers = append(r.Headers, h.RecordHeader)
	}
	return r, nil
}

// lineFault says what is wrong with a line without repeating what it holds.
func lineFault(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("it is no JSON from byte %d on", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Errorf("%s is a %s, which it must not be", kind.Field, kind.Value)
	case err.Error() == "unexpected EOF", err.Error() == "EOF":
		return errors.New("it is not complete")
	}
	for _, known := range []string{"bytes are written", "a header is written", "the name of a header"} {
		if bytes.Contains([]byte(err.Error()), []byte(known)) {
			return err
		}
	}
	return errors.New("it holds a word that no record has")
}
