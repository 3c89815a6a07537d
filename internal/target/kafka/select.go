package kafka

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/declare"
)

// Selection tells which letters are meant: those for which every word holds.
// The zero value means all.
type Selection struct {
	words    []string
	tests    []func(Letter) bool
	from, to time.Time
}

// selectWords are the words before the equals sign, with an example of each.
func selectWords() []example {
	return []example{
		{"key", "key=o-17"},
		{"id", "id=9f1c"},
		{"error", "error=NullPointer"},
		{"topic", "topic=ecommerce-events"},
		{"offset", "offset=3:100-200"},
		{"header", "header.source=shop"},
		{"json", "json.$.customerId=c-1"},
	}
}

type example struct{ word, text string }

// ParseSelect reads words such as key=o-17. Errors are check.Problems with an
// example.
//
//	key=o-17                the whole key
//	id=9f1c                 the event's id, by the check's rule
//	error=NullPointer       a part of the exception's class, whatever its case
//	topic=ecommerce-events  where it was first
//	offset=3:100-200        places in the topic of dead letters: partition 3, 100 to 200, both included
//	header.source=shop      any header of the letter of that name
//	json.$.customerId=c-1   what stands at a path of the value
func ParseSelect(words []string) (Selection, error) {
	s := Selection{}
	for _, word := range words {
		name, value, ok := cutWord(word)
		if !ok {
			return Selection{}, problemf("%q says nothing to select by: it needs a word, = and a value, such as %s.", word, examples())
		}
		test, err := selectTest(name, value)
		if err != nil {
			return Selection{}, err
		}
		s.words, s.tests = append(s.words, word), append(s.tests, test)
	}
	return s, nil
}

// cutWord parts a word from its value. A path into JSON may hold an equals sign
// in quotes.
func cutWord(word string) (name, value string, ok bool) {
	from := 0
	if strings.HasPrefix(word, "json.") {
		if end := strings.LastIndex(word, "']="); end >= 0 {
			from = end
		}
	}
	at := strings.IndexByte(word[from:], '=')
	if at <= 0 && from == 0 {
		return "", "", false
	}
	return word[:from+at], word[from+at+1:], true
}

func examples() string {
	var all []string
	for _, e := range selectWords() {
		all = append(all, e.text)
	}
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}

func selectTest(name, value string) (func(Letter) bool, error) {
	if header, ok := strings.CutPrefix(name, "header."); ok && header != "" {
		return func(l Letter) bool { return hasHeader(l, header, value) }, nil
	}
	if text, ok := strings.CutPrefix(name, "json."); ok {
		return selectJSON(text, value)
	}
	switch name {
	case "key":
		return func(l Letter) bool { return l.Key != nil && string(l.Key) == value }, nil
	case "id":
		return func(l Letter) bool { return l.ID != "" && l.ID == value }, nil
	case "topic":
		return func(l Letter) bool { return l.Topic != "" && l.Topic == value }, nil
	case "error":
		part := strings.ToLower(value)
		if part == "" {
			return nil, problemf("error= needs a part of an exception's class, such as error=NullPointer.")
		}
		return func(l Letter) bool { return strings.Contains(strings.ToLower(l.Class), part) }, nil
	case "offset":
		return selectOffset(value)
	}
	return nil, unknownSelect(name)
}

func unknownSelect(name string) error {
	var words []string
	for _, e := range selectWords() {
		words = append(words, e.word)
	}
	word, _, _ := strings.Cut(name, ".")
	if slices.Contains(words, word) { // json without a path, header without a name
		i := slices.Index(words, word)
		return problemf("%q is not complete: write it as in %s.", name, selectWords()[i].text)
	}
	return problemf("Letters cannot be selected by %q%s Words are %s.", name, declare.DidYouMean(word, words), examples())
}

func selectJSON(text, value string) (func(Letter) bool, error) {
	p, err := parsePath(text)
	if err != nil {
		return nil, problemf("In json.%s: %s. An example: json.$.customerId=c-1.", text, err)
	}
	return func(l Letter) bool {
		found, ok := p.text(l.Value)
		return ok && found == value
	}, nil
}

// selectOffset reads 3, 3:100 and 3:100-200.
func selectOffset(value string) (func(Letter) bool, error) {
	partText, places, narrowed := strings.Cut(value, ":")
	part, err := strconv.ParseInt(partText, 10, 32)
	first, last := int64(0), int64(1<<63-1)
	if err == nil && narrowed {
		firstText, lastText, several := strings.Cut(places, "-")
		if !several {
			lastText = firstText
		}
		if first, err = strconv.ParseInt(firstText, 10, 64); err == nil {
			last, err = strconv.ParseInt(lastText, 10, 64)
		}
	}
	if err != nil || part < 0 || first < 0 || last < first {
		return nil, problemf("offset=%s is not a partition and offsets in it: write offset=3:100-200 for 100 to 200 of partition 3, offset=3:100 for one.", value)
	}
	return func(l Letter) bool {
		r := l.Record
		return int64(r.Partition) == part && r.Offset >= first && r.Offset <= last
	}, nil
}

// hasHeader looks at the letter as it stands there and at what is inside.
func hasHeader(l Letter, name, value string) bool {
	for _, h := range l.Record.Headers {
		if h.Key == name && h.Value != nil && string(h.Value) == value {
			return true
		}
	}
	for _, h := range l.Headers {
		if h.Key == name && h.Value != nil && string(h.Value) == value {
			return true
		}
	}
	return false
}

// Between narrows a selection down to letters that died from from on and before
// to; zero is no bound. What counts is the time of the record in the topic of
// dead letters.
func (s Selection) Between(from, to time.Time) Selection {
	s.from, s.to = from, to
	return s
}

// Matches tells whether a letter is meant.
func (s Selection) Matches(l Letter) bool {
	died := l.Record.Timestamp
	if !s.from.IsZero() && died.Before(s.from) || !s.to.IsZero() && !died.Before(s.to) {
		return false
	}
	for _, test := range s.tests {
		if !test(l) {
			return false
		}
	}
	return true
}

// All tells whether nothing is left out.
func (s Selection) All() bool { return len(s.tests) == 0 && s.from.IsZero() && s.to.IsZero() }

// String is the selection for people: its words.
func (s Selection) String() string { return fmt.Sprint(strings.Join(s.words, " ")) }
