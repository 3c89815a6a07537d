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
	j, err := p.words.check.judge(ctx, p.cache, p.rows)
	if err != nil {
		return fix.Draft{}, err
	}
	d := &clearing{
		planner: p, order: o, caps: caps, j: j,
		w: &walk{j: j, match: j.shape.match(), full: true, tell: tell},
	}
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
	wrong = slices.DeleteFunc(wrong, func(v verdict) bool { return v.value.Large })
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
	d.w.match = pattern
	if err := d.w.run(ctx); err != nil {
		return err
	}
	if d.w.counted.keys == 0 {
		return problemf("No key of %s matches %s.", d.j.words.Pattern, legible(clip(pattern)))
	}
	return nil
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
	verdicts, err := d.j.judgeAll(ctx, keys, 0)
	if err != nil {
		return err
	}
	for _, v := range verdicts {
		d.w.count(v)
	}
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
	near, err := near(ctx, d.cache, d.j.shape, key)
	if err != nil {
		return err
	}
	return problemf("There is no key %s in Redis %s%s", legible(clip(key)), d.cache.Place(), near)
}

// near ends a sentence about a key that is not there: with keys that are like it.
func near(ctx context.Context, cache *redis.Target, s shape, key string) (string, error) {
	const shown, runes = 3, 2
	id, ok := s.id(key)
	if !ok {
		return ".", nil
	}
	for cut := len([]rune(id)) - 1; cut > 0; cut -= runes {
		keys, err := cache.Near(ctx, redis.Literal(s.before+string([]rune(id)[:cut]))+"*", shown)
		if err != nil {
			return "", err
		}
		if len(keys) > 0 {
			var names []string
			for _, k := range keys {
				names = append(names, legible(clip(k)))
			}
			return fmt.Sprintf(". Near it are %s.", strings.Join(names, ", ")), nil
		}
	}
	return ".", nil
}
