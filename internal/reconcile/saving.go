package reconcile

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/integritybot/integritybot/internal/check"
)

// savedAtOnce is how many failing rows are written at once. Fewer are written together
// with the end of the check, so that one that is interrupted simply begins anew: a SCAN
// cannot be gone on with by another process without missing keys.
const savedAtOnce = 20_000

// written is the cursor of a check whose failing rows are being written.
type written struct {
	Rows int64 `json:"rows"`
}

// saving hands over what is wrong.
type saving struct {
	j    *judge
	rec  check.Recorder
	rows int64
}

// much writes down what will not be kept.
func (s *saving) much(ctx context.Context, wrong []verdict) error {
	s.rest(wrong, nil)
	cursor, err := json.Marshal(written{s.rows})
	if err != nil {
		return fmt.Errorf("cursor: %w", err)
	}
	return s.rec.Save(ctx, cursor)
}

func (s *saving) rest(wrong []verdict, crowds []peak) {
	for _, v := range wrong {
		s.rec.Found(s.j.row(v))
	}
	for _, p := range crowds {
		s.rec.Found(p.row())
	}
	s.rows += int64(len(wrong) + len(crowds))
}
