package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/message/phrase"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// strangers are keys that belong to no check.
type strangers struct {
	keys, sampled, all int64
	examples           []string
}

// strangers samples what no check of this cache knows.
func (p *planner) strangers(ctx context.Context) (strangers, error) {
	shapes := []string{p.words.check.Pattern}
	for _, one := range p.others {
		if words, ok := one.(*cacheWords); ok {
			shapes = append(shapes, words.Pattern)
		}
	}
	var known []shape
	for _, text := range shapes {
		if s, err := parseShape(text); err == nil {
			known = append(known, s)
		}
	}
	keys, all, err := p.cache.Sample(ctx, sampledKeys)
	if err != nil {
		return strangers{}, err
	}
	s := strangers{sampled: int64(len(keys)), all: all}
	kinds := map[string]int64{}
	for _, key := range keys {
		if p.cache.Own(key) || slices.ContainsFunc(known, func(one shape) bool { _, ok := one.id(key); return ok }) {
			continue
		}
		s.keys++
		kinds[kindOf(key)]++
	}
	names := slices.SortedFunc(maps.Keys(kinds), func(a, b string) int {
		if d := kinds[b] - kinds[a]; d != 0 {
			return int(d)
		}
		return strings.Compare(a, b)
	})
	for _, name := range names[:min(len(names), strangeShown)] {
		s.examples = append(s.examples, fmt.Sprintf("%s: %s", name, phrase.Count(kinds[name])))
	}
	return s, nil
}

// kindOf is what a key begins with, in words.
func kindOf(key string) string {
	if kind, known := redis.KindOf(key); known {
		return kind
	}
	return "without a prefix"
}
