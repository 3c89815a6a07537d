package kafka

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/fix"
)

// The kinds of what is sent.
const (
	sendLetter = "letter"     // what is inside of a dead letter, to its topic
	sendAside  = "quarantine" // a dead letter as it stands
	sendEvent  = "event"      // a stored event, which the plan holds itself
)

// specVersion is of the JSON in fix.Form.Spec and fix.Change.After. A plan of
// another one is not carried out.
const specVersion = 1

// Further reasons why a record was not sent.
const (
	whyLarge     fix.Why = "too large for the topic"
	whyTime      fix.Why = "its time is refused by the topic"
	whyKeyless   fix.Why = "has no key, and the topic is compacted"
	whyPartition fix.Why = "its partition does not exist any more"
)

// sendSpec is how changes of one form are carried out: all that the config said
// when the plan was made, because it may say something else by now.
type sendSpec struct {
	V     int         `json:"v"`
	Kind  string      `json:"kind"`
	Rules letterRules `json:"rules,omitzero"` // how letters are understood
	// At and Home are the topic and partition under which the plan's group
	// remembers how far it is.
	At   string `json:"at"`
	Home int32  `json:"home"`
	// Ends are where the letters ended when the plan was made: what is behind them
	// may have come back.
	Ends map[int32]int64 `json:"ends,omitempty"`
	// Processed is asked again right before sending.
	Processed *Processed    `json:"processed,omitempty"`
	Canary    int           `json:"canary,omitempty"`
	StopShare float64       `json:"stop_share,omitempty"`
	Window    time.Duration `json:"window,omitempty"`
	Rate      int           `json:"rate,omitempty"`
}

func (s sendSpec) json() (json.RawMessage, error) {
	out, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("spec of a plan: %w", err)
	}
	return out, nil
}

// specOf reads how a form is carried out.
func specOf(f fix.Form) (sendSpec, error) {
	var s sendSpec
	if err := json.Unmarshal(f.Spec, &s); err != nil {
		return s, fmt.Errorf("spec of a plan: %w", err)
	}
	if s.V != specVersion || f.Op != fix.Send {
		return s, problemf("This plan was made by another version of the bot, which sent records in another way: make a new preview.")
	}
	return s, nil
}

// goes is where the copy of one letter goes, as the plan froze it.
type goes struct {
	// Partition is -1 where the key decides.
	Partition int32 `json:"p"`
	// Attempt is which replay of the letter this is, from 1.
	Attempt int `json:"n,omitempty"`
}

// storedEvent is one stored event as the plan froze it.
type storedEvent struct {
	Key      string `json:"key"`
	ID       string `json:"id"`
	Type     string `json:"type"`
	Sequence int64  `json:"seq"`
	Value    []byte `json:"value"`
	Millis   int64  `json:"t"`
}

// place reads the key of a change about a letter.
func placeOf(c fix.Change) (partition int32, offset int64, err error) {
	if len(c.Key) != 2 {
		return 0, 0, fmt.Errorf("%q is not a partition and an offset", c.Key)
	}
	p, err := strconv.ParseInt(c.Key[0], 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("partition of a letter: %w", err)
	}
	offset, err = strconv.ParseInt(c.Key[1], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("offset of a letter: %w", err)
	}
	return int32(p), offset, nil
}

// fingerprint tells a record from every other one: key, value, headers and time, with
// null told from empty.
type fingerprint [16]byte

func (d fingerprint) String() string { return hex.EncodeToString(d[:]) }

func printOf(r *kgo.Record) fingerprint {
	h := sha256.New()
	var number [8]byte
	count := func(n int64) {
		binary.BigEndian.PutUint64(number[:], uint64(n)) //nolint:gosec // the same bits
		h.Write(number[:])
	}
	bytes := func(b []byte) {
		if b == nil {
			count(-1)
			return
		}
		count(int64(len(b)))
		h.Write(b)
	}
	bytes(r.Key)
	bytes(r.Value)
	count(int64(len(r.Headers)))
	for _, header := range r.Headers {
		bytes([]byte(header.Key))
		bytes(header.Value)
	}
	count(r.Timestamp.UnixMilli())
	return fingerprint(h.Sum(nil)[:len(fingerprint{})])
}
