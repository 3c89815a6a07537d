package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// scanLook looks for keys that should have expired: it reads expiries and no values.
type scanLook struct{ caches []Cache }

// Look implements look.Looker.
func (l *scanLook) Look(ctx context.Context, q look.Question, tell func(check.Progress)) (look.Report, error) {
	caches, err := ofQuestion(l.caches, q)
	if err != nil {
		return look.Report{}, err
	}
	pattern := ""
	switch len(q.Words) {
	case 0:
	case 1:
		pattern = illegible(q.Words[0])
	default:
		return look.Report{}, problemf("Give one pattern, such as %s, or none to scan what the checks know.", caches[0].words().Pattern)
	}
	var all []*scanned
	for _, c := range caches {
		s := &scanned{cache: c, most: caches}
		if err := s.run(ctx, pattern, tellNothing(tell)); err != nil {
			return look.Report{}, err
		}
		if s.keys > 0 || pattern == "" {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return look.Report{}, problemf("No key that a check knows matches %s. What they know is %s.", clip(legible(pattern)), strings.Join(patterns(caches), ", "))
	}
	return scanReport(all, q), nil
}

func patterns(caches []Cache) []string {
	var out []string
	for _, c := range caches {
		out = append(out, c.words().Pattern)
	}
	return out
}

// scanned is what a scan saw of the keys of one check.
type scanned struct {
	cache Cache
	most  []Cache // all that are looked at: a key belongs to one

	keys, forever, long int64
	under               histogram
	expiries            expiries
	examples            map[string][]string
	crowds              []peak
}

// run reads the expiries of the keys that match both the check's pattern and another
// one, if there is one.
func (s *scanned) run(ctx context.Context, pattern string, tell func(check.Progress)) error {
	words, shape := s.cache.words(), s.cache.shape()
	match := shape.match()
	if pattern != "" {
		if err := redis.Gentle(pattern); err != nil {
			return err
		}
		match = pattern
	}
	size, err := s.cache.Target.Size(ctx)
	if err != nil {
		return err
	}
	s.examples = map[string][]string{}
	seen := newSeenKeys(size)
	err = s.cache.Target.Scan(ctx, match, func(keys []string) error {
		ours := slices.DeleteFunc(seen.fresh(keys), func(key string) bool {
			c, ok := owner(s.most, key)
			return !ok || c.Check.Name != s.cache.Check.Name
		})
		values, err := s.cache.Target.TTLs(ctx, ours)
		for _, v := range values {
			s.add(words, v)
		}
		tell(check.Progress{Done: s.keys, Total: max(size, s.keys), Reading: words.Pattern})
		return err
	})
	if err == nil && !s.expiries.full {
		s.crowds = s.expiries.peaks(words.TTL.Together)
	}
	return err
}

func (s *scanned) add(words *cacheWords, v redis.Value) {
	if v.Kind == redis.None {
		return
	}
	s.keys++
	s.under.add(v)
	if words.TTL.Together > 0 {
		s.expiries.add(v)
	}
	class := ""
	switch longest := words.longest(); {
	case v.TTL == redis.Forever && words.expiryRequired():
		s.forever++
		class = classForever
	case v.TTL != redis.Forever && longest > 0 && v.TTL > longest:
		s.long++
		class = classLong
	}
	const examples = 3
	if class != "" && len(s.examples[class]) < examples {
		s.examples[class] = append(s.examples[class], shownKey(s.cache, true, v.Key))
	}
}

func (s *scanned) wrong() int64 { return s.forever + s.long }

// scanReport puts together what was seen.
func scanReport(all []*scanned, q look.Question) look.Report {
	var keys, wrong int64
	crowds := 0
	for _, s := range all {
		keys += s.keys
		wrong += s.wrong()
		crowds += len(s.crowds)
	}
	text := fmt.Sprintf("Expiries: %s should have expired or been given one", of(wrong, keys, "key"))
	if wrong == 0 {
		text = fmt.Sprintf("Expiries: all %s are within the policy", phrase.Plural(keys, "key"))
	}
	if crowds > 0 {
		text += fmt.Sprintf("; too many expire together in %s", phrase.Plural(int64(crowds), "second"))
	}
	r := look.Report{Head: message.Message{Headline: message.Text("%s", text)}}
	for i, s := range all {
		part := s.parts(q)
		if len(all) == 1 {
			r.Head.Parts = part
			return r
		}
		headline := message.Text("%s: %s", s.cache.words().Pattern, of(s.wrong(), s.keys, "key"))
		r.Thread = append(r.Thread, look.Detail{Name: fmt.Sprintf("cache-%d", i+1), Message: message.Message{Headline: headline, Parts: part}})
	}
	return r
}

func of(part, whole int64, noun string) string {
	return fmt.Sprintf("%s of %s", phrase.Count(part), phrase.Plural(whole, noun))
}

// parts are the counts with examples, and how the expiries are spread.
func (s *scanned) parts(q look.Question) []message.Part {
	words := s.cache.words()
	const crowdsShown = 10
	var rows [][]string
	row := func(what string, n int64, examples []string) {
		if q.NoRows {
			examples = nil
		}
		rows = append(rows, []string{what, phrase.Count(n), strings.Join(examples, ", ")})
	}
	if words.expiryRequired() {
		row(classForever, s.forever, s.examples[classForever])
	}
	if longest := words.longest(); longest > 0 {
		row(classLong+" ("+phrase.Age(longest)+")", s.long, s.examples[classLong])
	}
	for _, p := range s.crowds[:min(len(s.crowds), crowdsShown)] {
		row("expire together at "+p.at().Format("2006-01-02 15:04:05 UTC"), p.keys, nil)
	}
	parts := []message.Part{}
	if len(rows) > 0 {
		parts = append(parts, tableOf(rows, message.Column{Name: "finding"}, message.Column{Name: "keys", Numeric: true}, message.Column{Name: "examples"}))
	}
	parts = append(parts, tableOf(s.under.rows(), message.Column{Name: words.Pattern}, message.Column{Name: "keys", Numeric: true}, message.Column{Name: "share", Numeric: true}))
	if s.expiries.full && words.TTL.Together > 0 {
		parts = append(parts, message.Part{Lines: []message.Line{message.Text("The expiries are spread over too many moments to be counted by the second.")}})
	}
	return parts
}
