package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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

// Detect implements check.Detector.
func (d *detector) Detect(ctx context.Context, opts check.Options, from check.Cursor, rec check.Recorder) (check.Result, error) {
	if len(from) > 0 && string(from) != "null" {
		return check.Result{}, &check.Problem{Sentence: "The bot was restarted while this check wrote down what it had found, and a cache cannot be read from the middle on. Run it again."}
	}
	if opts.Since > 0 && d.words.Rows.Time == "" {
		return check.Result{}, &check.Problem{Sentence: "This check has no time column, so it cannot be restricted with --since: name it with rows.time in the config."}
	}
	w := &walk{since: opts.Since, full: opts.Full, whole: opts.Match == ""}
	w.told.tell = rec.Progress
	var err error
	if w.j, err = d.words.judge(ctx, d.cache, d.rows, Pace{Full: opts.Full, Paused: w.told.paused}); err != nil {
		return check.Result{}, err
	}
	rec.Columns(w.j.reported())
	saves := &saving{j: w.j, rec: rec}
	w.saved = saves.much
	crowds, err := w.all(ctx, opts)
	if err != nil {
		return check.Result{}, err
	}
	saves.rest(w.wrong, crowds)
	return w.result(opts, crowds), nil
}

// all goes through all keys that are meant.
func (w *walk) all(ctx context.Context, opts check.Options) ([]peak, error) {
	w.match = w.j.shape.match()
	if opts.Match != "" {
		if err := w.narrow(illegible(opts.Match)); err != nil {
			return nil, err
		}
	}
	if err := w.run(ctx); err != nil {
		return nil, err
	}
	if opts.Match != "" {
		if err := w.some(); err != nil {
			return nil, err
		}
	}
	crowds, err := w.crowds(ctx)
	if err != nil {
		return nil, err
	}
	return crowds, w.unknown(opts, crowds)
}

// unknown is the Problem of a check that has found nothing, because there was something
// that it could not look at.
func (w *walk) unknown(opts check.Options, crowds []peak) error {
	c := w.counted
	if c.wrong > 0 || len(crowds) > 0 {
		return nil
	}
	if there := c.keys - c.gone; c.right == 0 && there > c.since {
		return problemf("%s of %s were found, and none could be judged. %s", phrase.Plural(there, "key"), w.j.words.Pattern, strings.Join(w.notes(opts), " "))
	}
	if w.expiries.full {
		return problemf("The expiries of %s are spread over too many moments to be counted by the second, so whether many expire together is not known: leave ttl.together out, or narrow the pattern.", w.j.words.Pattern)
	}
	return nil
}

// result is what is known at the end beside the rows.
func (w *walk) result(opts check.Options, crowds []peak) check.Result {
	c := w.counted
	r := check.Result{
		Scanned: c.judged(), Read: 2 * c.keys,
		Plan:  "SCAN and pipelined reads, rows by key",
		Says:  w.says(opts, crowds),
		Notes: w.notes(opts),
	}
	if opts.Overview {
		r.Overview = w.overview(opts, crowds)
	}
	return r
}

// classCounts counts what is wrong by its class, in the order of the words.
func (w *walk) classCounts(crowds []peak) ([]string, map[string]int64) {
	counts := map[string]int64{classTogether: int64(len(crowds))}
	maps.Copy(counts, w.classes)
	return []string{classStale, classGone, classUnreadable, classForever, classLong, classTogether}, counts
}

// says is the outcome in a clause.
func (w *walk) says(opts check.Options, crowds []peak) string {
	names, counts := w.classCounts(crowds)
	var wrong []string
	for _, name := range names {
		if n := counts[name]; n > 0 {
			wrong = append(wrong, inWords(name, n))
		}
	}
	matching, n := "", w.counted.judged()
	if opts.Match != "" {
		matching = " that match " + clip(opts.Match)
		if n == 1 {
			matching = " that matches " + clip(opts.Match)
		}
	}
	text := "all " + phrase.Plural(n, "cached value") + matching + " agree with their rows"
	switch {
	case len(wrong) > 0:
		text = fmt.Sprintf("of %s%s %s", phrase.Plural(n, "cached value"), matching, strings.Join(wrong, ", "))
	case n == 0:
		text = "no cached value" + matching + " was judged"
	case n == 1:
		text = "the only cached value" + matching + " agrees with its row"
	}
	if left := w.counted.large + w.counted.unsettled; left > 0 && n > 0 {
		text += fmt.Sprintf("; %s more could not be judged", phrase.Count(left))
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
	if w.replica {
		out = append(out, "The cache was read from a replica, which may be behind its primary.")
	}
	if w.expiries.full {
		out = append(out, "The expiries are spread over too many moments to be counted by the second: whether many expire together is not known.")
	}
	return out
}

// overview is counts by class and by expiry.
func (w *walk) overview(opts check.Options, crowds []peak) *check.Overview {
	o := &check.Overview{Columns: []check.Column{{Name: "keys that", Class: check.Code}, {Name: "number", Class: check.Number}, {Name: "share", Class: check.Number}}}
	row := func(name string, n int64) {
		share := ""
		if w.counted.keys > 0 {
			share = phrase.Share(n, w.counted.keys)
		}
		o.Rows = append(o.Rows, []string{name, phrase.Count(n), share})
	}
	c := w.counted
	row("match "+cmp.Or(clip(opts.Match), w.j.words.Pattern), c.keys)
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
	j, err := w.judge(ctx, cache, rows, Pace{Full: true})
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
	_, err = j.keys(ctx, append(keys, j.shape.key("integritybot: nobody")), nil, 0)
	return err
}
