package reconcile

import (
	"context"
	"fmt"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// getLook shows cached values beside their rows, field by field.
type getLook struct{ caches []Cache }

// Look implements look.Looker.
func (l *getLook) Look(ctx context.Context, q look.Question, tell func(check.Progress)) (look.Report, error) {
	if q.NoRows {
		return sharedAnswer()
	}
	caches, keys, err := asked(l.caches, q)
	if err != nil {
		return look.Report{}, err
	}
	tell = tellNothing(tell)
	var report look.Report
	var said []message.Line
	for i, key := range keys {
		one, err := getOne(ctx, caches, key)
		if err != nil {
			return look.Report{}, err
		}
		tell(check.Progress{Done: int64(i) + 1, Total: int64(len(keys))})
		if len(keys) == 1 {
			report.Head = one
			return report, nil
		}
		said = append(said, one.Headline)
		report.Thread = append(report.Thread, look.Detail{Name: fmt.Sprintf("key-%d", i+1), Message: one})
	}
	report.Head = message.Message{Headline: message.Text("%s looked at", phrase.Plural(int64(len(keys)), "key")), Parts: []message.Part{{Lines: said}}}
	return report, nil
}

// getOne looks at one key.
func getOne(ctx context.Context, caches []Cache, key string) (message.Message, error) {
	cache, known := owner(caches, key)
	if !known {
		return strangeKey(ctx, caches, key)
	}
	detail, err := cache.Target.Inspect(ctx, key)
	if err != nil {
		return message.Message{}, err
	}
	j, err := cache.words().judge(ctx, cache.Target, cache.Rows, Pace{Full: true})
	if err != nil {
		return message.Message{}, err
	}
	v, err := j.look(ctx, key)
	if err != nil {
		return message.Message{}, err
	}
	if v.gone() || detail.Kind == redis.None {
		return absentKey(ctx, cache, j, key)
	}
	detail.TTL, detail.At = v.value.TTL, v.value.At
	m := message.Message{
		Headline: message.Join(message.Mono(shownKey(cache, true, key)), " "+j.told(v)),
		Context:  []message.Line{contextOf(detail)},
	}
	if rows := j.sideBySide(v); len(rows) > 0 {
		m.Parts = append(m.Parts, tableOf(rows, message.Column{Name: "field"}, message.Column{Name: "cached"}, message.Column{Name: "database"}, message.Column{Name: "agrees"}))
	}
	if v.class != "" && v.class != classUnreadable || v.unjudged == unjudgedYoung {
		m.Parts = append(m.Parts, message.Part{Lines: []message.Line{message.Text("One look: a value that is being refreshed just now looks like this, too. The check looks more than once.")}})
	}
	return m, nil
}

// told says in a clause what is with a key.
func (j *judge) told(v verdict) string {
	text := "agrees with its row"
	switch {
	case v.unjudged == unjudgedLarge:
		text = "is too large to be compared (" + size(v.value.Size) + ")"
	case v.unjudged == unjudgedYoung:
		text = fmt.Sprintf("was not judged: its row was changed less than %s ago", phrase.Duration(j.words.minAge()))
	case v.class == classUnreadable:
		text = "cannot be read: it is " + v.why
	case v.class == classGone:
		text = fmt.Sprintf("has no row in %s", j.words.Rows.Table)
	case v.class == classStale:
		text = fmt.Sprintf("differs from its row in %d of %s: %s", len(v.differs), phrase.Plural(int64(len(j.words.Fields)), "field"), j.what(verdict{class: v.class, differs: v.differs}))
	}
	switch v.expiry {
	case classForever:
		text += "; it has no expiry"
	case classLong:
		text += fmt.Sprintf("; it stays for %s, and the policy is %s", phrase.Age(v.value.TTL), phrase.Age(j.words.longest()))
	}
	return text
}

// sideBySide is all fields with their columns, masked.
func (j *judge) sideBySide(v verdict) [][]string {
	if v.value.Large {
		return nil
	}
	cells, why := j.cellsOf(v.value)
	if why != "" {
		return nil
	}
	var rows [][]string
	for i, f := range j.words.Fields {
		name := f.Field
		if f.Field != f.Column {
			name += " = " + f.Column
		}
		row, agrees := "no row", "no"
		if v.row != nil {
			row = j.maskedColumn(i, v.row[j.at[i]])
			if j.words.agrees(cells[i], v.row[j.at[i]], j.families[i]) {
				agrees = "yes"
			}
		}
		rows = append(rows, []string{clip(name), j.masked(i, cells[i]), row, agrees})
	}
	return rows
}

// contextOf is what else is known of a key.
func contextOf(d redis.Detail) message.Line {
	line := message.Text("%s", d.Kind)
	add := func(format string, args ...any) {
		line = append(line, message.Text(" · "+format, args...)...)
	}
	if d.Encoding != "" {
		add("kept as %s", d.Encoding)
	}
	if d.Size > 0 {
		add("%s", size(d.Size))
	}
	if d.TTL == redis.Forever {
		add("no expiry")
	} else {
		add("expires ")
		line = append(line, message.At(d.Expires()), message.Span{Text: " (in " + phrase.Age(d.TTL) + ")"})
	}
	if d.Idle >= 0 {
		add("not read for %s", phrase.Age(d.Idle))
	}
	return line
}

// absentKey tells of a key that is not cached.
func absentKey(ctx context.Context, cache Cache, j *judge, key string) (message.Message, error) {
	id, _ := j.shape.id(key)
	rows, _, err := j.rows.Rows(ctx, []string{id})
	if err != nil {
		return message.Message{}, err
	}
	text := " is not cached, and there is no such row"
	if j.existing(rows[0]) != nil {
		text = " is not cached; its row is there"
	}
	hint := "."
	if j.existing(rows[0]) == nil {
		if hint, err = near(ctx, j, key); err != nil {
			return message.Message{}, err
		}
	}
	return message.Message{
		Headline: message.Join(message.Mono(shownKey(cache, true, key)), text, hint),
	}, nil
}

// strangeKey tells of a key that belongs to no check: what it holds is not shown,
// because nobody has said how.
func strangeKey(ctx context.Context, caches []Cache, key string) (message.Message, error) {
	detail, target, err := inspectAny(ctx, caches, key)
	if err != nil {
		return message.Message{}, err
	}
	if detail.Kind == redis.None {
		s := caches[0].shape()
		return message.Message{
			Headline: message.Join("There is no key ", message.Mono(clip(legible(key))), fmt.Sprintf(" in %s, and no check knows such keys: those of %s look like %s.", target.Place(), caches[0].Check.Name, s.before+"*"+s.after)),
		}, nil
	}
	return message.Message{
		Headline: message.Join(message.Mono(clip(legible(key))), " belongs to no check of a cache, so its value is not shown"),
		Context:  []message.Line{contextOf(detail)},
	}, nil
}

// inspectAny looks for a key in every cache.
func inspectAny(ctx context.Context, caches []Cache, key string) (redis.Detail, *redis.Target, error) {
	var detail redis.Detail
	var err error
	for _, c := range caches {
		detail, err = c.Target.Inspect(ctx, key)
		if err != nil || detail.Kind != redis.None {
			return detail, c.Target, err
		}
	}
	return detail, caches[0].Target, nil
}
