package redis

import "strings"

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
