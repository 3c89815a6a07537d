package store

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Options say how to reach the store. DSN is required.
type Options struct {
	// DSN of the runtime role: a URL or key=value words.
	DSN string
	// MaxConns bounds the pool for everything but jobs; default 8.
	MaxConns int
	// JobConns bounds the pool of the job queue; default 4. Used by Work.
	JobConns int
	// WriteTimeout bounds one transaction; default 2 s, because Slack waits 3 s
	// for an acknowledgement.
	WriteTimeout time.Duration
	// Group is how many requests may share one transaction when they come in
	// faster than the disk commits; default 64. 1 gives each its own.
	Group int
	// Now is for tests. Nil: the clock of the database, which all replicas share.
	Now func() time.Time
	// Version of the bot, for audit events that the store itself appends.
	Version string
	Logger  *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.MaxConns == 0 {
		o.MaxConns = 8
	}
	if o.JobConns == 0 {
		o.JobConns = 4
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = 2 * time.Second
	}
	if o.Group == 0 {
		o.Group = 64
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Validate names every bad field.
func (o Options) Validate() error {
	var bad []error
	if o.DSN == "" {
		bad = append(bad, errors.New("no DSN"))
	} else if _, err := pgxpool.ParseConfig(o.DSN); err != nil {
		bad = append(bad, fmt.Errorf("DSN: %w", err)) // pgx masks the password
	}
	for name, n := range map[string]int{"MaxConns": o.MaxConns, "JobConns": o.JobConns, "Group": o.Group} {
		if n < 0 {
			bad = append(bad, fmt.Errorf("%s is %d, less than 0", name, n))
		}
	}
	if o.WriteTimeout < 0 {
		bad = append(bad, fmt.Errorf("WriteTimeout is %s, less than 0", o.WriteTimeout))
	}
	return errors.Join(bad...)
}
