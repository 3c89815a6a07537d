package kafka

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
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
	whyWaits     fix.Why = "waits for an earlier one of its key"
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

// home tells where the group of a plan remembers how far it is: all its forms say
// the same.
func home(forms []fix.Form) (sendSpec, error) {
	if len(forms) == 0 {
		return sendSpec{}, errors.New("a plan without forms")
	}
	return specOf(forms[0])
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
	var room [4096]byte // most records fit, and need no other
	text := measured(room[:0], r.Key)
	text = measured(text, r.Value)
	text = binary.BigEndian.AppendUint64(text, uint64(len(r.Headers)))
	for _, header := range r.Headers {
		text = binary.BigEndian.AppendUint64(text, uint64(len(header.Key)))
		text = append(text, header.Key...)
		text = measured(text, header.Value)
	}
	text = binary.BigEndian.AppendUint64(text, uint64(r.Timestamp.UnixMilli()))
	sum := sha256.Sum256(text)
	return fingerprint(sum[:len(fingerprint{})])
}

// measured appends bytes behind their length, which for null is -1.
func measured(text, b []byte) []byte {
	text = binary.BigEndian.AppendUint64(text, uint64(int64(length(b)))) //nolint:gosec // the same bits
	return append(text, b...)
}

// is tells whether a fingerprint is the one that text says in hexadecimal.
func (d fingerprint) is(text string) bool {
	var room [2 * len(d)]byte
	return string(hex.AppendEncode(room[:0], d[:])) == text
}
