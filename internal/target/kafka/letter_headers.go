package kafka

import (
	"math"
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

// facts are what the headers of one letter say.
type facts struct {
	kept      []kgo.RecordHeader
	origin    origin
	found     map[string]bool // styles
	plan      int64
	attempts  int
	classes   []string // in order: that of each pass
	causes    []string
	messages  []string
	caused    bool // a cause followed the last class
	seen      map[string]bool
	retryTime time.Time
}

// read goes through the headers once, in their order.
func (r *rules) read(headers []kgo.RecordHeader) *facts {
	f := &facts{origin: nowhere(), found: map[string]bool{}, seen: map[string]bool{}}
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
		case name == headerPlan:
			f.replayed(h.Value)
		case name == headerAttempt:
			if n, ok := number(h.Value, math.MaxInt32); ok {
				f.attempts = int(n)
			}
		case strings.HasPrefix(name, ownPrefix):
			// The plan that sends it again says its own.
		case r.mapped[name] != "":
			keep = f.mapping(r.mapped[name], h)
		default:
			f.kept = append(f.kept, h)
			continue
		}
		if keep && !f.seen[h.Key] {
			f.seen[h.Key] = true
			f.kept = append(f.kept, h)
		}
	}
	if f.origin.time.IsZero() {
		f.origin.time = f.retryTime
	}
	return f
}

// replayed reads which plan has sent it. The last one counts.
func (f *facts) replayed(value []byte) {
	if plan, err := fix.ParseRef(string(value)); err == nil {
		f.plan = plan
	}
}

// spring reads a header of Spring, and tells whether it is about the origin.
func (f *facts) spring(h kgo.RecordHeader) bool {
	text := string(h.Value)
	if what, ok := strings.CutPrefix(h.Key, springOriginal); ok {
		f.place(styleSpring, h.Key, what, h.Value)
		return true
	}
	what, ok := strings.CutPrefix(h.Key, springException)
	if !ok {
		what, ok = strings.CutPrefix(h.Key, springKey)
	}
	switch {
	case !ok:
	case what == "fqcn":
		f.threw(text)
	case what == "cause-fqcn":
		f.causes, f.caused = append(f.causes, text), true
	case what == "message":
		f.messages = append(f.messages, text)
	}
	return false
}

// connect reads a header of Kafka Connect.
func (f *facts) connect(h kgo.RecordHeader) bool {
	switch what := strings.TrimPrefix(h.Key, connectPrefix); what {
	case "topic", "partition", "offset":
		f.place(styleConnect, h.Key, what, h.Value)
		return true
	case "exception.class.name":
		f.threw(string(h.Value))
	case "exception.message":
		f.messages = append(f.messages, string(h.Value))
	}
	return false
}

// mapping reads a header that the config names.
func (f *facts) mapping(what string, h kgo.RecordHeader) bool {
	switch what {
	case "error":
		f.threw(string(h.Value))
	case "message":
		f.messages = append(f.messages, string(h.Value))
	default:
		f.place(styleMapped, h.Key, what, h.Value)
		return true
	}
	return false
}

func (f *facts) threw(class string) {
	f.classes, f.caused = append(f.classes, class), false
}

// place takes a part of the origin: only the first header of its name counts.
func (f *facts) place(style, name, what string, value []byte) {
	if f.seen[name] || value == nil {
		return
	}
	switch o := &f.origin; what {
	case "topic":
		if o.topic == "" && legalTopic(string(value)) {
			o.topic, f.found[style] = string(value), true
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
	for _, s := range []string{styleSpring, styleConnect, styleMapped} {
		if f.found[s] {
			return s
		}
	}
	if f.plan != 0 {
		return styleReplay
	}
	return ""
}

// class is that of the last exception: of its cause, where it names one. That a
// record cannot be read is the cause itself, whatever the parser calls it.
func (f *facts) class() string {
	last := ""
	if n := len(f.classes); n > 0 {
		last = className(f.classes[n-1])
	}
	if strings.HasSuffix(last, "DeserializationException") {
		return last
	}
	if n := len(f.causes); n > 0 && (f.caused || n == len(f.classes)) {
		return className(f.causes[n-1])
	}
	return last
}

func (f *facts) message() string {
	if n := len(f.messages); n > 0 {
		return f.messages[n-1]
	}
	return ""
}
