package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// timeLayout is RFC 3339 in UTC with exactly six digits of fraction: what
// Postgres keeps, so that the readable column can be compared with the body.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// content is the canonical form: its fields in this order, maps sorted by key,
// nothing between the tokens.
type content struct {
	Seq int64  `json:"seq"`
	At  string `json:"at"`
	Event
}

// Encode makes the bytes that are hashed and stored. They are kept as they
// are: nothing ever has to encode the same event again to check it.
func Encode(seq int64, at time.Time, e Event) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(content{Seq: seq, At: at.UTC().Format(timeLayout), Event: clean(e)}); err != nil {
		return nil, fmt.Errorf("encode audit event %d: %w", seq, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Decode reads what Encode made.
func Decode(body []byte) (seq int64, at time.Time, e Event, err error) {
	var c content
	if err = json.Unmarshal(body, &c); err != nil {
		return 0, time.Time{}, Event{}, fmt.Errorf("decode audit event: %w", err)
	}
	if at, err = time.Parse(timeLayout, c.At); err != nil {
		return 0, time.Time{}, Event{}, fmt.Errorf("decode audit event %d: %w", c.Seq, err)
	}
	return c.Seq, at, c.Event, nil
}

// clean replaces NUL, which Postgres cannot keep in text, so that no foreign
// text can make an event impossible to record. Invalid UTF-8 is replaced by
// encoding/json.
func clean(e Event) Event {
	for _, s := range []*string{
		&e.Request, &e.Actor.Enterprise, &e.Actor.Team, &e.Actor.User, &e.Channel, &e.Thread, &e.Incident,
		&e.Action, &e.Target, &e.Decision, &e.Rule, &e.Plan, &e.PlanHash, &e.Before, &e.After, &e.Error, &e.Version,
	} {
		*s = cleanText(*s)
	}
	e.Actor.Kind, e.Source, e.Outcome = ActorKind(cleanText(string(e.Actor.Kind))), Source(cleanText(string(e.Source))), Outcome(cleanText(string(e.Outcome)))
	if e.Args == nil {
		return e
	}
	args := make(map[string]string, len(e.Args))
	for k, v := range e.Args {
		args[cleanText(k)] = cleanText(v)
	}
	e.Args = args
	return e
}

func cleanText(s string) string { return strings.ReplaceAll(s, "\x00", "\uFFFD") }

// agrees tells whether the body begins with this number and time.
func agrees(body []byte, seq int64, at time.Time, scratch []byte) (bool, []byte) {
	scratch = append(scratch[:0], `{"seq":`...)
	scratch = appendInt(scratch, seq)
	scratch = append(scratch, `,"at":"`...)
	scratch = at.UTC().AppendFormat(scratch, timeLayout)
	scratch = append(scratch, '"')
	return bytes.HasPrefix(body, scratch), scratch
}
