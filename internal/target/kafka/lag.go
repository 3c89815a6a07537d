package kafka

import (
	"context"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// Lag declares that a consumer group keeps up: that of no partition more than so
// many records are unread, and that none has been unread for longer than so
// long.
type Lag struct {
	Group  string            `yaml:"group"`
	Topics declare.Names     `yaml:"topics"`  // default: those whose offsets the group has committed
	MaxLag *int64            `yaml:"max_lag"` // records of one partition
	MaxAge *declare.Duration `yaml:"max_age"` // of the oldest unread record
}

// Faults implements declare.Words.
func (l *Lag) Faults(bad declare.Bad) {
	if l.Group == "" {
		bad("group", "group is missing: the consumer group that has to keep up")
	}
	for _, name := range l.Topics {
		if !legalTopic(name) {
			bad("topics", "topics: %q cannot be the name of a topic", name)
		}
	}
	switch {
	case l.MaxLag == nil && l.MaxAge == nil:
		bad("max_lag", "max_lag and max_age are missing: one of them says when it is too much")
	case l.MaxLag != nil && *l.MaxLag < 0:
		bad("max_lag", "max_lag is %d: it must not be negative", *l.MaxLag)
	}
	if l.MaxAge != nil && *l.MaxAge <= 0 {
		bad("max_age", "max_age is %s: it must be above 0", l.MaxAge.Std())
	}
}

// Validate implements Declaration.
func (l *Lag) Validate(ctx context.Context, t *Target) error {
	if _, err := t.group(ctx, l.Group); err != nil {
		return err
	}
	committed, err := t.committed(ctx, l.Group)
	if err != nil {
		return err
	}
	for _, name := range l.topics(committed) {
		top, err := t.lookup(ctx, name)
		if err != nil {
			return err
		}
		if _, _, err := t.offsetsEach(ctx, top, t.adm.ListCommittedOffsets); err != nil {
			return err
		}
		if l.MaxAge != nil {
			if err := t.readable(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Detector implements Declaration.
func (l *Lag) Detector(t *Target, _ Sources) check.Detector { return &lagDetector{l, t} }

type lagDetector struct {
	words  *Lag
	target *Target
}

// topics are those that matter.
func (l *Lag) topics(committed offsets) []string {
	if len(l.Topics) > 0 {
		return l.Topics
	}
	return committed.topics()
}
