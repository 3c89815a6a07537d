package kube

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// filter tells which lines count. A regular expression is slow, and most lines
// do not match: first it is looked whether a line has one of the words without
// which there is no match. It agrees with the expression on every line.
type filter struct {
	re    *regexp.Regexp
	words [][]byte // in lower case, one of them is in every match; nil: not known
	exact bool     // a line that has one of the words, in any case, matches
}

func newFilter(pattern string) (filter, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return filter{}, err
	}
	f := filter{re: re}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return filter{}, err
	}
	n := need(tree.Simplify())
	for _, w := range n.words {
		f.words = append(f.words, []byte(w))
	}
	f.exact = n.whole && n.folded
	return f, nil
}

// matcher is a filter for one stream, with its own scratch space.
type matcher struct {
	filter
	lower []byte
}

// match tells whether a line counts.
func (m *matcher) match(text []byte) bool {
	if m.words == nil {
		return m.re.Match(text)
	}
	plain := m.fold(text)
	if !plain {
		// Some letters beyond ASCII fold into it: ſ is an s.
		return m.re.Match(text)
	}
	for _, w := range m.words {
		if bytes.Contains(m.lower, w) {
			return m.exact || m.re.Match(text)
		}
	}
	return false
}

// fold puts the line in lower case into the scratch space. It tells whether the
// line was ASCII.
func (m *matcher) fold(text []byte) bool {
	if cap(m.lower) < len(text) {
		m.lower = make([]byte, keptBytes)
	}
	m.lower = m.lower[:len(text)]
	var all byte
	for i, c := range text {
		all |= c
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		m.lower[i] = c
	}
	return all < utf8.RuneSelf
}

// maxWords bounds the words that are looked for: beyond, the expression itself is
// as fast.
const maxWords = 32

// needed are words of which every match has one. whole: and it is nothing but
// that word. folded: in any case.
type needed struct {
	words         []string // none: not known
	whole, folded bool
}

// shortest is how long the shortest of the words is: the longer, the rarer.
func (n needed) shortest() int {
	if len(n.words) == 0 {
		return 0
	}
	short := len(n.words[0])
	for _, w := range n.words {
		short = min(short, len(w))
	}
	return short
}

// need finds the words that every match of an expression has.
func need(re *syntax.Regexp) needed {
	switch re.Op {
	case syntax.OpLiteral:
		return literal(re)
	case syntax.OpCapture:
		return need(re.Sub[0])
	case syntax.OpPlus:
		n := need(re.Sub[0])
		n.whole = false
		return n
	case syntax.OpConcat:
		return together(re.Sub)
	case syntax.OpAlternate:
		return either(re.Sub)
	case syntax.OpCharClass:
		return letter(re)
	case syntax.OpEmptyMatch:
		return needed{words: []string{""}, whole: true, folded: true}
	default:
		return needed{}
	}
}

func literal(re *syntax.Regexp) needed {
	s := string(re.Rune)
	for _, r := range re.Rune {
		if r >= utf8.RuneSelf {
			return needed{} // is looked for by the expression
		}
	}
	lower := strings.ToLower(s)
	folded := re.Flags&syntax.FoldCase != 0 || lower == s && strings.ToUpper(s) == s // or has no letters
	return needed{words: []string{lower}, whole: true, folded: folded}
}

// letter is a class of few letters, such as [ab]; of a, A and other cases of one
// letter it is that letter in any case.
func letter(re *syntax.Regexp) needed {
	n := needed{whole: true}
	for i := 0; i+1 < len(re.Rune); i += 2 {
		for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
			if r >= utf8.RuneSelf || len(n.words) > 4 {
				return needed{}
			}
			n.words = append(n.words, strings.ToLower(string(r)))
		}
	}
	return n
}

// together joins what stands side by side: as long as each part is nothing but
// words, their products; of the runs so found the one whose words are longest.
func together(parts []*syntax.Regexp) needed {
	best, run := needed{}, needed{words: []string{""}, whole: true, folded: true}
	whole := true
	end := func() {
		if run.shortest() > best.shortest() {
			best = run
		}
		run = needed{words: []string{""}, whole: true, folded: true}
	}
	for _, p := range parts {
		n := need(p)
		if product := len(run.words) * len(n.words); n.whole && product > 0 && product <= maxWords {
			run = times(run, n)
			continue
		}
		whole = false
		end()
		if n.shortest() > best.shortest() {
			best = n
		}
	}
	end()
	best.whole = whole && best.whole
	if best.shortest() == 0 {
		return needed{}
	}
	return best
}

func times(a, b needed) needed {
	out := needed{whole: true, folded: a.folded && b.folded}
	for _, x := range a.words {
		for _, y := range b.words {
			out.words = append(out.words, x+y)
		}
	}
	return out
}

// either joins what may stand for each other.
func either(parts []*syntax.Regexp) needed {
	out := needed{whole: true, folded: true}
	for _, p := range parts {
		n := need(p)
		if n.words == nil || len(out.words)+len(n.words) > maxWords {
			return needed{}
		}
		out.words = append(out.words, n.words...)
		out.whole, out.folded = out.whole && n.whole, out.folded && n.folded
	}
	return out
}
