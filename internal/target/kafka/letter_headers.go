package kafka

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/fix"
)

// Headers of dead letters. Sources: Spring for Apache Kafka, KafkaHeaders and
// RetryTopicHeaders ("Dead-letter Record Headers" in its manual); Kafka Connect,
// DeadLetterQueueReporter (KIP-298).
const (
	springPrefix    = "kafka_dlt-"
	springOriginal  = "kafka_dlt-original-"
	springException = "kafka_dlt-exception-"
	springKey       = "kafka_dlt-key-exception-"
	retryPrefix     = "retry_topic-"
	retryTime       = "retry_topic-original-timestamp"
	deserializer    = "springDeserializerException"
	connectPrefix   = "__connect.errors."
	ownPrefix       = "integritybot-" // of what we add to what we send
)

// facts are what the headers of one letter say. Of what repeats at each pass the
// last one counts; it is read only when somebody asks, because whoever sends a
// letter on does not.
type facts struct {
	kept      []kgo.RecordHeader
	origin    origin
	found     styles
	plan      int64
	attempts  int
	from      string
	thrown    []byte // the last class
	classes   int    // how many there are: one of each pass
	cause     []byte // the last cause
	causes    int
	caused    bool // a cause followed the last class
	said      []byte
	retryTime time.Time
}

// styles are the ways in which a letter says where it is from.
type styles struct{ spring, connect, mapped bool }

// read goes through the headers once, in their order. What is kept of them is
// appended to room.
func (r *rules) read(headers, room []kgo.RecordHeader) facts {
	f := facts{origin: nowhere(), kept: room}
	for _, h := range headers {
		keep := false
		switch name := h.Key; {
		case strings.HasPrefix(name, springPrefix):
			keep = f.spring(h)
		case strings.HasPrefix(name, connectPrefix):
			keep = f.connect(h)
		case name == retryTime:
			f.retryTime = moment(h.Value)
		case strings.HasPrefix(name, retryPrefix), strings.HasPrefix(name, deserializer):
		case strings.HasPrefix(name, ownPrefix):
			f.replayed(h)
		case len(r.mapped) > 0 && r.mapped[name] != "":
			keep = f.mapping(r.mapped[name], h)
		default:
			f.kept = append(f.kept, h)
			continue
		}
		if keep && !f.keeps(h.Key) {
			f.kept = append(f.kept, h)
		}
	}
	if f.origin.time.IsZero() {
		f.origin.time = f.retryTime
	}
	return f
}

// replayed reads a header of ours: which plan has sent it, and what. The last one
// counts. None is kept: the plan that sends it again says its own.
func (f *facts) replayed(h kgo.RecordHeader) {
	switch h.Key {
	case headerPlan:
		if plan, err := fix.ParseRef(string(h.Value)); err == nil {
			f.plan = plan
		}
	case headerAttempt:
		if n, ok := number(h.Value, math.MaxInt32); ok {
			f.attempts = int(n)
		}
	case headerOrigin:
		f.from = string(h.Value)
	}
}

// spring reads a header of Spring, and tells whether it is about the origin.
func (f *facts) spring(h kgo.RecordHeader) bool {
	if what, ok := strings.CutPrefix(h.Key, springOriginal); ok {
		f.place(&f.found.spring, h.Key, what, h.Value)
		return true
	}
	what, ok := strings.CutPrefix(h.Key, springException)
	if !ok {
		what, ok = strings.CutPrefix(h.Key, springKey)
	}
	switch {
	case !ok:
	case what == "fqcn":
		f.threw(h.Value)
	case what == "cause-fqcn":
		f.cause, f.caused = h.Value, true
		f.causes++
	case what == "message":
		f.said = h.Value
	}
	return false
}

// connect reads a header of Kafka Connect.
func (f *facts) connect(h kgo.RecordHeader) bool {
	switch what := strings.TrimPrefix(h.Key, connectPrefix); what {
	case "topic", "partition", "offset":
		f.place(&f.found.connect, h.Key, what, h.Value)
		return true
	case "exception.class.name":
		f.threw(h.Value)
	case "exception.message":
		f.said = h.Value
	}
	return false
}

// mapping reads a header that the config names.
func (f *facts) mapping(what string, h kgo.RecordHeader) bool {
	switch what {
	case "error":
		f.threw(h.Value)
	case "message":
		f.said = h.Value
	default:
		f.place(&f.found.mapped, h.Key, what, h.Value)
		return true
	}
	return false
}

func (f *facts) threw(class []byte) {
	f.thrown, f.caused = class, false
	f.classes++
}

// keeps tells whether a header about the origin was there before.
func (f *facts) keeps(name string) bool {
	return slices.ContainsFunc(f.kept, func(h kgo.RecordHeader) bool { return h.Key == name })
}

// place takes a part of the origin: only the first header of its name counts.
func (f *facts) place(found *bool, name, what string, value []byte) {
	if value == nil || f.keeps(name) {
		return
	}
	switch o := &f.origin; what {
	case "topic":
		if o.topic == "" && legalTopic(string(value)) {
			o.topic, *found = string(value), true
		}
	case "partition":
		if n, ok := number(value, math.MaxInt32); ok && o.partition < 0 {
			o.partition = int32(n) //nolint:gosec // bounded by number
		}
	case "offset":
		if n, ok := number(value, math.MaxInt64); ok && o.offset < 0 {
			o.offset = n
		}
	case "timestamp", "time":
		if o.time.IsZero() {
			o.time = moment(value)
		}
	}
}

// style is how the letter says where it is from.
func (f *facts) style() string {
	switch {
	case f.found.spring:
		return styleSpring
	case f.found.connect:
		return styleConnect
	case f.found.mapped:
		return styleMapped
	case f.plan != 0:
		return styleReplay
	}
	return ""
}

// class is that of the last exception: of its cause, where it names one. That a
// record cannot be read is the cause itself, whatever the parser calls it.
func (f *facts) class() string {
	last := ""
	if f.classes > 0 {
		last = className(string(f.thrown))
	}
	if strings.HasSuffix(last, "DeserializationException") {
		return last
	}
	if f.causes > 0 && (f.caused || f.causes == f.classes) {
		return className(string(f.cause))
	}
	return last
}

func (f *facts) message() string { return string(f.said) }
