package incidents

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Happened is one line of the timeline.
type Happened struct {
	At   time.Time
	What message.Line // without the time
	// Kind groups lines: see the Happened… words.
	Kind string
	// Key orders lines of one moment, and names their source: "audit/120", "slack/C1/17.2".
	Key string
	// Revisions are earlier texts of a message, the oldest first.
	Revisions []Entry
	// Withdrawn: a message that is no longer wanted on the timeline. It stays in the
	// export.
	Withdrawn bool
	// Minor: it moved nothing, such as a command that was not understood. It stays in the
	// export, and is not shown to people who want to know what happened.
	Minor bool
	// Link leads to the message in Slack; empty: there is none.
	Link string
}

// The kinds of line.
const (
	HappenedMove    = "move" // severity, status, lead, milestones
	HappenedCheck   = "check"
	HappenedFix     = "fix"
	HappenedNotice  = "notice"
	HappenedPage    = "page"    // escalation, reminders
	HappenedMessage = "message" // said in Slack
	HappenedNote    = "note"
)

// Timeline is all that happened, in the order of time: the incident's audit events in
// words, and its messages and notes at their own times. Whoever only looked at something
// is not in it.
func Timeline(v View, w Wording) []Happened {
	t := tell(v, w)
	var all []Happened
	for _, e := range v.Events {
		if !t.untold(e) {
			line, kind := t.words(e)
			all = append(all, Happened{At: e.At, What: line, Kind: kind, Key: eventKey(e), Minor: minor(e)})
		}
	}
	all = append(all, entries(v.Entries)...)
	slices.SortStableFunc(all, func(a, b Happened) int {
		return cmp.Or(a.At.Compare(b.At), compareKeys(a.Key, b.Key))
	})
	return all
}

func eventKey(e audit.Entry) string { return fmt.Sprintf("audit/%d", e.Seq) }

// compareKeys orders by source and, within the audit, by number.
func compareKeys(a, b string) int {
	const numbered = "audit/"
	if strings.HasPrefix(a, numbered) && strings.HasPrefix(b, numbered) {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	}
	return cmp.Compare(a, b)
}

// What the timeline shows in one message: lines, and characters of one.
const (
	mostHappened = 40
	mostLine     = 180
)

// TimelineMessage shows it, the newest last; what does not fit is in the file of the
// export.
func TimelineMessage(v View, w Wording) message.Message {
	i := v.Incident
	everything := Timeline(v, w)
	minor := countMinor(everything)
	all := shown(everything)
	m := message.Message{
		Headline: message.Text("%s: nothing has happened yet", called(i)),
		Actions:  []message.Action{exportAction(i)},
	}
	if minor > 0 {
		m.Context = []message.Line{message.Text("Not shown: %s that moved nothing, such as previews and commands that were not understood; the export has them.", entryCount(minor))}
	}
	if len(all) == 0 {
		return m
	}
	m.Headline = message.Join(called(i)+": "+entryCount(len(all))+" since ", message.At(all[0].At))
	last := all[max(0, len(all)-mostHappened):]
	var lines []message.Line
	if earlier := len(all) - len(last); earlier > 0 {
		lines = append(lines, message.Join(phrase.Count(int64(earlier))+" earlier ones are in the export: ", message.Mono(w.Word+" incident export "+i.Ref())))
	}
	m.Parts = []message.Part{{Lines: append(lines, happenedLines(last)...)}}
	return m
}

func entryCount(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return phrase.Count(int64(n)) + " entries"
}

func countMinor(all []Happened) (n int) {
	for _, h := range all {
		if h.Minor && !h.Withdrawn {
			n++
		}
	}
	return n
}

// shown leaves out what was taken off the timeline, and what moved nothing.
func shown(all []Happened) []Happened {
	return slices.DeleteFunc(all, func(h Happened) bool { return h.Withdrawn || h.Minor })
}

// happenedLines are lines with their times, none too long.
func happenedLines(all []Happened) []message.Line {
	lines := make([]message.Line, 0, len(all))
	for _, h := range all {
		line := append(message.Join(message.At(h.At), "  "), clipLine(h.What, mostLine)...)
		if strings.HasPrefix(h.Link, "https://") || strings.HasPrefix(h.Link, "http://") {
			line = append(line, message.Join(" ", message.LinkTo("↗", h.Link))...)
		}
		lines = append(lines, line)
	}
	return lines
}

// clipLine cuts a line to so many characters.
func clipLine(l message.Line, most int) message.Line {
	var out message.Line
	for _, s := range l {
		size := len([]rune(message.Line{s}.String()))
		if size > most {
			if s.Kind == message.Plain || s.Kind == message.Bold || s.Kind == message.Code {
				s.Text = shorten(s.Text, max(most, 1))
				return append(out, s)
			}
			return append(out, message.Span{Text: "…"})
		}
		out, most = append(out, s), most-size
	}
	return out
}

func exportAction(i Incident) message.Action {
	return message.Action{Verb: "incident", Ref: "export " + i.Ref(), Label: "Export"}
}
