package redis

import (
	"context"
	"errors"
	"slices"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// stringsRead are strings that are read in one pipeline, with what Redis answers.
type stringsRead struct {
	values []Value
	texts  []*goredis.StringCmd
	ttls   []*goredis.DurationCmd
}

// queue asks for the beginning of each string and for its expiry. A check does that for
// millions: the words of the commands are made in one piece.
func (t *Target) queue(ctx context.Context, pipe goredis.Pipeliner, values []Value) *stringsRead {
	const wordsOfGet, wordsOfTTL = 4, 2
	r := &stringsRead{values: values, texts: make([]*goredis.StringCmd, len(values)), ttls: make([]*goredis.DurationCmd, len(values))}
	words := make([]any, 0, (wordsOfGet+wordsOfTTL)*len(values))
	var last any = firstRead
	for i := range values {
		var key any = &values[i].Key
		if t.opts.Mode == Cluster { // the client looks into the key for its slot
			key = values[i].Key
		}
		from := len(words)
		words = append(words, "getrange", key, 0, last, "pttl", key)
		r.texts[i] = goredis.NewStringCmd(ctx, words[from:from+wordsOfGet:from+wordsOfGet]...)
		r.ttls[i] = goredis.NewDurationCmd(ctx, time.Millisecond, words[from+wordsOfGet:len(words):len(words)]...)
		_ = pipe.Process(ctx, r.texts[i]) // it is only queued
		_ = pipe.Process(ctx, r.ttls[i])
	}
	return r
}

// take takes the answers in. Those that are longer, and those that are no strings, are
// named by their places.
func (t *Target) take(ctx context.Context, r *stringsRead) (long, odd []int, err error) {
	now := t.opts.Now()
	for i := range r.values {
		v := &r.values[i]
		v.Kind, v.Text, v.At = String, r.texts[i].Val(), now
		v.Size = int64(len(v.Text))
		err := r.texts[i].Err()
		switch {
		case wrongType(err):
			odd, err = append(odd, i), nil
		case len(v.Text) > firstRead:
			long = append(long, i)
		}
		if err == nil {
			err = v.stays(r.ttls[i])
		}
		if err != nil {
			return nil, nil, t.problem(ctx, act{doing: "reading values", command: "getrange", key: v.Key}, err)
		}
	}
	return long, odd, nil
}

// rest reads what is left after the first answers, and puts it into its place.
func (t *Target) rest(ctx context.Context, r *stringsRead) error {
	long, odd, err := t.take(ctx, r)
	if err != nil {
		return err
	}
	if err := t.some(r.values, odd, func(values []Value) error { return t.kinds(ctx, values) }); err != nil {
		return err
	}
	return t.some(r.values, long, func(values []Value) error {
		return t.longStrings(ctx, values, func([]Value) error { return nil })
	})
}

// restInGroups does the same, and hands the values over: first those that are not long.
func (t *Target) restInGroups(ctx context.Context, r *stringsRead, each func([]Value) error) error {
	long, odd, err := t.take(ctx, r)
	if err != nil {
		return err
	}
	if err := t.some(r.values, odd, func(values []Value) error { return t.kinds(ctx, values) }); err != nil {
		return err
	}
	if len(long) == 0 {
		return each(r.values)
	}
	some := make([]Value, 0, len(long))
	for _, i := range long {
		some = append(some, r.values[i])
	}
	place := -1
	short := slices.DeleteFunc(r.values, func(Value) bool {
		place++
		_, is := slices.BinarySearch(long, place)
		return is
	})
	if err := each(short); err != nil {
		return err
	}
	return t.longStrings(ctx, some, released(each))
}

// released forgets values when they were handed over: a page of them may be large.
func released(each func([]Value) error) func([]Value) error {
	return func(values []Value) error {
		err := each(values)
		clear(values)
		return err
	}
}

// some does something with some of the values that are still there.
func (t *Target) some(values []Value, which []int, do func([]Value) error) error {
	which = slices.DeleteFunc(which, func(i int) bool { return values[i].Kind == None })
	if len(which) == 0 {
		return nil
	}
	some := make([]Value, 0, len(which))
	for _, i := range which {
		some = append(some, values[i])
	}
	err := do(some)
	for n, i := range which {
		values[i] = some[n]
	}
	return err
}

func (t *Target) strings(ctx context.Context, values []Value) error {
	r, err := t.first(ctx, values)
	if err != nil {
		return err
	}
	return t.rest(ctx, r)
}

// first reads the beginnings of strings.
func (t *Target) first(ctx context.Context, values []Value) (*stringsRead, error) {
	asking, cancel := t.ask(ctx)
	defer cancel()
	pipe := t.cl.Pipeline()
	r := t.queue(asking, pipe, values)
	if err := t.exec(ctx, asking, pipe, act{doing: "reading values", command: "getrange"}); err != nil {
		return nil, err
	}
	return r, nil
}

// exec sends a pipeline. What Redis answered to single commands is for those to judge.
func (t *Target) exec(ctx, asking context.Context, pipe goredis.Pipeliner, a act) error {
	_, err := pipe.Exec(asking)
	var answered goredis.Error
	if err != nil && !errors.As(err, &answered) {
		return t.problem(ctx, a, err)
	}
	return nil
}

// longStrings reads strings that are longer than most: first how long they are, and
// then those that are not too large, a few megabytes at once, which are handed over.
func (t *Target) longStrings(ctx context.Context, values []Value, each func([]Value) error) error {
	err := t.pipelined(ctx, act{doing: "asking for sizes", command: "strlen"}, values, func(pipe goredis.Pipeliner, v *Value) func() error {
		length := pipe.StrLen(ctx, v.Key)
		return func() error {
			v.Size = length.Val()
			v.changed(length.Err())
			if v.Large = v.Size > MaxValue; v.Large {
				v.Text = ""
			}
			return unlessType(length.Err())
		}
	})
	if err != nil {
		return err
	}
	return inGroups(values, func(some []Value) error {
		if err := t.wholeStrings(ctx, some); err != nil {
			return err
		}
		return each(some)
	})
}

func (t *Target) wholeStrings(ctx context.Context, values []Value) error {
	return t.pipelined(ctx, act{doing: "reading a long value", command: "getrange"}, values, func(pipe goredis.Pipeliner, v *Value) func() error {
		if v.Large || v.Kind == None {
			return func() error { return nil }
		}
		text := pipe.GetRange(ctx, v.Key, 0, MaxValue)
		return func() error {
			v.Text, v.Size = text.Val(), int64(len(text.Val()))
			v.changed(text.Err())
			if v.Large = v.Size > MaxValue; v.Large { // it grew just now
				v.Text = ""
			}
			return unlessType(text.Err())
		}
	})
}

// changed takes in that a value is of another kind than a moment ago: it is none of
// those that were looked for.
func (v *Value) changed(err error) {
	if wrongType(err) {
		v.Kind, v.Text, v.Size = None, "", 0
	}
}

func unlessType(err error) error {
	if wrongType(err) {
		return nil
	}
	return err
}

// kinds finds out what values are that are not what was expected.
func (t *Target) kinds(ctx context.Context, values []Value) error {
	return t.pipelined(ctx, act{doing: "asking for the type of a value", command: "type"}, values, func(pipe goredis.Pipeliner, v *Value) func() error {
		kind := pipe.Type(ctx, v.Key)
		return func() error {
			v.Kind, v.Text, v.Fields = kind.Val(), "", nil
			return kind.Err()
		}
	})
}
