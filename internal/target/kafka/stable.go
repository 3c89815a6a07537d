package kafka

import (
	"context"
	"time"
)

const (
	// stableFor is how long a look at a topic waits for open transactions, and
	// stableEvery how often it looks whether they have ended. Producers that send in
	// transactions mostly end them within a second.
	stableFor   = 5 * time.Second
	stableEvery = 500 * time.Millisecond
)

// stableBounds fixes what a topic holds, as bounds does, and waits a moment for open
// transactions: what stands behind one cannot be read, by anybody who reads
// committed records only, and yet it may be what is looked for. behind is how
// many offsets that were there at the beginning could not be read at the end:
// records, and marks of transactions, which are none.
func (t *Target) stableBounds(ctx context.Context, name string) (b bounds, behind int64, err error) {
	top, err := t.topic(ctx, name)
	if err != nil {
		return bounds{}, 0, err
	}
	highs, err := t.offsets(ctx, top, t.adm.ListEndOffsets)
	if err != nil {
		return bounds{}, 0, err
	}
	for waited := time.Duration(0); ; waited += stableEvery {
		if b, err = t.bounds(ctx, name); err != nil {
			return bounds{}, 0, t.vanished(name, err)
		}
		if b.id != top.ident() {
			return bounds{}, 0, t.anew(name)
		}
		if behind = b.behind(highs); behind == 0 || waited >= stableFor {
			return b, behind, nil
		}
		if err := t.opts.Sleep(ctx, stableEvery); err != nil {
			return bounds{}, 0, context.Cause(ctx)
		}
	}
}

// behind counts what stands between the ends and these offsets.
func (b bounds) behind(highs map[int32]int64) int64 {
	n := int64(0)
	for p, high := range highs {
		n += max(0, high-b.parts[p].to)
	}
	return n
}
