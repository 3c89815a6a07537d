package kafka

import (
	"context"
	"time"

	"github.com/integritybot/integritybot/internal/fix"
)

// Sources are what checks and plans need to know that is not in Kafka.
type Sources struct {
	Ledger Ledger
	Tables Tables
}

// Ledger knows which records plans have sent on.
type Ledger interface {
	// Held is what plans have sent of a topic, or are sending now. of is the
	// topic's id: another topic of the same name has another one.
	Held(ctx context.Context, topic, of string) ([]fix.Held, error)
}

// Tables are databases in which consumers keep what they have done, and services
// their events. target is a name in the config. Errors are check.Problems.
type Tables interface {
	// Known gives which of the ids stand in a column of a table.
	Known(ctx context.Context, target, table, column string, ids []string) (map[string]bool, error)
	// Events gives the events of one aggregate in the order of their sequence,
	// and at most limit.
	Events(ctx context.Context, target string, from EventTable, aggregate string, since, until time.Time, limit int) ([]Event, error)
}

// EventTable is where a service keeps its events. Words are names of columns.
type EventTable struct {
	Target    string `yaml:"target"`
	Table     string `yaml:"table"`
	Aggregate string `yaml:"aggregate"`
	Sequence  string `yaml:"sequence"`
	ID        string `yaml:"id"`
	Type      string `yaml:"type"`
	Payload   string `yaml:"payload"`
	Time      string `yaml:"time"`
	// Topic is where its events belong.
	Topic string `yaml:"topic"`
}

// Event is one row of an event table.
type Event struct {
	ID       string
	Sequence int64
	Type     string
	Payload  []byte // as the database gives it
	At       time.Time
}
