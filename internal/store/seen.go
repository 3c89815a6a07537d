package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/integritybot/integritybot/internal/check"
)

// Seen is what a run found last of a check.
type Seen struct {
	Run     int64
	Finding check.Finding
}

// LastFindings gives what runs that ended after that moment found last of each of
// these checks: what was looked at last, and not what belongs to the run that ended
// last, which may have taken long over other checks. Runs that looked at a part of the data only do not count, and a
// check that none ran is left out.
func (s *Store) LastFindings(ctx context.Context, checks []string, since time.Time) ([]Seen, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT DISTINCT ON (c.name) c.run, c.state::text
		FROM run_checks c JOIN runs r ON r.id = c.run
		WHERE c.done AND c.name = ANY($1) AND r.finished > $2
			AND coalesce((r.asked->'Options'->>'Since')::bigint, 0) = 0 AND coalesce(r.asked->'Options'->>'Match', '') = ''
		ORDER BY c.name, (c.state->'finding'->>'started')::timestamptz
			+ coalesce((c.state->'finding'->>'duration')::bigint, 0) / 1000 * interval '1 microsecond' DESC NULLS LAST, r.finished DESC, c.run DESC`, checks, since)
	if err != nil {
		return nil, fmt.Errorf("read last findings: %w", err)
	}
	defer rows.Close()
	var seen []Seen
	for rows.Next() {
		var one Seen
		var raw string
		if err := rows.Scan(&one.Run, &raw); err != nil {
			return nil, fmt.Errorf("read last findings: %w", err)
		}
		var state check.State
		if err := json.Unmarshal([]byte(raw), &state); err != nil {
			return nil, fmt.Errorf("decode finding of run %d: %w", one.Run, err)
		}
		if state.Finding != nil {
			one.Finding = *state.Finding
			seen = append(seen, one)
		}
	}
	return seen, rows.Err()
}
