package redis

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Legible is a key, or another text that Redis takes as bytes, in a form that
// everybody can store and read: as it stands if it is text, and otherwise quoted.
func Legible(key string) string {
	if utf8.ValidString(key) && !strings.ContainsRune(key, 0) && !strings.HasPrefix(key, `"`) {
		return key
	}
	return strconv.QuoteToASCII(key)
}

// KindOf is what a key begins with: session:* of session:77:cart. The rest of it, or all
// of a key without such a beginning, may be somebody's secret.
func KindOf(key string) (kind string, known bool) {
	const most = 40
	i := strings.IndexAny(key, ":/|")
	if i <= 0 || i > most {
		return "", false
	}
	return Legible(key[:i+1]) + "*", true
}

// Illegible is the key of such a form.
func Illegible(text string) string {
	if strings.HasPrefix(text, `"`) {
		if key, err := strconv.Unquote(text); err == nil {
			return key
		}
	}
	return text
}
