package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"
)

// ScanStrings is Scan and Strings in one: it hands over the values of those keys that
// choose gives of the keys of one SCAN, whose memory it may use. They come in groups of
// some megabytes at most, which are each's until it returns. Each page is read together with the SCAN for the next one, so
// that there is one question a page.
func (t *Target) ScanStrings(ctx context.Context, pattern string, choose func(keys []string) []string, each func([]Value) error) error {
	if t.opts.Mode == Cluster { // a key may be with another server by the time it is read
		return t.scanInGroups(ctx, pattern, choose, func(values []Value) error {
			read, err := t.first(ctx, values)
			if err != nil {
				return err
			}
			return t.restInGroups(ctx, read, each)
		})
	}
	return t.through(ctx, t.cl, func(p primary) error {
		return t.pages(ctx, p, pattern, choose, each)
	})
}

// ScanHashes does the same with hashes.
func (t *Target) ScanHashes(ctx context.Context, pattern string, choose func(keys []string) []string, each func([]Value) error) error {
	return t.scanInGroups(ctx, pattern, choose, func(values []Value) error {
		return t.hashesInGroups(ctx, values, released(each))
	})
}

// scanInGroups hands over keys of which as many as are read at once.
func (t *Target) scanInGroups(ctx context.Context, pattern string, choose func(keys []string) []string, read func([]Value) error) error {
	return t.Scan(ctx, pattern, func(keys []string) error {
		values := valuesOf(choose(keys))
		for from := 0; from < len(values); from += readAtOnce {
			if err := read(values[from:min(from+readAtOnce, len(values))]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *Target) pages(ctx context.Context, p primary, pattern string, choose func(keys []string) []string, each func([]Value) error) error {
	keys, cursor, err := t.scanPiece(ctx, p, 0, pattern)
	if err != nil {
		return err
	}
	for {
		values := valuesOf(choose(keys))
		// A page may have more keys than are read at once: the others go first.
		last := max(0, len(values)-readAtOnce)
		for from := 0; from < last; from += readAtOnce {
			read, err := t.first(ctx, values[from:min(from+readAtOnce, last)])
			if err != nil {
				return err
			}
			if err := t.restInGroups(ctx, read, each); err != nil {
				return err
			}
		}
		if cursor == 0 && last == len(values) {
			return nil
		}
		more := cursor != 0
		var read *stringsRead
		if read, keys, cursor, err = t.page(ctx, p, cursor, pattern, values[last:]); err != nil {
			return err
		}
		if len(read.values) > 0 {
			if err := t.restInGroups(ctx, read, each); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

// page reads values together with the keys of the next page, if there is one.
func (t *Target) page(ctx context.Context, p primary, cursor uint64, pattern string, values []Value) (read *stringsRead, keys []string, next uint64, err error) {
	if cursor != 0 {
		if err := t.paced.wait(ctx, t.opts, t.opts.ScanCount); err != nil {
			return nil, nil, 0, err
		}
	}
	asking, cancel := t.ask(ctx)
	defer cancel()
	pipe := p.client.Pipeline()
	read = t.queue(asking, pipe, values)
	var scan *goredis.ScanCmd
	if cursor != 0 {
		scan = pipe.Scan(asking, cursor, pattern, int64(t.opts.ScanCount))
	}
	if err := t.exec(ctx, asking, pipe, act{doing: "reading values", command: "getrange"}); err != nil || scan == nil {
		return read, nil, 0, err
	}
	if keys, next, err = scan.Result(); err != nil {
		return nil, nil, 0, t.problem(ctx, act{doing: "scanning keys", command: "scan"}, err)
	}
	return read, keys, next, nil
}

func valuesOf(keys []string) []Value {
	values := make([]Value, len(keys))
	for i, key := range keys {
		values[i].Key = key
	}
	return values
}
