package redis

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// back is where the copy of a value is that is put back.
type back struct {
	Place   string `json:"at"` // batch and place of the plan that removed it
	Digest  string `json:"was"`
	Expires int64  `json:"expires"` // ms since 1970; 0: never
}

func backOf(text string) (back, error) {
	var b back
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return b, fmt.Errorf("change of a plan: %w", err)
	}
	return b, nil
}

func inOrder(all []copied) []copied {
	slices.SortFunc(all, func(a, b copied) int { return cmp.Or(a.batch-b.batch, a.place-b.place) })
	return all
}

// Inverse implements fix.Applier: values that were removed are put back where nobody
// has cached another one, and values that were put back are removed if nobody has
// changed them.
func (x *Clearing) Inverse(ctx context.Context, o fix.Order, undoes fix.Plan, forms []fix.Form) (fix.Draft, error) {
	if len(forms) == 0 || forms[0].Op == fix.Flush {
		return fix.Draft{}, problemf("%s cannot be taken back: what is flushed is gone, and no copy is kept.", undoes.Ref())
	}
	s, err := specOf(forms[0])
	if err != nil {
		return fix.Draft{}, err
	}
	all, err := x.t.copies(ctx, undoes.ID)
	if err != nil {
		return fix.Draft{}, err
	}
	d := &inverse{x: x, undoes: undoes, order: o, spec: s, table: forms[0].Table}
	d.draft = fix.Draft{
		Target: x.t.Name(), Place: x.t.Place(), Noun: cmp.Or(undoes.Draft.Noun, "cached values"),
		Plain: true, Heads: []string{"key", "now", "then"}, Columns: undoes.Draft.Columns,
	}
	if forms[0].Op == fix.Insert {
		return d.removed(all)
	}
	return d.restored(ctx, all)
}

// inverse is a way back being drafted.
type inverse struct {
	x      *Clearing
	undoes fix.Plan
	order  fix.Order
	spec   spec
	table  string
	draft  fix.Draft
}

// restored puts values back.
func (d *inverse) restored(ctx context.Context, all []copied) (fix.Draft, error) {
	there, err := d.x.t.existing(ctx, all)
	if err != nil {
		return d.draft, err
	}
	now := d.x.t.opts.Now().UnixMilli()
	var some []copied
	left := map[string][]string{}
	leave := func(why string, c copied) { left[why] = append(left[why], d.shown(c.key)) }
	for _, c := range all {
		switch {
		case there[c.key]:
			leave("somebody has cached another value since, which stays", c)
		case c.expires > 0 && c.expires <= now:
			leave("they would have expired by now", c)
		default:
			some = append(some, c)
		}
	}
	d.leave(left)
	d.draft.Does = fmt.Sprintf("put back %s that %s removed", phrase.Plural(int64(len(some)), "cached value"), d.undoes.Ref())
	d.draft.Button, d.draft.Done = "put back "+phrase.Plural(int64(len(some)), "value"), "put back"
	d.draft.Risk = "They are put back as they were: whatever was wrong with them is wrong again."
	return d.finish(some, fix.Insert, func(c copied) (fix.Change, error) {
		after, err := json.Marshal(back{Place: fmt.Sprintf("%d.%d", c.batch, c.place), Digest: c.digest, Expires: c.expires})
		return fix.Change{Key: []string{Legible(c.key)}, Repairs: true, After: string(after)}, err
	}, func(c copied) fix.Sample {
		return fix.Sample{Key: d.shown(c.key), Before: "not there", After: fmt.Sprintf("a value of %s, %s", phrase.Plural(c.size, "byte"), expiresText(c.expires, now))}
	})
}

// removed removes again what was put back.
func (d *inverse) removed(all []copied) (fix.Draft, error) {
	d.draft.Does = fmt.Sprintf("remove %s that %s had put back", phrase.Plural(int64(len(all)), "cached value"), d.undoes.Ref())
	d.draft.Button, d.draft.Done = "clear "+phrase.Plural(int64(len(all)), "value"), "cleared"
	return d.finish(all, fix.Unlink, func(c copied) (fix.Change, error) {
		return fix.Change{Key: []string{Legible(c.key)}, Repairs: true, Before: c.digest}, nil
	}, func(c copied) fix.Sample {
		return fix.Sample{Key: d.shown(c.key), Before: "a value of " + phrase.Plural(c.size, "byte"), After: "not there"}
	})
}

func (d *inverse) leave(left map[string][]string) {
	const examples = 3
	for why, keys := range left {
		d.draft.Left = append(d.draft.Left, fix.Left{Rows: int64(len(keys)), Why: why, Examples: keys[:min(len(keys), examples)]})
		d.draft.Partial = true
	}
	slices.SortFunc(d.draft.Left, func(a, b fix.Left) int { return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Why, b.Why)) })
}

func (d *inverse) finish(some []copied, op fix.Op, change func(copied) (fix.Change, error), sample func(copied) fix.Sample) (fix.Draft, error) {
	n := int64(len(some))
	d.draft.Rows, d.draft.Found, d.draft.Total = n, n, n
	d.draft.Listing = [][]string{{"key", "bytes"}}
	s := spec{Rate: d.spec.Rate, Probe: nobodys(d.table), Class: d.spec.Class}
	if op == fix.Insert {
		s.Undoes = d.undoes.ID
	}
	raw, err := s.json()
	if err != nil {
		return d.draft, err
	}
	c := fix.Content{Forms: []fix.Form{{Op: op, Table: d.table, Key: []string{"key"}, Spec: raw}}}
	sizes := make([]int64, len(some))
	for i, one := range some {
		made, err := change(one)
		if err != nil {
			return d.draft, fmt.Errorf("change of a plan: %w", err)
		}
		c.Changes = append(c.Changes, made)
		sizes[i] = one.size
		d.draft.Listing = append(d.draft.Listing, []string{check.Inert(d.masked(one.key)), strconv.FormatInt(one.size, 10)})
		if i < fix.MaxSamples {
			d.draft.Samples = append(d.draft.Samples, sample(one))
		}
	}
	c.PerBatch = d.x.t.perBatch(sizes, d.spec.Rate)
	if n > 0 {
		d.draft.Content = c
	}
	return d.draft, nil
}

// masked is a key as it may be shown.
func (d *inverse) masked(key string) string {
	if d.spec.Class == "" {
		return Legible(key)
	}
	return check.Mask(check.Class(d.spec.Class), Legible(key))
}

// shown is a key in a preview.
func (d *inverse) shown(key string) string {
	const most = 80
	runes := []rune(d.masked(key))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most-1]) + "…"
}

func expiresText(at, now int64) string {
	if at == 0 {
		return "without an expiry"
	}
	return "for " + phrase.Duration(time.Duration(at-now)*time.Millisecond)
}

// existing tells which keys are there now.
func (t *Target) existing(ctx context.Context, all []copied) (map[string]bool, error) {
	client, err := t.writer()
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for some := range slices.Chunk(all, readAtOnce) {
		asking, cancel := t.ask(ctx)
		pipe := client.Pipeline()
		answers := make([]*goredis.IntCmd, len(some))
		for i, c := range some {
			answers[i] = pipe.Exists(asking, c.key)
		}
		_, err := pipe.Exec(asking)
		cancel()
		if err != nil {
			return nil, t.problem(ctx, act{doing: "asking which keys are there", command: "exists", clears: true}, err)
		}
		for i, answer := range answers {
			if answer.Val() > 0 {
				out[some[i].key] = true
			}
		}
	}
	return out, nil
}
