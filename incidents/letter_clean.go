package incidents

import (
	"slices"
	"strings"
	"unicode"
)

// maxMarks is how many accents may follow one letter; more is a way to draw over other
// lines.
const maxMarks = 4

// cleanLetter makes text that looks the same wherever it is read: line ends are \n, what
// moves cursors, hides text, turns its direction or draws over it is gone, and no more
// than one line is left empty at a time. Slack shows such text as it is.
func cleanLetter(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), "�")
	marks := 0
	s = strings.Map(func(r rune) rune {
		if marks++; !unicode.In(r, unicode.Mn, unicode.Me) || r == '\uFE0F' {
			marks = 0
		}
		switch {
		case marks > maxMarks:
			return -1
		case r == '\n':
			return r
		case r == '\r' || r == '\u2028' || r == '\u2029':
			return '\n'
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Co, unicode.Variation_Selector) && r != '\uFE0F', unseen(r):
			return -1
		}
		return r
	}, s)
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	s = strings.Join(lines, "\n")
	for strings.Contains(s, "\n\n\n") {
		s = strings.ReplaceAll(s, "\n\n\n", "\n\n")
	}
	return strings.Trim(s, "\n ")
}

// unseen are letters that are drawn as nothing, and what is no letter.
func unseen(r rune) bool {
	return r&0xFFFE == 0xFFFE || slices.Contains([]rune{'\u034F', '\u115F', '\u1160', '\u17B4', '\u17B5', '\u2800', '\u3164', '\uFFA0'}, r)
}

// oneLine is foreign text within a sentence: on one line, of at most so many characters.
func oneLine(s string, most int) string {
	s = strings.Join(strings.Fields(cleanLetter(s)), " ")
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}
