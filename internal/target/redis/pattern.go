package redis

import "strings"

const (
	// mostStars and longestPattern bound patterns that people write: Redis tries every way
	// in which the stars of a pattern could be meant, at every key, while all others wait.
	mostStars      = 3
	longestPattern = 200
)

// Gentle is nil if Redis may be asked for keys by a pattern that somebody wrote.
func Gentle(pattern string) error {
	switch {
	case len(pattern) > longestPattern:
		return problemf("A pattern of more than %d letters makes Redis slow for others: give a shorter one.", longestPattern)
	case strings.Count(pattern, "*") > mostStars:
		return problemf("A pattern with more than %d stars makes Redis slow for others: give one with fewer.", mostStars)
	}
	return nil
}

// MatchesAll tells whether a pattern of MATCH lets nearly every key pass, because it
// demands no letter: *, ?*, [^x]*.
func MatchesAll(pattern string) bool {
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '*', '?':
		case '\\':
			return i+1 >= len(pattern) // an escaped letter is one that is demanded
		case '[':
			end, loose := class(pattern[i:])
			if !loose {
				return false
			}
			i += end
		default:
			return false
		}
	}
	return true
}

// class reads [abc] at the beginning of a pattern: where it ends, and whether it lets
// many letters pass ([^x], [a-z]).
func class(pattern string) (end int, loose bool) {
	loose = strings.HasPrefix(pattern, "[^")
	for end = 1; end < len(pattern) && pattern[end] != ']'; end++ {
		switch pattern[end] {
		case '\\':
			end++
		case '-':
			loose = true
		}
	}
	return min(end, len(pattern)-1), loose
}

// Literal is a pattern of MATCH that only the text itself passes.
func Literal(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if strings.IndexByte(`*?[]\^-`, text[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
