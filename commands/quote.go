package commands

import "strings"

// Quote makes one word of any text, which Split reads back as it was typed: for
// what somebody typed into a dialog.
func Quote(text string) string {
	whole := strings.NewReplacer("&", "&amp;") // Split undoes Slack's entities
	text = whole.Replace(normalise(whole.Replace(text)))
	return inQuotes(text)
}

// said are the words of a request as they ask for the same again.
func said(c Call) string {
	words, err := c.Request.words()
	if err != nil {
		return ""
	}
	for i, w := range words {
		words[i] = spelled(w)
	}
	return strings.Join(words, " ")
}

// spelled is one word as it has to be typed.
func spelled(w string) string {
	if w == "" || strings.ContainsAny(w, " \n'\"\\$`*?[]&|<>;()#~!") {
		return inQuotes(w)
	}
	return w
}

func inQuotes(w string) string { return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'" }
