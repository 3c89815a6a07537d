package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/commands"
)

var errInDoubt = errors.New("the connection was lost during the commit")

// findOutWithin keeps a request within Slack's 3 s, together with WriteTimeout.
const findOutWithin = 700 * time.Millisecond

// findOut asks whether a group whose commit was not answered took effect. The
// keys were entered by the same transaction, so one tells for all. To enter it
// once more waits for that transaction if it is still there; then the key is
// either taken (it took effect) or free (it never will).
func (s *Store) findOut(group []*request, lost error) error {
	key := ""
	for _, r := range group {
		if r.key != "" && !r.duplicate {
			key = r.key
		}
	}
	if key == "" {
		if onlyDuplicates(group) {
			return nil // nothing was to be done
		}
		return fmt.Errorf("%w: %w", commands.ErrInDoubt, lost)
	}
	ctx, cancel := context.WithTimeout(context.Background(), findOutWithin)
	defer cancel()
	free, err := s.isFree(ctx, key)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", commands.ErrInDoubt, lost)
	case free:
		return fmt.Errorf("nothing was recorded: %w", lost)
	}
	return nil
}

func onlyDuplicates(group []*request) bool {
	for _, r := range group {
		if !r.duplicate {
			return false
		}
	}
	return true
}

// isFree tries to enter a key and takes it back.
func (s *Store) isFree(ctx context.Context, key string) (bool, error) {
	conn, tx, err := s.begin(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	var got string
	err = tx.QueryRow(ctx, `INSERT INTO inbox (key, at) VALUES ($1, clock_timestamp()) ON CONFLICT DO NOTHING RETURNING key`, key).Scan(&got)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return false, err
	}
	return err == nil, tx.Rollback(ctx)
}
