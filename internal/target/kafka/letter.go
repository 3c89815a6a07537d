package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Letter is one dead letter as far as it is understood. What is not known has
// its zero value, numbers -1.
type Letter struct {
	// Record is as it stands in the topic, untouched.
	Record *kgo.Record
	// Original is the record as it was before it died, without what whoever put it
	// aside has added: what goes out again. For a wrapped letter it is what was
	// inside. Headers that say where it is from stay, the first of each name; those
	// about exceptions, retries and earlier replays are not among them.
	Key, Value []byte // nil is null
	Headers    []kgo.RecordHeader
	Time       time.Time // of the original record

	Topic     string // where it was first; empty: not known
	Partition int32
	Offset    int64

	Class    string // the exception's class, the last one of a chain: NullPointerException
	Message  string // foreign text: may hold anything
	Attempts int    // how often plans have sent it before
	Plan     int64  // the last plan that sent it; 0: none
	From     string // the letter that this plan sent: ecommerce-dlq/3/12345; empty: not known
	ID       string // of the event in it, by the check's rule; empty: none found
	// Style is how it says where it is from: spring, connect, mapped, envelope, replay
	// or empty.
	Style string
	// Broken says why its original is not known, to follow "it": "is wrapped, but
	// holds no base64 at $.payload". Such a letter cannot be sent on. Empty: it is.
	Broken string
}

// The styles of letters.
const (
	styleSpring   = "spring"
	styleConnect  = "connect"
	styleMapped   = "mapped"
	styleEnvelope = "envelope"
	styleReplay   = "replay"
)

// understand reads a letter. Headers repeat at each pass: the first original
// counts, and the last exception.
func understand(words letterRules, rec *kgo.Record) Letter {
	l, f := unwrap(words.made, rec, make([]kgo.RecordHeader, 0, len(rec.Headers)+ownHeaders))
	if l.Class == "" { // the envelope does not say
		l.Class = f.class()
	}
	if l.Message == "" {
		l.Message = f.message()
	}
	l.ID = words.made.id(l)
	return l
}

// ownHeaders is how many headers a copy is given at most: see copyOf.
const ownHeaders = 3

// unwrap reads of a letter what is sent on, and where it is from. What the headers
// of Spring and Connect say wins over an envelope, because neither wraps records;
// any other letter that looks like the envelope is one. Headers are appended to
// room.
func unwrap(r *rules, rec *kgo.Record, room []kgo.RecordHeader) (Letter, facts) {
	l := Letter{Record: rec, Key: rec.Key, Value: rec.Value, Time: rec.Timestamp, Partition: -1, Offset: -1}
	f := r.read(rec.Headers, room)
	l.Headers, l.Plan, l.Attempts, l.From = f.kept, f.plan, f.attempts, f.from
	l.take(f.origin)
	l.Style = f.style()
	if r.envelope != nil && l.Style != styleSpring && l.Style != styleConnect {
		r.envelope.open(&l)
	}
	if l.Topic == "" {
		l.Topic = r.origin.Topic
		if r.origin.Partition != nil {
			l.Partition = *r.origin.Partition
		}
	}
	return l, f
}

// origin is where a letter says that it was first.
type origin struct {
	topic     string
	partition int32
	offset    int64
	time      time.Time
}

func nowhere() origin { return origin{partition: -1, offset: -1} }

// take fills in what is known.
func (l *Letter) take(o origin) {
	if o.topic != "" {
		l.Topic = o.topic
	}
	if o.partition >= 0 {
		l.Partition = o.partition
	}
	if o.offset >= 0 {
		l.Offset = o.offset
	}
	if !o.time.IsZero() {
		l.Time = o.time
	}
}
