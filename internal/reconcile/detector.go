package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// detector carries a check of a cache out.
type detector struct {
	words *cacheWords
	cache *redis.Target
	rows  Rows
}

// savedAtOnce is how many failing rows are written at once. Fewer are written together
// with the end of the check, so that one that is interrupted simply begins anew: a SCAN
// cannot be gone on with by another process without missing keys.
const savedAtOnce = 20_000

// written is the cursor of a check whose failing rows are being written.
type written struct {
	Rows int64 `json:"rows"`
}

// Detect implements check.Detector.
func (d *detector) Detect(ctx context.Context, opts check.Options, from check.Cursor, rec check.Recorder) (check.Result, error) {
	if len(from) > 0 && string(from) != "null" {
		return check.Result{}, &check.Problem{Sentence: "The bot was restarted while this check wrote down what it had found, and a cache cannot be read from the middle on. Run it again."}
	}
	if opts.Since > 0 && d.words.Rows.Time == "" {
		return check.Result{}, &check.Problem{Sentence: "This check has no time column, so it cannot be restricted with --since: name it with rows.time in the config."}
	}
	j, err := d.words.judge(ctx, d.cache, d.rows)
	if err != nil {
		return check.Result{}, err
	}
	rec.Columns(j.reported())
	w := &walk{j: j, match: j.shape.match(), since: opts.Since, full: opts.Full, tell: rec.Progress}
	if err := w.run(ctx); err != nil {
		return check.Result{}, err
	}
	crowds, err := w.crowds(ctx)
	if err != nil {
		return check.Result{}, err
	}
	if err := w.report(ctx, crowds, rec); err != nil {
		return check.Result{}, err
	}
	return w.result(opts, crowds), nil
}

// report hands over what is wrong.
func (w *walk) report(ctx context.Context, crowds []peak, rec check.Recorder) error {
	var rows int64
	found := func(row check.Row) error {
		rec.Found(row)
		rows++
		if rows%savedAtOnce != 0 {
			return nil
		}
		cursor, err := json.Marshal(written{rows})
		if err != nil {
			return fmt.Errorf("cursor: %w", err)
		}
		return rec.Save(ctx, cursor)
	}
	for _, v := range w.wrong {
		if err := found(w.j.row(v)); err != nil {
			return err
		}
	}
	for _, p := range crowds {
		if err := found(p.row()); err != nil {
			return err
		}
	}
	return nil
}

// result is what is known at the end beside the rows.
func (w *walk) result(opts check.Options, crowds []peak) check.Result {
	c := w.counted
	r := check.Result{
		Scanned: c.judged(), Read: 2 * c.keys,
		Plan:  "SCAN and pipelined reads, rows by key",
		Says:  w.says(crowds),
		Notes: w.notes(opts),
	}
	if opts.Overview {
		r.Overview = w.overview(crowds)
	}
	return r
}

// classCounts counts what is wrong by its class, in the order of the words.
func (w *walk) classCounts(crowds []peak) ([]string, map[string]int64) {
	counts := map[string]int64{classTogether: int64(len(crowds))}
	for _, v := range w.wrong {
		counts[v.reportedClass()]++
	}
	return []string{classStale, classGone, classUnreadable, classForever, classLong, classTogether}, counts
}

// says is the outcome in a clause.
func (w *walk) says(crowds []peak) string {
	names, counts := w.classCounts(crowds)
	var wrong []string
	for _, name := range names {
		if n := counts[name]; n > 0 {
			wrong = append(wrong, inWords(name, n))
		}
	}
	text := "all " + phrase.Plural(w.counted.judged(), "cached value") + " agree with their rows"
	switch n := w.counted.judged(); {
	case len(wrong) > 0:
		text = fmt.Sprintf("of %s %s", phrase.Plural(n, "cached value"), strings.Join(wrong, ", "))
	case n == 0:
		text = "no cached value was judged"
	case n == 1:
		text = "the only cached value agrees with its row"
	}
	return text
}

// inWords is a class with its number, in a clause: 12 are stale.
func inWords(class string, n int64) string {
	count := phrase.Count(n)
	are, have := "are", "have"
	if n == 1 {
		are, have = "is", "has"
	}
	switch class {
	case classGone:
		return fmt.Sprintf("%s %s no row", count, have)
	case classForever:
		return fmt.Sprintf("%s %s no expiry", count, have)
	case classLong:
		return fmt.Sprintf("%s stay longer than the policy allows", count)
	case classTogether:
		return fmt.Sprintf("too many expire together in %s", phrase.Plural(n, "second"))
	}
	return fmt.Sprintf("%s %s %s", count, are, class)
}

// notes say what was not judged, and why.
func (w *walk) notes(opts check.Options) []string {
	c, words := w.counted, w.j.words
	var out []string
	note := func(n int64, format string, args ...any) {
		if n > 0 {
			out = append(out, phrase.Plural(n, "key")+" "+fmt.Sprintf(format, args...)+": not judged.")
		}
	}
	note(c.young, "whose row was changed less than %s ago", phrase.Duration(words.minAge()))
	note(c.large, "with a value over %s", size(redis.MaxValue))
	note(c.unsettled, "kept changing while we looked")
	note(c.since, "whose row was not changed in the last %s, or is not there", phrase.Age(opts.Since))
	if w.expiries.full && words.TTL.Together > 0 {
		out = append(out, "The expiries are spread over too many moments to be counted by the second: whether many expire together is not known.")
	}
	return out
}

// overview is counts by class and by expiry.
func (w *walk) overview(crowds []peak) *check.Overview {
	o := &check.Overview{Columns: []check.Column{{Name: "keys that", Class: check.Code}, {Name: "number", Class: check.Number}, {Name: "share", Class: check.Number}}}
	row := func(name string, n int64) {
		share := ""
		if w.counted.keys > 0 {
			share = phrase.Share(n, w.counted.keys)
		}
		o.Rows = append(o.Rows, []string{name, phrase.Count(n), share})
	}
	c := w.counted
	row("match "+w.j.words.Pattern, c.keys)
	row("agree with their row", c.right)
	names, counts := w.classCounts(crowds)
	for _, name := range names {
		if name != classTogether {
			row(name, counts[name])
		}
	}
	row("were not judged", c.young+c.large+c.since+c.unsettled)
	for _, p := range crowds {
		if len(o.Rows) < check.MaxOverview-len(c.under) {
			row("expire together at "+p.at().Format(time.TimeOnly)+" UTC", p.keys)
		}
	}
	o.Rows = append(o.Rows, c.under.rows()...)
	o.Total = int64(len(o.Rows))
	return o
}

// Validate implements Declaration.
func (w *cacheWords) Validate(ctx context.Context, cache *redis.Target, rows Rows) error {
	j, err := w.judge(ctx, cache, rows)
	if err != nil {
		return err
	}
	keys, err := cache.Near(ctx, j.shape.match(), 1)
	if err != nil {
		return err
	}
	if _, err := cache.Size(ctx); err != nil {
		return err
	}
	_, err = j.read(ctx, append(keys, j.shape.key("integritybot: nobody")))
	return err
}
