package kafka

import (
	"cmp"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
)

// The ways of a fix.
const (
	wayReplay    = "replay"     // send letters to where they were first
	wayAside     = "quarantine" // put letters aside, into a topic that nobody consumes
	wayAggregate = "aggregate"  // send the stored events of one aggregate again
)

// Where a copy goes inside of its topic.
const (
	partitionOriginal = "original" // where the record was first
	partitionKey      = "key"      // where Java's default partitioner puts its key
)

// What becomes of letters in which no event id is found although the consumer's
// table of processed ones is known.
const (
	idLeave  = "leave"
	idReplay = "replay"
)

// toOriginal is the word for the topic in which a letter was first.
const toOriginal = "original"

// What a fix does when its config does not say.
const (
	defaultAttempts  = 3
	defaultCanary    = 10
	defaultStopShare = 0.2
	defaultWindow    = 30 * time.Second
	defaultRate      = 500
	longestWindow    = time.Hour
	// wholeTopic is the share that a plan may repair: a dead-letter topic holds
	// nothing but failing rows.
	wholeTopic = 1.0
)

// Fix is what the config says about repairing what one check finds.
type Fix struct {
	words *replayFix
}

// replayFix are the words of the fix of dead letters.
type replayFix struct {
	declare.Fix `yaml:",inline"`

	// To is the topic that letters go to; original: where each was first.
	To string `yaml:"to"`
	// Topics are those that letters may be from when they say it themselves; none: any
	// that the bot may write to.
	Topics    declare.Names `yaml:"topics"`
	Partition string        `yaml:"partition"`
	// Processed is where the consumer keeps which events it has dealt with.
	Processed *Processed `yaml:"processed"`
	WithoutID string     `yaml:"without_id"`
	// Permanent are classes of errors that no replay cures.
	Permanent declare.Names `yaml:"permanent"`
	// Attempts is how often a letter is replayed at most.
	Attempts *int `yaml:"attempts"`
	// Quarantine is the topic for those that were replayed so often in vain.
	Quarantine string `yaml:"quarantine"`
	// Canary is how many are sent first; StopShare is how many of what was sent may
	// come back, which is watched for Window after the canary and after the last.
	Canary    *int              `yaml:"canary"`
	StopShare *float64          `yaml:"stop_share"`
	Window    *declare.Duration `yaml:"window"`
	// Rate is records a second.
	Rate *int `yaml:"rate"`

	EventStore *EventTable `yaml:"event_store"`

	check *DeadLetters
}

// Processed is a table in which a consumer keeps the ids of the events that it has
// dealt with.
type Processed struct {
	Target string `yaml:"target" json:"target"`
	Table  string `yaml:"table" json:"table"`
	Column string `yaml:"column" json:"column"`
}

// DeclareFix reads how what a check of a kind finds may be repaired, from the
// mapping under the check's word fix. declaration is the check's own, from
// [Declare]. Unknown words are errors. The error joins all mistakes, each a
// *declare.Fault, in the order of their lines.
func DeclareFix(kind string, declaration Declaration, node *yaml.Node) (Fix, error) {
	letters, ok := declaration.(*DeadLetters)
	if !ok {
		return Fix{}, declare.At(node, "fix: what checks of kind %s find cannot be repaired by a fix", kind)
	}
	words := &replayFix{check: letters}
	if err := declare.ReadFix(kind, node, words); err != nil {
		return Fix{}, err
	}
	return Fix{words: words}, nil
}

// Rules are the caps, the expiry and when a second person is needed.
func (f Fix) Rules() fix.Rules {
	rules := f.words.Common().Rules()
	if f.words.MaxShare == nil {
		rules.Caps.Share = wholeTopic
	}
	return rules
}

// Planner makes the planner of this fix for a check on a target.
func (f Fix) Planner(t *Target, s Sources, c check.Check) fix.Planner {
	return &planner{words: f.words, target: t, sources: s, check: c}
}

// Targets are the targets that the fix asks, by the word that names them.
func (f Fix) Targets() map[string]string {
	out := map[string]string{}
	if p := f.words.Processed; p != nil {
		out["processed"] = p.Target
	}
	if e := f.words.EventStore; e != nil {
		out["event_store"] = e.Target
	}
	return out
}

// Ways implements declare.FixWords.
func (w *replayFix) Ways() []string { return []string{wayReplay, wayAside, wayAggregate} }

// Faults implements declare.Words.
func (w *replayFix) Faults(bad declare.Bad) {
	w.choiceFaults(bad)
	w.numberFaults(bad)
	w.tableFaults(bad)
	for _, mode := range w.Allowed(w.Ways()) {
		word := "modes"
		if mode == w.Mode {
			word = "mode"
		}
		switch {
		case mode == wayAside && w.Quarantine == "":
			bad(word, "%s allows quarantine: name its topic with quarantine", word)
		case mode == wayAggregate && w.EventStore == nil:
			bad(word, "%s allows aggregate: say with event_store where the events are", word)
		}
	}
}

func (w *replayFix) choiceFaults(bad declare.Bad) {
	if p := w.partition(); p != partitionOriginal && p != partitionKey {
		bad("partition", "partition is %q: it is original or key", p)
	}
	if id := w.withoutID(); id != idLeave && id != idReplay {
		bad("without_id", "without_id is %q: it is leave or replay", id)
	}
	if w.WithoutID != "" && w.Processed == nil {
		bad("without_id", "without_id says what becomes of letters that processed cannot be asked about, and there is no processed")
	}
	if w.To != "" && w.To != toOriginal && len(w.Topics) > 0 {
		bad("topics", "topics says which topics letters may go to by what they say themselves, and to sends all of them to %s: leave one of the two out", w.To)
	}
	if w.check == nil || w.check.Topic == "" {
		return
	}
	if slices.Contains(w.Topics, w.check.Topic) {
		bad("topics", "topics has %s, the topic of the letters themselves: they would never leave it", w.check.Topic)
	}
	if w.To == w.check.Topic {
		bad("to", "to is %s, the topic of the letters themselves: they would never leave it", w.To)
	}
	if w.Quarantine == w.check.Topic {
		bad("quarantine", "quarantine is %s, the topic of the letters themselves", w.Quarantine)
	}
}

func (w *replayFix) numberFaults(bad declare.Bad) {
	if n := w.attempts(); n < 1 {
		bad("attempts", "attempts is %d: it must be at least 1", n)
	}
	if n := w.canary(); n < 0 {
		bad("canary", "canary is %d: it must not be negative (0: none)", n)
	}
	if s := w.stopShare(); !(s > 0 && s <= 1) {
		bad("stop_share", "stop_share is %g: it must be above 0 and at most 1", s)
	}
	if d := w.window(); d <= 0 || d > longestWindow {
		bad("window", "window is %s: it must be above 0 and at most an hour", d)
	}
	if n := w.rate(); n < 0 {
		bad("rate", "rate is %d records a second: it must not be negative (0: as fast as it goes)", n)
	}
}

func (w *replayFix) tableFaults(bad declare.Bad) {
	need := func(word string, values map[string]string, keys ...string) {
		for _, key := range keys {
			if values[key] == "" {
				bad(word, "%s needs %s", word, key)
			}
		}
	}
	if p := w.Processed; p != nil {
		need("processed", map[string]string{"target": p.Target, "table": p.Table, "column": p.Column}, "target", "table", "column")
	}
	if e := w.EventStore; e != nil {
		need("event_store", map[string]string{
			"target": e.Target, "table": e.Table, "aggregate": e.Aggregate, "sequence": e.Sequence, "id": e.ID,
			"type": e.Type, "payload": e.Payload, "time": e.Time, "topic": e.Topic,
		}, "target", "table", "aggregate", "sequence", "id", "type", "payload", "time", "topic")
	}
}

// allows tells whether letters may go to the topic that they say they are from.
func (w *replayFix) allows(topic string) bool {
	return len(w.Topics) == 0 || w.to() != toOriginal || slices.Contains(w.Topics, topic)
}

func (w *replayFix) to() string        { return cmp.Or(w.To, toOriginal) }
func (w *replayFix) partition() string { return cmp.Or(w.Partition, partitionOriginal) }
func (w *replayFix) withoutID() string { return cmp.Or(w.WithoutID, idLeave) }

func (w *replayFix) attempts() int      { return valueOr(w.Attempts, defaultAttempts) }
func (w *replayFix) canary() int        { return valueOr(w.Canary, defaultCanary) }
func (w *replayFix) rate() int          { return valueOr(w.Rate, defaultRate) }
func (w *replayFix) stopShare() float64 { return valueOr(w.StopShare, defaultStopShare) }
func (w *replayFix) window() time.Duration {
	return valueOr(w.Window, declare.Duration(defaultWindow)).Std()
}

func valueOr[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
