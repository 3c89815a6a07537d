package incidents

import (
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/message"
)

// entries are the messages and notes, each as it stands now and at its own time.
func entries(revisions []Entry) []Happened {
	byKey := map[string][]Entry{}
	for _, e := range revisions {
		byKey[e.Key] = append(byKey[e.Key], e)
	}
	var out []Happened
	for _, key := range sortedKeys(byKey) {
		all := byKey[key]
		slices.SortStableFunc(all, func(a, b Entry) int { return a.Revision - b.Revision })
		now := all[len(all)-1]
		out = append(out, Happened{
			At: now.At, What: entryLine(all), Kind: entryKind(now.Kind), Key: key,
			Revisions: all[: len(all)-1 : len(all)-1], Withdrawn: now.Withdrawn, Link: now.Link,
		})
	}
	return out
}

func entryKind(k EntryKind) string {
	if k == Said {
		return HappenedMessage
	}
	return HappenedNote
}

// entryLine is a message or note as it stands, with what became of it.
func entryLine(all []Entry) message.Line {
	now := all[len(all)-1]
	line := entryHead(now)
	line = append(line, message.Span{Text: flat(now.Text)})
	if len(now.Files) > 0 {
		line = append(line, message.Span{Text: " [" + flat(strings.Join(now.Files, ", ")) + "]"})
	}
	if before := rewritten(all); before != nil {
		line = append(line, message.Join(" (edited ", message.At(edited(all).Noted), ", before: "+flat(before.Text)+")")...)
	}
	switch {
	case now.Gone:
		line = append(line, message.Join(" (deleted ", message.At(now.Noted), "; these were the last words)")...)
	case now.Withdrawn:
		line = append(line, message.Join(" (taken off the timeline ", message.At(now.Noted), ")")...)
	}
	return line
}

func entryHead(e Entry) message.Line {
	var who message.Line
	if e.Author != "" {
		who = message.Line{message.Mention(e.Author)}
	} else {
		who = message.Text("somebody")
	}
	switch {
	case e.Kind == Decision:
		return append(message.Line{message.Strong("Decision")}, append(message.Text(" by "), append(who, message.Span{Text: ": "})...)...)
	case e.Kind == Note:
		return append(message.Text("Note by "), append(who, message.Span{Text: ": "})...)
	case e.Thread != "":
		return append(who, message.Span{Text: " answered: "})
	}
	return append(who, message.Span{Text: " said: "})
}

// rewritten is the last revision that said something else; nil: none did.
func rewritten(all []Entry) *Entry {
	text := all[len(all)-1].Text
	for n := range slices.Backward(all) {
		if all[n].Text != text {
			return &all[n]
		}
	}
	return nil
}

// edited is the revision that gave it the words that it has now.
func edited(all []Entry) Entry {
	n := len(all) - 1
	for n > 0 && all[n-1].Text == all[n].Text {
		n--
	}
	return all[n]
}
