package kafka

import (
	"fmt"
	"time"

	"github.com/integritybot/integritybot/internal/message/phrase"
)

// says is the whole look in a clause: how many partitions are behind, with how
// much, and since when. What is not known is not in the numbers.
func (l *lagLook) says(failing int) string {
	var unread int64
	var oldest time.Time
	unknown := 0
	for _, p := range l.parts {
		if p.unknown != nil {
			unknown++
			continue
		}
		unread += p.lag
		if !p.oldest.IsZero() && (oldest.IsZero() || p.oldest.Before(oldest)) {
			oldest = p.oldest
		}
	}
	text := fmt.Sprintf("all %s are within their limits: %s unread", counted(int64(len(l.parts)), "partition"), phrase.Plural(unread, "record"))
	if len(l.parts) == 1 {
		text = fmt.Sprintf("its partition is within its limits: %s unread", phrase.Plural(unread, "record"))
	}
	if failing > 0 {
		are := "are"
		if failing == 1 {
			are = "is"
		}
		text = fmt.Sprintf("%d of %s %s behind: %s", failing, counted(int64(len(l.parts)), "partition"), are, phrase.Plural(unread, "record"))
	}
	if !oldest.IsZero() {
		text += ", the oldest " + phrase.Age(l.at.Sub(oldest)) + " old"
	}
	if unknown > 0 {
		text += fmt.Sprintf("; %d not known", unknown)
	}
	return text
}

// says is what was found in a clause: how many letters, mostly of what, and since
// when.
func (r *lettersRun) says() string {
	n := r.state.Judged.Failing
	switch {
	case n == 0 && r.state.Behind > 0:
		return "no dead letter can be read, and " + phrase.Plural(r.state.Behind, "record") + " not yet"
	case n == 0:
		return "no dead letter is left over"
	}
	text := phrase.Plural(n, "dead letter")
	if r.state.Innocent {
		return fmt.Sprintf("%s, and up to %s are innocent", text, phrase.Count(r.words.Max))
	}
	var oldest time.Time
	most, of := int64(0), ""
	for name, g := range r.state.Groups {
		if g.Count > most || g.Count == most && name < of {
			most, of = g.Count, name
		}
		if oldest.IsZero() || g.Oldest.Before(oldest) {
			oldest = g.Oldest
		}
	}
	switch {
	case r.by == byError && most == n && n > 1:
		text += ", all of them " + of
	case r.by == byError && most < n:
		text += fmt.Sprintf(", %s of them %s", phrase.Count(most), of)
	}
	if !oldest.IsZero() {
		text += ", the oldest " + phrase.Age(r.state.Now.Sub(oldest)) + " old"
	}
	return text
}
