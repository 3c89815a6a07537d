package shop

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// firstEvent and freshEvents begin the numbers of the incident's events and of those after it.
	firstEvent  = 100_000
	freshEvents = 200_000
	// goodEvents are those among the incident's that nothing is wrong with.
	goodEvents = 300
	// incidentLasted is how long the handler was broken.
	incidentLasted = time.Hour
)

// cast is how many letters of each kind the incident leaves behind.
func cast() map[LetterKind]int {
	return map[LetterKind]int{
		LetterBug: 335, LetterSameKey: 39, LetterTombstone: 3, LetterNullKey: 3, LetterTimeout: 10,
		LetterProcessed: 18, LetterPoison: 3, LetterExhausted: 1,
	}
}

// scripted is one event of the incident: a record, and what kind of letter it will be; none for a good one.
type scripted struct {
	kind   LetterKind
	record *kgo.Record
}

// script writes the incident's events.
type script struct {
	products []string
	orphans  []string // orders whose customer never arrived: the first events that fail are about those
	plain    bool
}

// newScript gives the events in the order in which they happened, kinds mixed evenly over the hour.
func newScript(began time.Time, products []string, o EventsOptions) []scripted {
	s := &script{products: products, plain: o.Plain, orphans: o.orphans()}
	type slot struct {
		kind LetterKind
		i    int
		at   float64 // of the hour
	}
	var slots []slot
	plan := map[LetterKind]int{"": goodEvents}
	if !o.Well {
		maps.Copy(plan, cast())
	}
	for kind, times := range plan {
		for i := range times {
			slots = append(slots, slot{kind, i, (float64(i) + 0.5) / float64(times)})
		}
	}
	slices.SortFunc(slots, func(a, b slot) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.kind, b.kind), cmp.Compare(a.i, b.i))
	})
	var out []scripted
	for n, one := range slots {
		at := began.Add(time.Duration(one.at * float64(incidentLasted))).Truncate(time.Millisecond)
		out = append(out, scripted{one.kind, s.write(one.kind, firstEvent+n, one.i, at)})
	}
	return out
}

// write makes the record of one event; i counts the events of its kind.
func (s *script) write(kind LetterKind, n, i int, at time.Time) *kgo.Record {
	switch kind {
	case LetterBug:
		e := s.event(n, at)
		if i < len(s.orphans) {
			e.OrderID = s.orphans[i]
		}
		return s.record(e)
	case LetterSameKey: // three of one order, then the next order
		e := s.event(n, at)
		e.OrderID = "o" + strconv.Itoa(firstEvent-1-i/3)
		e.Type = []string{"OrderCreated", "OrderPaid", "OrderChanged"}[i%3]
		return s.record(e)
	case LetterTombstone:
		e := s.event(n, at)
		e.Type = "OrderRemoved"
		r := s.record(e)
		r.Value = nil
		return r
	case LetterNullKey:
		r := s.record(s.event(n, at))
		r.Key = nil
		return r
	case LetterTimeout:
		e := s.event(n, at)
		e.Warehouse, e.CustomerEmail = darkWarehouse, email(n)
		return s.record(e)
	case LetterProcessed:
		e := s.event(n, at)
		e.Notify, e.CustomerEmail = notifyBySMS, email(n)
		return s.record(e)
	case LetterPoison:
		r := s.record(s.event(n, at))
		r.Value = s.poison(n)
		return r
	case LetterExhausted:
		e := s.event(n, at)
		e.Product, e.CustomerEmail = "p-gone", email(n)
		return s.sentBefore(s.record(e))
	default:
		return s.good(n, at)
	}
}

// event is one that the broken handler fails on: a guest's.
func (s *script) event(n int, at time.Time) orderEvent {
	return orderEvent{
		EventID: "ev-" + strconv.Itoa(n), Type: "OrderCreated", OrderID: "o" + strconv.Itoa(n), Product: s.products[n%len(s.products)], Quantity: 1,
		Warehouse: "south", OccurredAt: at,
	}
}

func (s *script) good(n int, at time.Time) *kgo.Record {
	e := s.event(n, at)
	e.CustomerEmail = email(n)
	return s.record(e)
}

func (s *script) record(e orderEvent) *kgo.Record {
	value, _ := json.Marshal(e) // texts, numbers and a time: it cannot fail
	return &kgo.Record{
		Topic: EventsTopic, Key: []byte(e.OrderID), Value: value, Timestamp: e.OccurredAt,
		Headers: []kgo.RecordHeader{
			{Key: eventIDHeader, Value: []byte(e.EventID)},
			{Key: "event_type", Value: []byte(e.Type)},
			{Key: "traceparent", Value: fmt.Appendf(nil, "00-%032x-%016x-01", e.OccurredAt.UnixNano(), len(value))},
		},
	}
}

// poison is a value that no consumer can read.
func (s *script) poison(n int) []byte {
	if s.plain {
		return fmt.Appendf(nil, `{"eventId":"ev-%d","type":"OrderCrea`, n)
	}
	return fmt.Appendf(nil, "<!channel> *%d* <https://evil.example|click> ```\n@here \u202e\x00\xff", n)
}

// sentBefore marks a record as one that was dead and sent on three times. The headers are those of our own replays.
func (s *script) sentBefore(r *kgo.Record) *kgo.Record {
	r.Headers = append(r.Headers,
		kgo.RecordHeader{Key: "integritybot-plan", Value: []byte("P-7")},
		kgo.RecordHeader{Key: "integritybot-attempt", Value: []byte(strconv.Itoa(exhaustedAttempts))},
		kgo.RecordHeader{Key: "integritybot-origin", Value: []byte(DeadLetterTopic + "/0/0")})
	return r
}

func email(n int) *string { return ptr(fmt.Sprintf("kim.%d@example.com", n)) }
