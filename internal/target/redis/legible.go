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

// Illegible is the key of such a form.
func Illegible(text string) string {
	if strings.HasPrefix(text, `"`) {
		if key, err := strconv.Unquote(text); err == nil {
			return key
		}
	}
	return text
}
