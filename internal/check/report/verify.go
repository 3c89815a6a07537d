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

// The items that only a house with events, or with a cache, has.
const (
	eventsWork  = "Event processing working"
	cacheAgrees = "Cache consistent with database"
)

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
	if checks.any(caches()) {
		list = append(list, item{cacheAgrees, caches()})
	}
	if checks.any(streams()) {
		list = append(list, item{eventsWork, streams()})
	}
	return list
}

// caches are the kinds of check that compare a cache with a database.
func caches() []string { return []string{"cache"} }

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
	listed := verification(checks)
	return slices.DeleteFunc([]string{cacheAgrees, eventsWork, "No data inconsistency alerts"}, func(says string) bool {
		return slices.ContainsFunc(listed, func(i item) bool { return i.says == says })
	})
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
	post.Message.Headline = verifiedHeadline(run, held, looked, len(notYet(checks)))
	post.Message.Parts = append([]message.Part{{Lines: list}}, post.Message.Parts...)
	return post
}

func verifiedHeadline(run check.Run, held, looked, notYet int) message.Line {
	t, title := sum(run), run.Title
	rest := fmt.Sprintf("%d of %d items hold, %d are not looked at yet", held, looked, notYet)
	switch {
	case t.failed > 0:
		return message.Text("🔴 FAIL %s: %s — %s wrong%s", title, rest, phrase.Plural(t.rows, "row"), notRun(run))
	case t.unknown > 0:
		return message.Text("⚪ UNKNOWN %s: %s; %s did not answer%s", title, rest, checksText(t.unknown), notRun(run))
	case len(run.Off) > 0:
		return message.Text("⚪ UNKNOWN %s: %s; %s not run, because the config gives no address for their targets", title, rest, checksText(len(run.Off)))
	case held < looked:
		return message.Text("⚪ UNKNOWN %s: %s; no check is declared for the others", title, rest)
	}
	return message.Text("🟢 PASS %s: %s — 0 of %s rows wrong", title, rest, phrase.Count(t.scanned))
}

// of tells whether a check is one of those that answer the item.
func (i item) of(name string, checks Checks) bool {
	return i.kinds == nil || slices.Contains(i.kinds, checks[name].Kind)
}

// line ticks the item only if every check of it passes. One that was left out did not.
func (i item) line(run check.Run, checks Checks) (message.Line, check.Verdict) {
	part := run
	part.Findings = nil
	for _, f := range run.Findings {
		if i.of(f.Check, checks) {
			part.Findings = append(part.Findings, f)
		}
	}
	var off []string
	for _, name := range run.Off {
		if i.of(name, checks) {
			off = append(off, checks.title(name)+" UNKNOWN (its target is off)")
		}
	}
	t := sum(part)
	switch {
	case len(part.Findings)+len(off) == 0:
		return message.Join("☐ ", message.Strong(i.says), "  not looked at: the config declares no such check"), check.Unknown
	case t.failed == 0 && t.unknown == 0 && len(off) == 0:
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
	wrong = append(wrong, off...)
	text := fmt.Sprintf("  %s wrong of %s: %s", phrase.Count(t.rows), phrase.Count(t.scanned), strings.Join(wrong, ", "))
	if t.failed == 0 {
		return message.Join("☐ ", message.Strong(i.says), "  not known: "+strings.Join(wrong, ", ")), check.Unknown
	}
	return message.Join("☐ ", message.Strong(i.says), text), check.Fail
}
