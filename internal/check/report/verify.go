package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// item is one line of the runbook's verification list, and which kinds of check
// answer it.
type item struct {
	says  string
	kinds []string // none: every check
}

// eventsWork is the item that only a house with events has.
const eventsWork = "Event processing working"

// verification is the runbook's list, in its order and words, as far as something
// looks at it.
func verification(checks Checks) []item {
	list := []item{
		{"Data integrity checks pass", nil},
		{"No orphaned records", []string{"orphans"}},
		{"No duplicate records", []string{"duplicates"}},
		{"Calculated values correct", []string{"totals"}},
		{"Foreign key constraints intact", []string{"foreign-keys"}},
	}
	if checks.any(streams()) {
		list = append(list, item{eventsWork, streams()})
	}
	return list
}

// any tells whether a check of one of the kinds is declared.
func (c Checks) any(kinds []string) bool {
	for _, one := range c {
		if slices.Contains(kinds, one.Kind) {
			return true
		}
	}
	return false
}

// notYet is the rest of the list, which nothing looks at so far.
func notYet(checks Checks) []string {
	list := []string{"Cache consistent with database", eventsWork, "No data inconsistency alerts"}
	if checks.any(streams()) {
		list = slices.DeleteFunc(list, func(says string) bool { return says == eventsWork })
	}
	return list
}

// verified is the head message of a run that answers with the list.
func verified(run check.Run, checks Checks) message.Post {
	post := head(run, checks)
	if run.State != check.Done { // it was stopped, or given up: there is no list
		return post
	}
	var list []message.Line
	held, looked := 0, 0
	for _, one := range verification(checks) {
		line, verdict := one.line(run, checks)
		list = append(list, line)
		looked++
		if verdict == check.Pass {
			held++
		}
	}
	for _, says := range notYet(checks) {
		list = append(list, message.Join("☐ ", message.Strong(says), "  not looked at yet"))
	}
	post.Message.Headline = verifiedHeadline(sum(run), run.Title, held, looked, len(notYet(checks)))
	post.Message.Parts = append([]message.Part{{Lines: list}}, post.Message.Parts...)
	return post
}

func verifiedHeadline(t totals, title string, held, looked, notYet int) message.Line {
	rest := fmt.Sprintf("%d of %d items hold, %d are not looked at yet", held, looked, notYet)
	switch {
	case t.failed > 0:
		return message.Text("🔴 FAIL %s: %s — %s wrong", title, rest, phrase.Plural(t.rows, "row"))
	case t.unknown > 0:
		return message.Text("⚪ UNKNOWN %s: %s; %s did not answer", title, rest, checksText(t.unknown))
	case held < looked:
		return message.Text("⚪ UNKNOWN %s: %s; no check is declared for the others", title, rest)
	}
	return message.Text("🟢 PASS %s: %s — 0 of %s rows wrong", title, rest, phrase.Count(t.scanned))
}

// line ticks the item only if every check of it passes.
func (i item) line(run check.Run, checks Checks) (message.Line, check.Verdict) {
	part := run
	part.Findings = nil
	for _, f := range run.Findings {
		if i.kinds == nil || slices.Contains(i.kinds, checks[f.Check].Kind) {
			part.Findings = append(part.Findings, f)
		}
	}
	t := sum(part)
	switch {
	case len(part.Findings) == 0:
		return message.Join("☐ ", message.Strong(i.says), "  not looked at: the config declares no such check"), check.Unknown
	case t.failed == 0 && t.unknown == 0:
		return message.Join("☑ ", message.Strong(i.says), fmt.Sprintf("  0 of %s, %s", phrase.Count(t.scanned), checksText(t.passed))), check.Pass
	}
	var wrong []string
	for _, f := range part.Findings {
		switch f.Verdict {
		case check.Fail:
			wrong = append(wrong, checks.title(f.Check)+" "+phrase.Count(f.Tally.Rows))
		case check.Unknown:
			wrong = append(wrong, checks.title(f.Check)+" UNKNOWN")
		case check.Pass:
		}
	}
	text := fmt.Sprintf("  %s wrong of %s: %s", phrase.Count(t.rows), phrase.Count(t.scanned), strings.Join(wrong, ", "))
	if t.failed == 0 {
		return message.Join("☐ ", message.Strong(i.says), "  not known: "+strings.Join(wrong, ", ")), check.Unknown
	}
	return message.Join("☐ ", message.Strong(i.says), text), check.Fail
}
