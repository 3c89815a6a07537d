package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// finish puts the plan together.
func (d *clearing) finish(ctx context.Context, wrong []verdict) (fix.Draft, error) {
	d.draft.Rows, d.draft.Total = int64(len(wrong)), int64(len(wrong))
	d.draft.Heads = []string{"key", "cached", "row"}
	d.draft.Columns = d.j.reported()
	d.draft.Done = "cleared"
	slices.SortStableFunc(d.draft.Left, func(a, b fix.Left) int { return cmp.Compare(b.Rows, a.Rows) })
	d.list(wrong)
	if len(wrong) == 0 {
		return d.draft, nil
	}
	d.draft.Does = fmt.Sprintf("clear %s: %s", phrase.Plural(int64(len(wrong)), "cached value"), classesText(wrong))
	d.draft.Button = "clear " + phrase.Plural(int64(len(wrong)), "value")
	removals := make([]redis.Removal, len(wrong))
	for i, v := range wrong {
		removals[i] = d.removal(v)
	}
	content, err := d.cache.Removals(d.j.words.Pattern, d.j.words.keyClass(), d.rate(), removals)
	if err != nil {
		return fix.Draft{}, err
	}
	d.draft.Content = content
	for _, v := range wrong[:min(len(wrong), fix.MaxSamples)] {
		d.draft.Samples = append(d.draft.Samples, d.sample(v))
	}
	return d.draft, d.warn(ctx, wrong)
}

// removal is one value that is removed if it is still what we saw. One that is wrong by
// its expiry alone must still be so.
func (d *clearing) removal(v verdict) redis.Removal {
	r := redis.Removal{Value: v.value}
	if v.class == "" {
		switch v.expiry {
		case classForever:
			r.Forever = true
		case classLong:
			r.Over = d.j.words.longest()
		}
	}
	return r
}

func (d *clearing) rate() int { return cmp.Or(d.order.Rate, d.words.rate()) }

// classesText counts by class: 28 stale, 2 without a row.
func classesText(wrong []verdict) string {
	counts := map[string]int64{}
	for _, v := range wrong {
		counts[v.reportedClass()]++
	}
	var out []string
	for _, class := range clearable() {
		if n := counts[class]; n > 0 {
			out = append(out, phrase.Count(n)+" "+map[string]string{
				classStale: "that differ from their row", classGone: "without a row", classUnreadable: "unreadable",
				classForever: "without an expiry", classLong: "that stay too long",
			}[class])
		}
	}
	return strings.Join(out, ", ")
}

func (d *clearing) sample(v verdict) fix.Sample {
	cached, row := d.j.sides(v)
	switch v.reportedClass() {
	case classForever, classLong:
		cached = "ttl " + stays(v.value)
	case classGone:
		cached = size(v.value.Size)
	}
	return fix.Sample{Key: clip(check.Mask(d.j.words.keyClass(), legible(v.value.Key))), Before: cached, After: row}
}

// list is the whole plan as lines of a file.
func (d *clearing) list(wrong []verdict) {
	d.draft.Listing = [][]string{{"key", "differs", "cached", "row", "ttl", "finding"}}
	for _, v := range wrong {
		cached, row := d.j.sides(v)
		line := []string{check.Mask(d.j.words.keyClass(), legible(v.value.Key)), d.j.what(v), cached, row, stays(v.value), v.reportedClass()}
		for i := range line {
			line[i] = check.Inert(line[i])
		}
		d.draft.Listing = append(d.draft.Listing, line)
	}
}

// warn says what somebody should know before the click.
func (d *clearing) warn(ctx context.Context, wrong []verdict) error {
	n, rate := len(wrong), d.rate()
	if rate > 0 {
		d.risk("Each value is read from the database when it is next asked for: at most %s a second more, for %s.",
			phrase.Plural(int64(min(n, rate)), "read"), phrase.Duration(time.Duration(float64(n)/float64(rate)*float64(time.Second))))
	}
	state, err := d.cache.State(ctx)
	if err != nil {
		return err
	}
	if state.Evicts != "" {
		var sum int64
		for _, v := range wrong {
			sum += v.value.Size
		}
		d.risk("Redis removes keys by itself when its memory is full (maxmemory-policy %s): copies for the way back may be lost before they are needed. They take about %s of that memory for %s.",
			state.Evicts, size(sum), phrase.Age(d.cache.Keep()))
	}
	return nil
}

// risk adds a sentence that somebody should know before the click.
func (d *clearing) risk(format string, args ...any) {
	d.draft.Risk = strings.TrimSpace(d.draft.Risk + " " + fmt.Sprintf(format, args...))
}
