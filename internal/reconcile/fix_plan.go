package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// planner works out what to remove from a cache. It only reads.
type planner struct {
	words  *clearFix
	cache  *redis.Target
	rows   Rows
	check  check.Check
	others []Declaration
}

// Modes implements fix.Planner.
func (p *planner) Modes() []string { return p.words.Allowed(p.words.Ways()) }

// Draft implements fix.Planner.
func (p *planner) Draft(ctx context.Context, o fix.Order, caps fix.Caps, tell func(check.Progress)) (fix.Draft, error) {
	modes := p.Modes()
	mode := cmp.Or(o.Mode, modes[0])
	if !slices.Contains(modes, mode) {
		return fix.Draft{}, problemf("%s cannot be repaired by %s: its config allows %s.", p.check.Name, mode, strings.Join(modes, ", "))
	}
	if mode == wayFlush {
		return p.flush(ctx, o)
	}
	if o.Limit != 0 {
		if err := caps.Limit(o.Limit); err != nil {
			return fix.Draft{}, err
		}
	}
	if err := p.pace(o.Rate); err != nil {
		return fix.Draft{}, err
	}
	which, err := parseChosen(o.Select)
	if err != nil {
		return fix.Draft{}, err
	}
	d := &clearing{planner: p, order: o, caps: caps, w: &walk{full: true}}
	d.w.told.tell = tell
	if d.j, err = p.words.check.judge(ctx, p.cache, p.rows, Pace{Full: true}); err != nil {
		return fix.Draft{}, err
	}
	d.w.j, d.w.match = d.j, d.j.shape.match()
	d.draft = fix.Draft{Noun: cmp.Or(p.check.Noun, "cached values"), Target: p.check.Target, Place: p.cache.Place(), Plain: true}
	return d.make(ctx, which)
}

// pace is nil if a person may ask for such a rate.
func (p *planner) pace(rate int) error {
	if rate < 0 {
		return problemf("A rate of %d values a second removes nothing: give a number from 1 on, or leave --rate out.", rate)
	}
	if most := p.words.rate(); most > 0 && rate > most {
		return problemf("%s values a second are more than this fix may remove: rate is %s in its config. Give --rate a number up to that, or leave it out.",
			phrase.Count(int64(rate)), phrase.Count(int64(most)))
	}
	return nil
}

// clearing is one plan being worked out.
type clearing struct {
	*planner
	order fix.Order
	caps  fix.Caps
	j     *judge
	w     *walk
	draft fix.Draft
}

// make finds what is wrong and freezes it.
func (d *clearing) make(ctx context.Context, which chosen) (fix.Draft, error) {
	var err error
	switch {
	case len(which.keys) > 0:
		err = d.named(ctx, which.keys)
	case which.pattern != "":
		err = d.matching(ctx, which.pattern)
	default:
		err = d.w.run(ctx)
		d.draft.Of = d.w.counted.judged()
	}
	if err != nil {
		return fix.Draft{}, err
	}
	wrong := d.choose()
	if err := d.copyable(ctx, wrong); err != nil {
		return fix.Draft{}, err
	}
	var large int64
	wrong = slices.DeleteFunc(wrong, func(v verdict) bool {
		if v.value.Large {
			large++
		}
		return v.value.Large
	})
	d.leave("over "+size(redis.MaxValue)+", or changed just now: no copy could be kept of them", large)
	if err := d.cap(ctx, &wrong); err != nil {
		return fix.Draft{}, err
	}
	return d.finish(ctx, wrong)
}

// matching goes through the keys of the check that match a narrower pattern, too.
func (d *clearing) matching(ctx context.Context, pattern string) error {
	if redis.MatchesAll(pattern) {
		return problemf("The pattern %s matches every key. Name what is meant, such as %s, or leave the pattern out to clear what %s finds.",
			legible(clip(pattern)), d.j.words.Pattern, d.check.Name)
	}
	if err := d.w.narrow(pattern); err != nil {
		return err
	}
	if err := d.w.run(ctx); err != nil {
		return err
	}
	return d.w.some()
}

// maxNamed is how many keys may be named.
const maxNamed = 1_000

// named looks at the keys that somebody named. One that is right is left alone: what
// was asked for may have been mended meanwhile.
func (d *clearing) named(ctx context.Context, keys []string) error {
	if len(keys) > maxNamed {
		return problemf("%s keys are more than can be named at once (%s): give a pattern.", phrase.Count(int64(len(keys))), phrase.Count(maxNamed))
	}
	for _, key := range keys {
		if _, ok := d.j.shape.id(key); !ok {
			return problemf("%s is no key of %s: those look like %s.", legible(clip(key)), d.check.Name, d.j.words.Pattern)
		}
	}
	verdicts, err := d.j.keys(ctx, keys, nil, 0)
	if err != nil {
		return err
	}
	var some tally
	for i := range verdicts {
		some.add(d.j, &verdicts[i])
	}
	d.w.count(some)
	if err := d.w.settle(ctx); err != nil {
		return err
	}
	if d.w.counted.gone == int64(len(keys)) {
		return d.unknown(ctx, keys[0])
	}
	c := d.w.counted
	d.leave("agree with their row", c.right)
	d.leave("there is no such key", c.gone)
	return nil
}

// unknown is the Problem of a key that is not there.
func (d *clearing) unknown(ctx context.Context, key string) error {
	near, err := near(ctx, d.j, key)
	if err != nil {
		return err
	}
	return problemf("There is no key %s in Redis %s%s", legible(clip(key)), d.cache.Place(), near)
}

// near ends a sentence about a key that is not there: with keys of the check that are
// like it. Where keys are masked it names none.
func near(ctx context.Context, j *judge, key string) (string, error) {
	const shown, looked, cuts = 3, 20, 8
	id, ok := j.shape.id(key)
	if class := j.words.keyClass(); !ok || check.Mask(class, key) != key {
		return ".", nil
	}
	runes := []rune(id)
	step := max(1, len(runes)/cuts)
	for cut := len(runes) - 1; cut > 0; cut -= step {
		keys, err := j.cache.Near(ctx, redis.Literal(j.shape.before+string(runes[:cut]))+"*"+redis.Literal(j.shape.after), looked)
		if err != nil {
			return "", err
		}
		var names []string
		for _, k := range keys {
			if _, ours := j.shape.id(k); ours && len(names) < shown && !slices.Contains(names, legible(clip(k))) {
				names = append(names, legible(clip(k)))
			}
		}
		if len(names) > 0 {
			return fmt.Sprintf(". Near it are %s.", strings.Join(names, ", ")), nil
		}
	}
	return ".", nil
}
