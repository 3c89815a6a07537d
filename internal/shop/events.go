package shop

import (
	"fmt"
	"slices"
	"strconv"
)

// The shop's topics, and the group that consumes its events.
const (
	EventsTopic      = "ecommerce-events"
	DeadLetterTopic  = "ecommerce-dlq"
	QuarantineTopic  = "ecommerce-quarantine"
	EventsGroup      = "ecommerce-consumer"
	eventsPartitions = 4
)

// LetterKind says why an event ended among the dead letters.
type LetterKind string

// The kinds of dead letter. Once the handler is repaired (Events.Heal), the transient ones succeed.
const (
	// LetterBug met the handler's bug: a guest's order has no email. Transient.
	LetterBug LetterKind = "bug"
	// LetterSameKey met it too, and has the same key as one or more others. Transient.
	LetterSameKey LetterKind = "same-key"
	// LetterTombstone and LetterNullKey met it as well; the one has no value, the other no key. Transient.
	LetterTombstone LetterKind = "tombstone"
	LetterNullKey   LetterKind = "null-key"
	// LetterTimeout met a service that was down. Transient.
	LetterTimeout LetterKind = "timeout"
	// LetterProcessed was processed, and only then the handler failed: a replay without care does it twice.
	LetterProcessed LetterKind = "processed"
	// LetterPoison is no JSON: no replay cures it.
	LetterPoison LetterKind = "poison"
	// LetterExhausted was sent on three times before and came back each time: it always will.
	LetterExhausted LetterKind = "exhausted"
)

// exhaustedAttempts is how often a LetterExhausted was sent on before.
const exhaustedAttempts = 3

// transient are the kinds that a replay cures once the handler is repaired.
func transient() []LetterKind {
	return []LetterKind{LetterBug, LetterSameKey, LetterTombstone, LetterNullKey, LetterTimeout}
}

// Letter is one planted dead letter.
type Letter struct {
	Kind      LetterKind
	Partition int32 // in DeadLetterTopic
	Offset    int64
	// EventID is the event's, and Key the record's; empty if it has none.
	EventID string
	Key     string
	// Class is the exception's class without its package, the innermost of a chain.
	Class string
}

// Place is the letter's partition and offset, as a check names it.
func (l Letter) Place() string {
	return strconv.Itoa(int(l.Partition)) + "/" + strconv.FormatInt(l.Offset, 10)
}

// Letters is the truth about the dead letters: all of them, and nothing else stands in DeadLetterTopic.
type Letters []Letter

// Of gives the letters of some kinds.
func (l Letters) Of(kinds ...LetterKind) Letters {
	var out Letters
	for _, one := range l {
		if slices.Contains(kinds, one.Kind) {
			out = append(out, one)
		}
	}
	return out
}

// Transient gives those that a replay cures once the handler is repaired, and that were not processed yet.
func (l Letters) Transient() Letters { return l.Of(transient()...) }

// Places are partition and offset of each, sorted.
func (l Letters) Places() []string {
	var out []string
	for _, one := range l {
		out = append(out, one.Place())
	}
	slices.Sort(out)
	return out
}

// ByClass counts them by the exception's class.
func (l Letters) ByClass() map[string]int {
	out := map[string]int{}
	for _, one := range l {
		out[one.Class]++
	}
	return out
}

// validate refuses two letters in one place: the truth would count one of them only.
func (l Letters) validate() error {
	places := l.Places()
	for i, p := range places {
		if i > 0 && p == places[i-1] {
			return fmt.Errorf("shop: two dead letters at %s", p)
		}
	}
	return nil
}
