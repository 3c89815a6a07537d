package incidents

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// SummaryKey is the key of the one pinned message.
func SummaryKey(incident int64) string { return "incident/" + Ref(incident) + "/summary" }

// What the summary shows at most; what is over is counted. Together it stays far below
// what one message of Slack can hold.
const (
	mostChecks  = 10
	mostRepairs = 6
	mostBrief   = 12 // of those that have no line of their own
	mostNamed   = 5  // of other things in one line
	mostTitle   = 40 // characters of a name
	mostReason  = 60
	mostSaid    = 200
)

// Summary is the pinned message: everything one has to know, as stored. It is a pure
// function of the view, and says nothing that changes by the minute.
func Summary(v View, w Wording) message.Message {
	i, f := v.Incident, w.measure(v.Checks)
	lines := []message.Line{f.whatLine(w)}
	lines = append(lines, present(f.growth(i))...)
	lines = append(lines, message.Join(message.Strong("Safe to read? "), f.safe(w, i)))
	if i.Cause != "" {
		lines = append(lines, message.Join(message.Strong("Cause: "), shorten(flat(i.Cause), mostSaid)))
	}
	parts := []message.Part{{Lines: append(lines, ended(i, w)...)}}
	for _, lines := range [][]message.Line{
		checkLines(v, w), repairLines(v), slices.Concat(underway(v), told(v, w), nextUpdates(v, w), calling(i)),
		slices.Concat(alertLines(i), progressLine(i, w)),
	} {
		if len(lines) > 0 {
			parts = append(parts, message.Part{Lines: lines})
		}
	}
	return message.Message{Headline: headline(v, f), Parts: parts, Context: smallPrint(i), Actions: summaryActions(v, w)}
}

// headline is what somebody reads on a phone: how bad, which, what, where it stands, who
// leads, when there is news.
func headline(v View, f measured) message.Line {
	i := v.Incident
	line := message.Join(stateIcon(i, f), " "+called(i), " — ", message.Strong(strings.ToUpper(string(i.Status))))
	if i.Status == Resolved && i.End != nil && i.End.Override != "" {
		line = append(line, message.Span{Text: " although not all checks were green"})
	}
	if i.Status.Over() {
		return line
	}
	line = append(line, leader(i)...)
	due := nextDue(i)
	switch {
	case due.IsZero():
	case v.Now.Before(due):
		line = append(line, message.Join(" · next update due ", message.At(due))...)
	default:
		line = append(line, message.Join(" · update OVERDUE since ", message.At(due))...)
	}
	return line
}

// called is how an incident is called wherever it is named for the first time:
// "P0 INC-12 Orders data is wrong".
func called(i Incident) string {
	name := string(i.Severity) + " " + i.Ref() + " " + shorten(flat(i.Title), mostSaid/2)
	if i.Drill {
		return "DRILL " + name
	}
	return name
}

func leader(i Incident) message.Line {
	if i.Lead == "" {
		return message.Text(" · nobody leads: claim it")
	}
	return message.Join(" · lead ", message.Mention(i.Lead))
}

// stateIcon is green only where everything that was looked at is, or where it ended so.
func stateIcon(i Incident, f measured) string {
	if i.Status == Declined || i.Status == Merged {
		return "⚪"
	}
	return icon(f.verdict())
}

func (f measured) whatLine(w Wording) message.Line {
	text := f.what(w)
	return message.Join(message.Strong("What: "), text+".")
}

// ended says how it ended, and what would open it again.
func ended(i Incident, w Wording) []message.Line {
	if i.End == nil || !i.Status.Over() {
		return nil
	}
	line := message.Join(message.Strong(strings.ToUpper(string(i.Status[:1]))+string(i.Status[1:])), " ", message.At(i.End.At))
	if i.End.By != "" {
		line = append(line, message.Join(" by ", message.Mention(i.End.By))...)
	}
	if i.Into > 0 {
		line = append(line, message.Span{Text: ": it goes on as " + Ref(i.Into)})
	} else if i.End.Says != "" {
		line = append(line, message.Span{Text: ": " + shorten(flat(i.End.Says), mostSaid)})
	}
	lines := []message.Line{line}
	if i.End.Override != "" {
		lines = append(lines, message.Join(message.Strong("Not all checks were green: "), shorten(flat(i.End.Override), mostSaid)))
	}
	if i.Status == Resolved && !i.End.Soak.IsZero() {
		lines = append(lines, message.Join("Until ", message.At(i.End.Soak), " it is opened again by "+Reopens(i, w)+"; or by ", message.Mono(w.Word+" incident reopen "+i.Ref()), "."))
	}
	return lines
}

// checkLines are one line for each check, those that fail first.
func checkLines(v View, w Wording) []message.Line {
	f := w.measure(v.Checks)
	all := slices.Concat(f.fails, f.unknown, f.passes)
	var lines, rest []message.Line
	for n, c := range all {
		if n < mostChecks {
			lines = append(lines, checkLine(c, w))
			continue
		}
		rest = append(rest, message.Text("%s %s %s %s", icon(c.Last.Verdict), word(c.Last.Verdict), shorten(w.checkTitle(c.Name), mostTitle/2), phrase.Count(c.Last.Rows)))
	}
	if len(rest) > 0 {
		lines = append(lines, append(message.Text("Also: "), joined(" · ", mostBrief, rest)...))
	}
	return lines
}

// checkLine is what a check said first and what it says now.
func checkLine(c Checked, w Wording) message.Line {
	line := message.Join(icon(c.Last.Verdict), " ", message.Strong(word(c.Last.Verdict)+" "+shorten(w.checkTitle(c.Name), mostTitle)), "  ")
	if word(c.Last.Verdict) == string(check.Unknown) {
		line = append(line, message.Span{Text: shorten(flat(c.Last.Reason), mostReason)})
		switch {
		case c.Failed.Known() && !c.Passed.newer(c.Failed):
			line = append(line, message.Join(" It last failed ", message.At(c.Failed.At), ": "+c.Failed.wrong()+".")...)
		case c.Passed.Known():
			line = append(line, message.Join(" It last passed ", message.At(c.Passed.At), ".")...)
		}
		return line
	}
	if c.First.Known() && c.First.Run != c.Last.Run && c.First.Rows != c.Last.Rows {
		line = append(line, message.Span{Text: phrase.Count(c.First.Rows) + " → "})
	}
	line = append(line, message.Span{Text: c.Last.wrong()})
	if c.Last.Verdict == check.Fail && !c.Last.First.IsZero() {
		line = append(line, message.Join(" · first bad ", message.At(c.Last.First))...)
	}
	return line
}

// underway is what people wait for.
func underway(v View) []message.Line {
	var runs []message.Line
	for _, r := range v.Runs {
		line := message.Join(fmt.Sprintf("R-%d %s", r.Run, shorten(flat(r.Title), mostTitle)), " since ", message.At(r.Since))
		if r.By != "" {
			line = append(line, message.Join(" for ", message.Mention(r.By))...)
		}
		runs = append(runs, line)
	}
	if len(runs) == 0 {
		return nil
	}
	return []message.Line{append(message.Join(message.Strong("Under way: ")), joined(" · ", mostNamed, runs)...)}
}

// nextDue is when the next audience is to be told; zero: none is.
func nextDue(i Incident) (due time.Time) {
	for _, c := range i.Clocks {
		if !c.Due.IsZero() && (due.IsZero() || c.Due.Before(due)) {
			due = c.Due
		}
	}
	return due
}

// present is a line if there is one.
func present(l message.Line) []message.Line {
	if len(l) == 0 {
		return nil
	}
	return []message.Line{l}
}
