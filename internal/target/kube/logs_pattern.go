package kube

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// patternBytes bounds a pattern.
const patternBytes = 240

// patternOf is what a line has in common with others that say the same: times,
// ids, numbers, addresses and quoted text have placeholders in their place. Of a
// line of JSON it is level, logger, message and error. A pattern of a pattern is
// the same.
func patternOf(text []byte) string {
	s := strings.ToValidUTF8(string(text), "\uFFFD")
	if said, ok := fields(s); ok {
		s = said
	}
	n := normaliser{in: s, out: make([]byte, 0, patternBytes+64)}
	n.run()
	if len(n.out) == 0 {
		return "(blank)"
	}
	return string(n.out)
}

// What stands for what differs from line to line.
const (
	aTime   = "<time>"
	aUUID   = "<uuid>"
	anEmail = "<email>"
	aNumber = "<n>"
	aHex    = "<hex>"
	anID    = "<id>"
	cut     = "…"
)

// normaliser goes over a line once.
type normaliser struct {
	in   string
	at   int
	out  []byte
	safe int // where the pattern may end so that there is room to say that it was cut
	full bool
}

func (n *normaliser) run() {
	for n.at < len(n.in) && !n.full {
		n.token()
	}
	n.out = bytes.TrimRight(n.out, " ")
}

// emit writes one token, which stands for the next size bytes of the line. A
// pattern ends between tokens: none is ever cut, so that the pattern of a pattern
// is the same.
func (n *normaliser) emit(token string, size int) {
	n.at += size
	n.out = append(n.out, token...)
	if len(n.out) <= patternBytes-len(cut) {
		n.safe = len(n.out)
	}
	if len(n.out) > patternBytes {
		n.out = append(bytes.TrimRight(n.out[:n.safe], " "), cut...)
		n.full = true
	}
}

// token takes the next token.
func (n *normaliser) token() {
	rest := n.in[n.at:]
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case blank(r):
		n.space(rest)
	case r == '"' || r == '\'':
		n.quotation(rest, byte(r))
	case wordy(r):
		n.word(rest)
	default:
		n.emit(rest[:size], size)
	}
}

// quotation takes quoted text. The name of a constraint, table or column stays: it
// is what an error is about, and no data.
func (n *normaliser) quotation(rest string, quote byte) {
	size := n.quoted(rest, quote)
	switch {
	case size == 0:
		n.emit(rest[:1], 1)
	case identifier(rest[1:size-1]) && !member(rest[size:]):
		n.emit(rest[:size], size)
	default:
		n.emit(string(quote)+cut+string(quote), size)
	}
}

// member tells that a colon follows, as behind the name of a member in JSON.
func member(after string) bool {
	return strings.HasPrefix(strings.TrimLeftFunc(after, blank), ":")
}

func (n *normaliser) space(rest string) {
	size := 0
	for _, r := range rest {
		if !blank(r) {
			break
		}
		size += utf8.RuneLen(r)
	}
	if len(n.out) == 0 {
		n.at += size
		return
	}
	n.emit(" ", size)
}

// word takes what begins with a letter or digit.
func (n *normaliser) word(rest string) {
	if size := timeLength(rest); size > 0 {
		if after := rest[size:]; len(n.out) == 0 && (after == "" || blank(rune(after[0]))) {
			n.at += size // when it was is no part of what it says
			return
		}
		n.emit(aTime, size)
		return
	}
	if size := uuidLength(rest); size > 0 {
		n.emit(aUUID, size)
		return
	}
	if size := emailLength(rest); size > 0 {
		n.emit(anEmail, size)
		return
	}
	size := wordLength(rest)
	if digits(rest[:size]) == size {
		n.emit(aNumber, numberLength(rest))
		return
	}
	n.emit(said(rest[:size]), size)
}

// said is a word without what makes it one of many.
func said(w string) string {
	runs, hexadecimal := 0, true
	for i := range len(w) {
		if isDigit(w[i]) && (i == 0 || !isDigit(w[i-1])) {
			runs++
		}
		hexadecimal = hexadecimal && isHex(w[i])
	}
	switch {
	case len(w) > 2 && (w[:2] == "0x" || w[:2] == "0X"):
		return aHex
	case len(w) >= 64, runs > 0 && len(w) >= 16:
		return anID
	case runs > 0 && hexadecimal && len(w) >= 8:
		return aHex
	case runs > 1 && len(w) >= 5:
		return anID
	case runs == 0:
		return w
	}
	return numbered(w)
}

// numbered is a word with a placeholder for each number in it: o<n>.
func numbered(w string) string {
	var b strings.Builder
	for i := range len(w) {
		if !isDigit(w[i]) {
			b.WriteByte(w[i])
		} else if i == 0 || !isDigit(w[i-1]) {
			b.WriteString(aNumber)
		}
	}
	return b.String()
}

// quoted is how long quoted text is, with its quotes; 0: it is none. An
// apostrophe within a word quotes nothing.
func (n *normaliser) quoted(rest string, quote byte) int {
	if quote == '\'' && n.at > 0 && !opens(n.in[n.at-1]) {
		return 0
	}
	for i := 1; i < len(rest); i++ {
		switch {
		case quote == '"' && rest[i] == '\\':
			i++
		case rest[i] == quote && (quote == '"' || i+1 == len(rest) || closes(rest[i+1])):
			return i + 1
		}
	}
	return 0
}

func opens(before byte) bool {
	return blank(rune(before)) || strings.IndexByte("([{=:,", before) >= 0
}

func closes(after byte) bool {
	return blank(rune(after)) || strings.IndexByte(")]},.:;", after) >= 0
}

// identifier tells that text is a name as databases have them.
func identifier(s string) bool {
	if !strings.Contains(s, "_") || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '_' && c != '.' && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

func blank(r rune) bool    { return r <= ' ' || r == 0x7f }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isHex(c byte) bool    { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
func wordy(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || unicode.IsLetter(r)
}

func wordLength(s string) int {
	for i, r := range s {
		if !wordy(r) {
			return i
		}
	}
	return len(s)
}
