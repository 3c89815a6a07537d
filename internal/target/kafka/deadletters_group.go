package kafka

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// The ways of sorting letters.
const (
	byError = "error"
	byTopic = "topic"
	byKey   = "key"
	byAge   = "age"
)

// groupings are the ways of sorting letters, the usual one first.
func groupings() []string { return []string{byError, byTopic, byKey, byAge} }

// grouping is how letters are sorted into classes.
func (d *DeadLetters) grouping(asked string) (string, error) {
	by := cmp.Or(asked, d.GroupBy, byError)
	if !slices.Contains(groupings(), by) {
		return "", problemf("Dead letters cannot be grouped by %q%s They are grouped by %s.",
			by, declare.DidYouMean(by, groupings()), strings.Join(groupings(), ", "))
	}
	return by, nil
}

const (
	// mostClasses is how many classes there are at most; the rest are others.
	mostClasses = 50
	others      = "others"
	// longestKey is how much of a key is shown as a class.
	longestKey = 60
)

// class sorts a letter.
func (r *lettersRun) class(l Letter) string {
	switch r.by {
	case byTopic:
		return cmp.Or(l.Topic, "unknown topic")
	case byAge:
		return age(r.state.Now.Sub(l.Record.Timestamp))
	case byKey:
		return r.keyClass(l)
	}
	return cmp.Or(l.Class, "no error named")
}

func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Hour:
		return "last hour"
	case d < day:
		return "last day"
	case d < 7*day:
		return "last week"
	}
	return "older"
}

// keyClass is one of the most frequent keys. A key may be an e-mail address: if
// it is not to be shown, its rank stands for it.
func (r *lettersRun) keyClass(l Letter) string {
	if l.Key == nil {
		return "no key"
	}
	rank := slices.Index(r.state.Top, digestOf(l.Key).String())
	if rank < 0 {
		return others
	}
	class := r.words.class("key", check.Free)
	masked := check.Mask(class, *bytesText(l.Key))
	if masked != *bytesText(l.Key) {
		return fmt.Sprintf("key no. %d: %s", rank+1, masked)
	}
	return shorten(masked)
}

func shorten(s string) string {
	if r := []rune(s); len(r) > longestKey {
		return string(r[:longestKey]) + "…"
	}
	return s
}

// digest stands for a key.
type digest [16]byte

func digestOf(key []byte) digest {
	sum := sha256.Sum256(key)
	return digest(sum[:16])
}

func (d digest) String() string { return hex.EncodeToString(d[:]) }

// mostFrequent are the keys of most letters, in order. One place is left for no
// key, and one for the others.
func mostFrequent(keys map[digest]int64) []string {
	delete(keys, digestOf(nil))
	all := slices.SortedFunc(maps.Keys(keys), func(a, b digest) int {
		return cmp.Or(cmp.Compare(keys[b], keys[a]), bytes.Compare(a[:], b[:]))
	})
	out := []string{}
	for _, d := range all[:min(len(all), mostClasses-2)] {
		out = append(out, d.String())
	}
	return out
}

// groups are the letters found, by class.
type groups map[string]*group

type group struct {
	Count  int64     `json:"n"`
	Oldest time.Time `json:"oldest"`
	Newest time.Time `json:"newest"`
}

// class is what a class is called: others, when there are too many.
func (g groups) class(name string) string {
	if _, ok := g[name]; ok || len(g) < mostClasses-1 {
		return name
	}
	return others
}

func (g groups) add(name string, at time.Time) {
	name = g.class(name)
	at = at.UTC()
	one := g[name]
	if one == nil {
		one = &group{Oldest: at, Newest: at}
		g[name] = one
	}
	one.Count++
	if at.Before(one.Oldest) {
		one.Oldest = at
	}
	if at.After(one.Newest) {
		one.Newest = at
	}
}

// overview is the groups as a table, the largest first.
func (g groups) overview(by string) *check.Overview {
	o := &check.Overview{
		Columns: []check.Column{
			{Name: by, Class: check.Code},
			{Name: "letters", Class: check.Number},
			{Name: "oldest", Class: check.Time},
			{Name: "newest", Class: check.Time},
		},
		Rows: [][]string{}, Total: int64(len(g)),
	}
	for _, name := range slices.SortedFunc(maps.Keys(g), func(a, b string) int {
		return cmp.Or(cmp.Compare(g[b].Count, g[a].Count), cmp.Compare(a, b))
	}) {
		one := g[name]
		o.Rows = append(o.Rows, []string{
			name, fmt.Sprint(one.Count), one.Oldest.Format(time.RFC3339), one.Newest.Format(time.RFC3339),
		})
	}
	return o
}
