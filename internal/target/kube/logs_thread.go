package kube

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// How much detail the thread has.
const (
	shownPods    = 50
	sampledKinds = 5
)

// thread is the detail: what each pod said, samples, and how it was read.
func (r logReport) thread(t total) []look.Detail {
	var out []look.Detail
	if t.matched > 0 {
		out = append(out, look.Detail{Name: "pods", Message: r.perPod()})
		if !r.question.NoRows {
			out = append(out, look.Detail{Name: "samples", Message: samples(t)})
		}
	}
	return append(out, look.Detail{Name: "reading", Message: r.reading(t)})
}

// podRow is one pod in the table.
type podRow struct {
	name, pattern string
	seen          podSeen
}

// perPod is what each pod said; those that said the most first.
func (r logReport) perPod() message.Message {
	var rows []podRow
	for _, f := range r.found {
		for i, p := range f.result.pods {
			name := f.result.names[i]
			if len(r.found) > 1 {
				name = f.target.opts.Place + "/" + name
			}
			rows = append(rows, podRow{name: name, seen: p, pattern: p.pattern})
		}
	}
	slices.SortStableFunc(rows, func(a, b podRow) int { return cmp.Compare(b.seen.matched, a.seen.matched) })
	table := &message.Table{
		Columns: []message.Column{{Name: "pod"}, {Name: "matching", Numeric: true}, {Name: "lines", Numeric: true}, {Name: "first seen"}, {Name: "first pattern"}},
		Total:   int64(len(rows)),
	}
	with := 0
	for i, row := range rows {
		first := ""
		if row.seen.matched > 0 {
			with++
			first = when(row.seen.first.at)
		}
		if i < shownPods {
			table.Rows = append(table.Rows, []string{row.name, phrase.Count(row.seen.matched), phrase.Count(row.seen.read), first, short(row.pattern, 120)})
		}
	}
	return message.Message{
		Headline: message.Text("Per pod: %d of %s have such lines", with, phrase.Plural(int64(len(rows)), "pod")),
		Parts:    []message.Part{{Table: table}},
	}
}

// samples are a few lines of each of the commonest patterns.
func samples(t total) message.Message {
	shown := t.groups[:min(len(t.groups), sampledKinds)]
	m := message.Message{Headline: message.Text("First lines of the %s, masked", kinds(len(shown), len(t.groups)))}
	for _, g := range shown {
		var code []string
		for _, s := range g.samples {
			code = append(code, fmt.Sprintf("%s %s/%s\n%s", stampOf(s.at), s.pod, s.container, s.shown(sampleBytes)))
		}
		m.Parts = append(m.Parts,
			message.Part{Lines: []message.Line{message.Join(message.Strong(short(g.Pattern, 160)), " · "+phrase.Plural(g.Count, "line")+containers(g.LogGroup))}},
			message.Part{Code: strings.Join(code, "\n")})
	}
	return m
}

func kinds(shown, all int) string {
	if shown == all {
		return "patterns"
	}
	return fmt.Sprintf("%d commonest of %s patterns", shown, phrase.Count(int64(all)))
}

// containers says in which containers a pattern is, where a pod has several.
func containers(g LogGroup) string {
	var names []string
	for name := range g.PerContainer {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) < 2 {
		return ""
	}
	for i, name := range names {
		names[i] = name + " " + phrase.Count(g.PerContainer[name])
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// reading tells how it was read, for whoever wants to know whether to believe it.
func (r logReport) reading(t total) message.Message {
	m := message.Message{Headline: message.Text("How the logs were read")}
	read := fmt.Sprintf("%s, %s of %s", phrase.Plural(t.lines, "line"), megabytes(t.bytes), phrase.Plural(int64(t.streams), "log"))
	if t.before > 0 {
		read += fmt.Sprintf(", %d of them from before a restart", t.before)
	}
	for _, f := range r.found {
		if f.err == nil {
			m.Parts = append(m.Parts, message.Part{Lines: []message.Line{
				message.Join("Deployments "+strings.Join(f.target.opts.Deployments, ", ")+" in namespace "+f.target.opts.Namespace+", lines that match ", message.Mono(short(f.result.Pattern, 300))),
			}})
		}
	}
	m.Parts = append(m.Parts, lines(read+". Times are those at which Kubernetes received a line."))
	if len(t.missing) > 0 {
		texts := make([]string, 0, len(t.missing))
		for _, miss := range t.missing[:min(len(t.missing), shownPods)] {
			texts = append(texts, "• "+miss)
		}
		m.Parts = append(m.Parts, lines(append([]string{"Not read, or not known:"}, texts...)...))
	}
	return m
}

func megabytes(n int64) string {
	if n < 1_000_000 {
		return phrase.Count(n) + " bytes"
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// file is the file of all matching lines. There is none where no rows may be
// shown.
func (r logReport) file() (message.File, bool) {
	if r.question.NoRows {
		return message.File{}, false
	}
	k := kept{room: fileBytes}
	for _, f := range r.found {
		k.merge(&f.result.kept)
	}
	if len(k.lines) == 0 {
		return message.File{}, false
	}
	name := "logs.txt"
	if r.events {
		name = "event-logs.txt"
	}
	content, written := fileOf(k.sorted(), int64(len(k.lines))+k.left)
	title := fmt.Sprintf("%s that match, masked", phrase.Plural(written, "line"))
	if all := int64(len(k.lines)) + k.left; written < all {
		title = fmt.Sprintf("First %s of %s lines that match, masked", phrase.Count(written), phrase.Count(all))
	}
	return message.File{Name: name, Title: title, Inline: content}, true
}
