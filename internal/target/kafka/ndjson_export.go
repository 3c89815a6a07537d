package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/check"
)

// Export hands over the letters that are meant and that no plan has sent on, one
// line each without its end, unmasked. since and limit of 0 are no bounds. The
// lines can be imported again, and are equal then to the byte. It reads only.
func (d *DeadLetters) Export(ctx context.Context, t *Target, s Sources, sel Selection, since time.Duration, limit int, to func(line []byte) error) (int64, error) {
	b, _, err := t.stableBounds(ctx, d.Topic)
	if err != nil {
		return 0, err
	}
	return d.export(ctx, t, s, b, sel, since, limit, to)
}

// export hands over the letters within the bounds.
func (d *DeadLetters) export(ctx context.Context, t *Target, s Sources, b bounds, sel Selection, since time.Duration, limit int, to func(line []byte) error) (int64, error) {
	held, err := (&lettersDetector{words: d, target: t, sources: s}).holds(ctx, b.id)
	if err != nil {
		return 0, err
	}
	rules, n := d.rules(), int64(0)
	if since > 0 {
		// Both bounds hold: the words' own, and this one.
		if from := t.opts.Now().Add(-since); from.After(sel.from) {
			sel = sel.Between(from, sel.to)
		}
	}
	err = t.scan(ctx, b, func(r *kgo.Record) error {
		if _, sent, _ := held.at(r.Partition, r.Offset); sent {
			return nil
		}
		l := understand(rules, r)
		if !sel.Matches(l) {
			return nil
		}
		if limit > 0 && n >= int64(limit) {
			return stop{}
		}
		text, err := writeLine(r, originOf(l))
		if err != nil {
			return err
		}
		n++
		return to(text)
	})
	return n, err
}

// Export implements check.Exporter.
func (d *lettersDetector) Export(ctx context.Context, o check.Order, to func(line []byte) error) (check.Exported, error) {
	sel, err := ParseSelect(o.Select)
	if err != nil {
		return check.Exported{}, err
	}
	b, behind, err := d.target.stableBounds(ctx, d.words.Topic)
	if err != nil {
		return check.Exported{}, err
	}
	n, err := d.words.export(ctx, d.target, d.sources, b, sel, o.Options.Since, o.Limit, to)
	return check.Exported{Lines: n, Notes: d.missing(b.id, behind)}, err
}
