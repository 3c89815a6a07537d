package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/integritybot/integritybot/internal/check"
)

// maxEventBytes is how much of one aggregate is read into memory.
const maxEventBytes = 64 << 20

// EventTable is where a service keeps its events: names of columns. Without a
// name for ID, Type or Time, the events have none.
type EventTable struct {
	Table, Aggregate, Sequence, ID, Type, Payload, Time string
}

// StoredEvent is one row of such a table.
type StoredEvent struct {
	ID       string
	Sequence int64
	Type     string
	// Payload is the text that the database gives for it, or its bytes where the
	// column holds bytes; nil is NULL.
	Payload []byte
	At      time.Time // zero: not known
}

// Events gives the events of one aggregate in the order of their sequence, at
// most limit of them, those from since on and before until (zero: no bound). A
// sequence with gaps or duplicates comes as it is. Errors are Problems.
func (t *Target) Events(ctx context.Context, from EventTable, aggregate string, since, until time.Time, limit int) ([]StoredEvent, error) {
	q, err := t.eventQuery(ctx, from)
	if err != nil {
		return nil, err
	}
	if !q.id.possible(aggregate) || limit <= 0 {
		return nil, nil
	}
	if (!since.IsZero() || !until.IsZero()) && from.Time == "" {
		return nil, &check.Problem{Sentence: fmt.Sprintf("The events in %s have no time in the config (time), so they cannot be narrowed down by one.", q.table)}
	}
	s, err := t.session(ctx, t.full, t.opts.StatementTimeout)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	var events []StoredEvent
	size := 0
	err = s.Each(ctx, q.sql, []any{aggregate, bound(since), bound(until), limit}, func(rows pgx.Rows) error {
		e, err := q.scan(rows)
		if err != nil {
			return err
		}
		if size += len(e.Payload); size > maxEventBytes {
			return &check.Problem{Sentence: fmt.Sprintf("The events of %s are more than %d MiB, too many at once: ask for a range of time.", aggregate, maxEventBytes>>20)}
		}
		events = append(events, e)
		return nil
	})
	return events, err
}

// eventQuery is an EventTable on a live database.
type eventQuery struct {
	table *Table
	id    identified
	sql   string
}

func (t *Target) eventQuery(ctx context.Context, from EventTable) (*eventQuery, error) {
	table, err := t.Table(ctx, from.Table)
	if err != nil {
		return nil, err
	}
	cols, err := table.Named(from.Aggregate, from.Sequence, from.Payload)
	if err != nil {
		return nil, err
	}
	aggregate, sequence, payload := cols[0], cols[1], cols[2]
	q := &eventQuery{table: table}
	if q.id, err = identity(table, aggregate); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"bigint", "integer", "smallint", "numeric"}, sequence.Type) {
		return nil, &check.Problem{Sentence: fmt.Sprintf("Column %s of table %s is of type %s: a sequence must be a whole number.", sequence.Name, table, sequence.Type)}
	}
	id, kind, at, err := optional(table, from)
	if err != nil {
		return nil, err
	}
	// Bytes that are no text would come as hexadecimal digits.
	body := "convert_to(t." + payload.SQL() + "::text, 'UTF8')"
	if payload.Type == "bytea" {
		body = "t." + payload.SQL()
	}
	q.sql = fmt.Sprintf(`SELECT %s, t.%s::bigint, %s, %s, %s FROM %s AS t
WHERE t.%s = $1::text%s AND ($2::timestamptz IS NULL OR %[5]s >= $2) AND ($3::timestamptz IS NULL OR %[5]s < $3)
ORDER BY 2, 5, 1 LIMIT $4`, id, sequence.SQL(), kind, body, at, table.SQL(), aggregate.SQL(), q.id.cast)
	return q, nil
}

// optional are expressions for what an event may have.
func optional(table *Table, from EventTable) (id, kind, at string, err error) {
	texts := map[string]string{}
	for _, name := range []string{from.ID, from.Type} {
		if name == "" {
			texts[name] = "NULL::text"
			continue
		}
		cols, err := table.Named(name)
		if err != nil {
			return "", "", "", err
		}
		texts[name] = "t." + cols[0].SQL() + "::text"
	}
	at = "NULL::timestamptz"
	if from.Time != "" {
		cols, err := table.Named(from.Time)
		if err != nil {
			return "", "", "", err
		}
		if !strings.HasPrefix(cols[0].Type, "timestamp") {
			return "", "", "", &check.Problem{Sentence: fmt.Sprintf("Column %s of table %s is of type %s: time must be a timestamp.", from.Time, table, cols[0].Type)}
		}
		at = "t." + cols[0].SQL() + "::timestamptz" // sessions are in UTC
	}
	return texts[from.ID], texts[from.Type], at, nil
}

func (q *eventQuery) scan(rows pgx.Rows) (StoredEvent, error) {
	var e StoredEvent
	var id, kind *string
	var sequence *int64
	var at pgtype.Timestamptz
	if err := rows.Scan(&id, &sequence, &kind, &e.Payload, &at); err != nil {
		return e, err
	}
	if sequence == nil {
		return e, &check.Problem{Sentence: fmt.Sprintf("An event in %s has no sequence number (NULL), so its place is not known: give it one first.", q.table)}
	}
	e.Sequence = *sequence
	if id != nil {
		e.ID = *id
	}
	if kind != nil {
		e.Type = *kind
	}
	if at.Valid && at.InfinityModifier == pgtype.Finite {
		e.At = at.Time
	}
	return e, nil
}

func bound(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
