package reconcile

import (
	"context"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// choose takes of what is wrong what this fix clears, and notes the rest.
func (d *clearing) choose() []verdict {
	var out []verdict
	left := map[string]int64{}
	for _, v := range d.w.wrong {
		d.draft.Found++
		if class := v.reportedClass(); !d.words.clears(class) {
			left[class]++
			continue
		}
		out = append(out, v)
	}
	for _, class := range clearable() {
		d.leave(class+": this fix does not clear them (classes)", left[class])
	}
	c := d.w.counted
	d.leave("their row was changed a moment ago", c.young)
	d.leave("they kept changing while we looked", c.unsettled)
	d.leave("over "+size(redis.MaxValue)+", which is not compared", c.large)
	return out
}

func (d *clearing) leave(why string, rows int64, examples ...string) {
	if rows > 0 {
		d.draft.Left = append(d.draft.Left, fix.Left{Rows: rows, Why: why, Examples: examples})
	}
}

// copyable reads values of kinds that were not compared, so that they can be told from
// others and copied. Those that are too large for that become Large.
func (d *clearing) copyable(ctx context.Context, wrong []verdict) error {
	var keys []string
	at := map[string]int{}
	for i, v := range wrong {
		if v.value.Kind != redis.String && v.value.Kind != redis.Hash {
			keys = append(keys, v.value.Key)
			at[v.value.Key] = i
		}
	}
	if len(keys) == 0 {
		return nil
	}
	values, err := d.cache.Dumps(ctx, keys)
	if err != nil {
		return err
	}
	var large int64
	for _, value := range values {
		v := &wrong[at[value.Key]]
		if v.value.Kind != value.Kind { // it changed just now: whatever it is, it is not ours
			value.Large = true
		}
		v.value = value
		if value.Large {
			large++
		}
	}
	d.leave("over "+size(redis.MaxValue)+", or changed just now: no copy could be kept of them", large)
	return nil
}

// cap keeps to the limit and to the caps.
func (d *clearing) cap(ctx context.Context, wrong *[]verdict) error {
	if n := d.order.Limit; n > 0 && len(*wrong) > n {
		*wrong = (*wrong)[:n]
	}
	of := d.draft.Of
	if of == 0 { // only some keys were looked at: what is a share is one of all
		var err error
		if of, err = d.cache.Size(ctx); err != nil {
			return err
		}
	}
	return d.caps.Check(int64(len(*wrong)), of)
}
