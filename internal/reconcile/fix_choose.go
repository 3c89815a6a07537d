package reconcile

import (
	"context"
	"slices"

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

func (d *clearing) leave(why string, rows int64) {
	if rows > 0 {
		d.draft.Left = append(d.draft.Left, fix.Left{Rows: rows, Why: why})
	}
}

// copyable reads values of kinds that were not compared, so that they can be told from
// others and copied. Those that are too large for that become Large.
func (d *clearing) copyable(ctx context.Context, wrong []verdict) error {
	kinds := map[string][]string{}
	at := map[string]int{}
	for i, v := range wrong {
		if kind := v.value.Kind; kind != d.j.words.kind() {
			reads := kind
			if kind != redis.String && kind != redis.Hash {
				reads = "" // by their copies
			}
			kinds[reads] = append(kinds[reads], v.value.Key)
			at[v.value.Key] = i
		}
	}
	for kind, keys := range kinds {
		read := map[string]func(context.Context, []string) ([]redis.Value, error){redis.String: d.cache.Strings, redis.Hash: d.cache.Hashes}[kind]
		if read == nil {
			read = d.cache.Dumps
		}
		for some := range slices.Chunk(keys, copiedAtOnce) {
			values, err := read(ctx, some)
			if err != nil {
				return err
			}
			for _, value := range values {
				v := &wrong[at[value.Key]]
				if v.value.Kind != value.Kind { // it changed just now: whatever it is, it is not ours
					value.Large = true
				}
				v.value = value.Slim()
			}
		}
	}
	return nil
}

// copiedAtOnce is how many values of other kinds are read at once, whatever their size.
const copiedAtOnce = 50

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
