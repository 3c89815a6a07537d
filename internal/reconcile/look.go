package reconcile

import (
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
)

// Looks are the ways of looking at caches, by their names: cache get, cache ttl, cache
// scan.
func Looks(caches []Cache) map[string]look.Looker {
	return map[string]look.Looker{
		"cache get":  &getLook{caches},
		"cache ttl":  &ttlLook{caches},
		"cache scan": &scanLook{caches},
	}
}

// maxLooked is how many keys one look shows.
const maxLooked = 10

// ofQuestion are the caches that a question is about.
func ofQuestion(caches []Cache, q look.Question) ([]Cache, error) {
	if len(caches) == 0 {
		return nil, problemf("The config declares no check of kind cache, so there is nothing to compare with.")
	}
	some := caches
	switch {
	case q.Check != "":
		some = slices.DeleteFunc(slices.Clone(caches), func(c Cache) bool { return c.Check.Name != q.Check })
		if len(some) == 0 {
			return nil, problemf("%s is no check of a cache. Those are %s.", clip(legible(q.Check)), strings.Join(checkNames(caches), ", "))
		}
	case q.Domain != "":
		some = slices.DeleteFunc(slices.Clone(caches), func(c Cache) bool { return c.Check.Domain != q.Domain })
	}
	on := slices.DeleteFunc(slices.Clone(some), func(c Cache) bool { return c.Target == nil })
	if len(on) == 0 {
		return nil, problemf("No cache can be looked at: the config gives no address for %s.", strings.Join(targetNames(some), ", "))
	}
	return on, nil
}

func checkNames(caches []Cache) []string {
	var out []string
	for _, c := range caches {
		out = append(out, c.Check.Name)
	}
	return out
}

func targetNames(caches []Cache) []string {
	var out []string
	for _, c := range caches {
		if !slices.Contains(out, c.Check.Target) {
			out = append(out, c.Check.Target)
		}
	}
	return out
}

// words are those of the check.
func (c Cache) words() *cacheWords {
	w, ok := c.Declaration.(*cacheWords)
	if !ok {
		return &cacheWords{}
	}
	return w
}

func (c Cache) shape() shape {
	s, err := parseShape(c.words().Pattern)
	if err != nil {
		return shape{before: "\x00"} // of no key
	}
	return s
}

// owner is the check to which a key belongs: of several the one that says most of it.
func owner(caches []Cache, key string) (Cache, bool) {
	best, found := -1, Cache{}
	for _, c := range caches {
		s := c.shape()
		if _, ok := s.id(key); ok && len(s.before)+len(s.after) > best {
			best, found = len(s.before)+len(s.after), c
		}
	}
	return found, best >= 0
}

// asked are the caches that a question is about, and its keys.
func asked(caches []Cache, q look.Question) ([]Cache, []string, error) {
	of, err := ofQuestion(caches, q)
	if err != nil {
		return nil, nil, err
	}
	keys, err := keysOf(q, of[0].words().Pattern)
	return of, keys, err
}

// keysOf are the keys that a look is asked about.
func keysOf(q look.Question, example string) ([]string, error) {
	var keys []string
	for _, word := range q.Words {
		if key := illegible(word); key != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	switch {
	case len(keys) == 0:
		return nil, problemf("Which key? Name one or some, such as %s.", example)
	case len(keys) > maxLooked:
		return nil, problemf("%d keys are more than can be looked at together (%d). To look at all that match a pattern, scan or check.", len(keys), maxLooked)
	}
	return keys, nil
}

// shownKey is a key as it may be shown.
func shownKey(c Cache, known bool, key string) string {
	if !known {
		return clip(legible(key))
	}
	return clip(check.Mask(c.words().keyClass(), legible(key)))
}

func tableOf(rows [][]string, columns ...message.Column) message.Part {
	return message.Part{Table: &message.Table{Columns: columns, Rows: rows, Total: int64(len(rows))}}
}

// tell reports how far a look is, if anybody wants to know.
func tellNothing(tell func(check.Progress)) func(check.Progress) {
	if tell == nil {
		return func(check.Progress) {}
	}
	return tell
}

// sharedAnswer is what a channel with another organisation is told.
func sharedAnswer() (look.Report, error) {
	return look.Report{}, problemf("This channel is shared with another organisation, so no row data here. Use a private channel.")
}
