package kube

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// How much of what was found is shown; the rest is counted.
const (
	shownPatterns = 10
	shownFacts    = 50
)

// logReport says what was found in the logs.
type logReport struct {
	question look.Question
	events   bool
	found    []found
}

// total sums up all targets.
type total struct {
	lines, matched  int64
	pods, patterns  int
	groups          []placed // the most lines first
	other           int64    // lines of patterns beyond the bound
	missing         []string
	since           time.Time
	streams, before int
	bytes           int64
}

// placed is a group and where it is.
type placed struct {
	LogGroup
	target *Target
}

func (r logReport) sum() total {
	var t total
	several := len(r.found) > 1
	for _, f := range r.found {
		t.since = earliest(t.since, f.since)
		missing := f.result.Missing
		if f.err != nil {
			missing = []string{saying(f.err)}
		}
		for _, m := range missing {
			if several {
				m = f.target.opts.Place + ": " + m
			}
			t.missing = append(t.missing, m)
		}
		t.add(f)
	}
	slices.SortStableFunc(t.groups, func(a, b placed) int { return cmp.Compare(b.Count, a.Count) })
	t.patterns = len(t.groups)
	return t
}

func (t *total) add(f found) {
	t.lines += f.result.Lines
	t.matched += f.result.Matched
	t.pods += f.result.Pods
	t.streams += f.result.Streams
	t.before += f.result.Before
	t.bytes += f.result.Bytes
	for _, g := range f.result.Groups {
		t.groups = append(t.groups, placed{g, f.target})
	}
	if f.result.Other != nil {
		t.other += f.result.Other.Count
	}
}

func (r logReport) report() look.Report {
	t := r.sum()
	head := message.Message{Headline: r.headline(t)}
	if len(t.groups) > 0 {
		head.Parts = append(head.Parts, message.Part{Table: patternTable(t.groups)})
	}
	if t.other > 0 {
		head.Parts = append(head.Parts, lines(fmt.Sprintf("And %s of other patterns: more than %d kinds of line matched.", phrase.Plural(t.other, "line"), maxPatterns)))
	}
	if len(t.missing) > 0 {
		head.Parts = append(head.Parts, missingPart(t.missing))
	}
	out := look.Report{Head: head, Missing: t.missing, Facts: r.facts(t)}
	out.Thread = append(out.Thread, r.thread(t)...)
	if file, ok := r.file(); ok {
		out.Head.Files = append(out.Head.Files, file)
	}
	return out
}

// headline says how much of what, and the worst of it.
func (r logReport) headline(t total) message.Line {
	about := "Logs"
	if r.events {
		about = "Event logs"
	}
	of := fmt.Sprintf("%s of %s since ", phrase.Plural(t.lines, "line"), phrase.Plural(int64(t.pods), "pod"))
	var line message.Line
	if t.matched == 0 {
		line = message.Join(fmt.Sprintf("🔎 %s: no line matched in %s", about, of), message.At(t.since))
	} else {
		kind := " error pattern"
		if r.question.Grep != "" {
			kind = " pattern"
		}
		patterns := phrase.Count(int64(t.patterns)) + kind
		if t.patterns != 1 {
			patterns += "s"
		}
		if t.other > 0 {
			patterns = "over " + patterns
		}
		most := t.groups[0]
		line = message.Join(fmt.Sprintf("🔎 %s: %s, %s of %s", about, patterns, phrase.Count(t.matched), of), message.At(t.since),
			fmt.Sprintf("; most %s (%s)", titleOf(most.Pattern), phrase.Count(most.Count)))
	}
	if len(t.missing) > 0 {
		line = message.Join(line, "; not all could be read")
	}
	return line
}

func patternTable(groups []placed) *message.Table {
	table := &message.Table{
		Columns: []message.Column{{Name: "pattern"}, {Name: "lines", Numeric: true}, {Name: "pods", Numeric: true}, {Name: "first seen"}, {Name: "last seen"}},
		Total:   int64(len(groups)),
	}
	for _, g := range groups[:min(len(groups), shownPatterns)] {
		table.Rows = append(table.Rows, []string{short(g.Pattern, 160), phrase.Count(g.Count), phrase.Count(int64(g.Pods)), when(g.First), when(g.Last)})
	}
	return table
}

// when is a moment in a table.
func when(at time.Time) string {
	if at.IsZero() {
		return "not known"
	}
	return at.UTC().Format("2006-01-02 15:04:05 UTC")
}

// short is text of at most so many characters.
func short(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func lines(texts ...string) message.Part {
	var p message.Part
	for _, t := range texts {
		p.Lines = append(p.Lines, message.Text("%s", t))
	}
	return p
}

// missingPart says in the head what was not read. All of it is in the report.
func missingPart(missing []string) message.Part {
	const most = 5
	var texts []string
	for _, m := range missing[:min(len(missing), most)] {
		texts = append(texts, "Not known: "+m)
	}
	if more := len(missing) - len(texts); more > 0 {
		texts = append(texts, fmt.Sprintf("%d more were not read, for such reasons.", more))
	}
	return lines(texts...)
}

// facts are the patterns for a diagnosis; none at all is a fact, too.
func (r logReport) facts(t total) []look.Fact {
	kind, noun := look.LogErrors, "log line"
	if r.events {
		kind, noun = look.EventErrors, "event log line"
	}
	if t.matched == 0 {
		return []look.Fact{{Kind: kind, Of: t.lines, Says: fmt.Sprintf("no %s matches, of %s of %s", noun, phrase.Plural(t.lines, "line"), phrase.Plural(int64(t.pods), "pod"))}}
	}
	var out []look.Fact
	for _, g := range t.groups[:min(len(t.groups), shownFacts)] {
		out = append(out, look.Fact{
			Kind: kind, Subject: g.Pattern, Count: g.Count, Of: t.lines, At: g.First,
			Says: fmt.Sprintf("%s of %s in %d of %s", phrase.Plural(g.Count, noun), titleOf(g.Pattern), g.Pods, phrase.Plural(int64(t.pods), "pod")),
		})
	}
	return out
}

// titleOf names a pattern in a few words: the exception and the class that it was
// in, where there are such words; otherwise how it begins.
func titleOf(pattern string) string {
	failure, class := "", ""
	for _, w := range strings.FieldsFunc(pattern, func(r rune) bool { return !wordy(r) && r != '.' }) {
		w = w[strings.LastIndexByte(w, '.')+1:]
		switch {
		case !camel(w):
		case strings.HasSuffix(w, "Exception") || strings.HasSuffix(w, "Error"):
			failure = cmp.Or(failure, w)
		default:
			class = cmp.Or(class, w)
		}
	}
	switch {
	case failure != "" && class != "":
		return failure + " in " + class
	case failure != "":
		return failure
	}
	return "“" + short(pattern, 60) + "”"
}

// camel tells that a word is a name of several words, as classes have them.
func camel(w string) bool {
	upper, lower := 0, 0
	for _, r := range w {
		switch {
		case 'A' <= r && r <= 'Z':
			upper++
		case 'a' <= r && r <= 'z':
			lower++
		}
	}
	return len(w) > 0 && 'A' <= w[0] && w[0] <= 'Z' && upper > 1 && lower > upper
}
