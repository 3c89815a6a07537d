package bot

import "unicode/utf8"

// Limits of Block Kit, in characters. Slack does not say what a character is;
// size counts UTF-16 units, which is never fewer than it could mean.
//
// Sources: docs.slack.dev/reference/block-kit (blocks, elements, objects). Slack
// publishes no limit for a whole message; users met it at about 13,000.
const (
	budget         = 10_000 // over all blocks of one message
	maxBlocks      = 50
	maxText        = 3000 // a text object; we also keep each rich text block below it
	maxFallback    = 3000 // of chat.update's 4,000
	maxContext     = 2000 // small print, over all its lines
	maxRows        = 100  // of a table, its heading included
	maxColumns     = 20
	maxCells       = 9000 // of a table's 10,000
	maxButtons     = 25   // of an actions block
	maxButtonText  = 75
	maxValue       = 2000
	maxConfirm     = 300
	maxTitle       = 100 // of a confirm dialog
	maxConfirmYes  = 30
	maxOption      = 75
	maxOptions     = 100
	maxPlaceholder = 150
	maxLabel       = 2000
	maxViewTitle   = 24 // of a modal, and its buttons
	maxMetadata    = 3000
	maxURL         = 3000
)

// What a piece costs of the budget beside its text.
const (
	blockCost   = 20
	elementCost = 2
)

// size is the length of s in UTF-16 units.
func size(s string) int {
	n := 0
	for _, r := range s {
		if n++; r > 0xFFFF {
			n++
		}
	}
	return n
}

// cut shortens s to at most limit units, ending in "…" when something is gone.
func cut(s string, limit int) string {
	if limit <= 0 {
		return ""
	}
	if size(s) <= limit {
		return s
	}
	return head(s, limit-1) + "…"
}

// head is the longest beginning of s of at most limit units.
func head(s string, limit int) string {
	n := 0
	for i, r := range s {
		if n++; r > 0xFFFF {
			n++
		}
		if n > limit {
			return s[:i]
		}
	}
	return s
}

// pieces splits s into parts of at most limit units, at line ends where that
// is possible.
func pieces(s string, limit int) []string {
	var out []string
	for size(s) > limit {
		part := head(s, limit)
		if part == "" { // a single character that is wider than the limit
			_, n := utf8.DecodeRuneInString(s)
			part = s[:n]
		}
		if i := lastLineEnd(part); i > 0 {
			part = part[:i]
		}
		out = append(out, part)
		s = s[len(part):]
		if s != "" && s[0] == '\n' {
			s = s[1:]
		}
	}
	if s != "" || len(out) == 0 {
		out = append(out, s)
	}
	return out
}

func lastLineEnd(s string) int {
	for i := len(s) - 1; i > len(s)/2; i-- {
		if s[i] == '\n' {
			return i
		}
	}
	return -1
}
